"""Where orders are shipped from: what the config says of each location, what was decided for each line, and where open orders go."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Float, ForeignKey, Index, String, Table, Text

from channelsync.ledger.schema.base import metadata
from channelsync.ledger.types import Key, Utc

routing_places = Table(
    "routing_places",
    metadata,
    Column("location_id", BigInteger, ForeignKey("locations.id"), primary_key=True, autoincrement=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("areas", JSON, nullable=False),  # {"countries": [], "regions": [], "postcodes": []}
    CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_or_neither"),
)
"""The locations that may ship what no shop assigns; none: routing is off."""

order_routes = Table(
    "order_routes",
    metadata,
    Column("id", Key, primary_key=True),
    Column("order_id", BigInteger, ForeignKey("orders.id"), nullable=False),
    Column("line_ref", String(255), nullable=False),
    Column("location_id", BigInteger, ForeignKey("locations.id"), nullable=False),
    Column("way", String(4), nullable=False),
    Column("why", Text, nullable=False),
    Column("told", JSON, nullable=False),  # {"summary": "", "considered": [{"location": "", "chosen": true, "why": ""}], "forgotten": true}
    Column("actor", String(128), nullable=False, server_default=""),
    Column("decided_at", Utc, nullable=False),
    CheckConstraint("way IN ('rule', 'cart', 'hand', 'anew', 'auto')", name="way"),
    Index(None, "order_id", "line_ref", "id"),
)
"""Every decision for a line, the last one counts. rule: at first sight; cart: where its reservation was; hand: a person; anew: chosen again when
somebody asked; auto: chosen again as its location had run out or does not ship it.
told: considered tells of where the order goes, by distances and areas, and is forgotten with its row of order_destinations.
"""

order_destinations = Table(
    "order_destinations",
    metadata,
    Column("order_id", BigInteger, ForeignKey("orders.id"), primary_key=True, autoincrement=False),
    Column("country", String(2), nullable=False),
    Column("region", String(64), nullable=False),
    Column("postcode", String(16), nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
)
"""Personal data: kept while the order holds units and routing is on, and not a moment longer."""
