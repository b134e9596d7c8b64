"""Availability for the public: on the public listener, under /availability.

storefront  its parts put together for a daemon
telling     how much of what there is may be told
board       what was told lately, kept for a second; many questions, few reads
routes      the answers to GET: one SKU, many, the script for pages
answers     what every answer has: headers, CORS, ETag
live        /availability/stream: the clients and what each of them has not heard yet
feed        notices that stock has moved

Not here: what is available (ledger/availability), the listener itself (serve), webhooks (receiver).
"""
