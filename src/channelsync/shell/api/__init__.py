"""The REST API of the private listener, under /api/v1.

app       the application: routes, problems, the OpenAPI document
bearer    who asks, and whether the token allows it
problems  how a "no" looks (RFC 9457)
models    what requests and answers look like
paging    cursors of lists
call      what every route is given: the store, who asks, the idempotency key
addresses names in paths
stock_verbs  what can be asked of stock and claims, as a table
stock_reading, stock_writing, statistics, updating, shops, orders, listings, planning, explaining, describing: the routes

Not here: what a verb does (ledger), the public listener (receiver). Only the running daemon imports these modules: FastAPI takes half a second.
"""
