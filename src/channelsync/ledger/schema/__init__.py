"""Every table of the ledger, as SQLAlchemy Core metadata, one room per topic. Migrations build the same (a test compares them); triggers are in `triggers`.

Times are instants (`types.Utc`). Quantities are whole SKU units, except on `shelves`, `attempts`, `book_entries` and the columns `took` and
`withheld` of `order_lines`, which are in the listing's units (a six-pack counts 1).
"""

from __future__ import annotations

from channelsync.ledger.schema.access import api_tokens
from channelsync.ledger.schema.alerts import alert_marks, alert_messages, alert_targets, alerts, low_stock, reorder_levels, stock_looks
from channelsync.ledger.schema.authority import OPEN_CLAIM, authority_guards, authority_rows, export_lines, exports
from channelsync.ledger.schema.base import metadata
from channelsync.ledger.schema.counts import count_lines, count_sheets
from channelsync.ledger.schema.orders import POSTED, hand_shipments, order_lines, orders
from channelsync.ledger.schema.purchasing import purchase_lines, purchase_orders, suppliers, supplies
from channelsync.ledger.schema.push import OPEN_ATTEMPT, attempts, book_entries, push_calls, shelf_feeds, shelves
from channelsync.ledger.schema.records import DONE_KEY_ONLY, DONE_WITH_BODY, RESOLVED, facts, findings, idempotency_keys, inbox, set_aside
from channelsync.ledger.schema.returns import return_lines, returns
from channelsync.ledger.schema.routing import order_destinations, order_routes, routing_places
from channelsync.ledger.schema.rules import freezes, shelf_rules
from channelsync.ledger.schema.seals import seals
from channelsync.ledger.schema.shadow import measurements, sightings
from channelsync.ledger.schema.shops import channel_locations, channels, cursors, listing_aliases, listings, rejections
from channelsync.ledger.schema.stock import (
    AVAILABLE,
    BUCKETS,
    bundle_parts,
    locations,
    movements,
    reservations,
    skus,
    stock_levels,
    stock_updates,
)
from channelsync.ledger.schema.transfers import transfer_lines, transfers
from channelsync.ledger.schema.watching import guard_marks, guard_passes, guards, pace, webhook_changes, webhook_states

__all__ = [
    "AVAILABLE",
    "BUCKETS",
    "DONE_KEY_ONLY",
    "DONE_WITH_BODY",
    "OPEN_ATTEMPT",
    "OPEN_CLAIM",
    "POSTED",
    "RESOLVED",
    "alert_marks",
    "alert_messages",
    "alert_targets",
    "alerts",
    "api_tokens",
    "attempts",
    "authority_guards",
    "authority_rows",
    "book_entries",
    "bundle_parts",
    "channel_locations",
    "channels",
    "count_lines",
    "count_sheets",
    "cursors",
    "export_lines",
    "exports",
    "facts",
    "findings",
    "freezes",
    "guard_marks",
    "guard_passes",
    "guards",
    "hand_shipments",
    "idempotency_keys",
    "inbox",
    "listing_aliases",
    "listings",
    "locations",
    "low_stock",
    "measurements",
    "metadata",
    "movements",
    "order_destinations",
    "order_lines",
    "order_routes",
    "orders",
    "pace",
    "purchase_lines",
    "purchase_orders",
    "push_calls",
    "rejections",
    "reorder_levels",
    "reservations",
    "return_lines",
    "returns",
    "routing_places",
    "seals",
    "set_aside",
    "shelf_feeds",
    "shelf_rules",
    "shelves",
    "sightings",
    "skus",
    "stock_levels",
    "stock_looks",
    "stock_updates",
    "suppliers",
    "supplies",
    "transfer_lines",
    "transfers",
    "webhook_changes",
    "webhook_states",
]
