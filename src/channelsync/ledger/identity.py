"""Rule 16: a database belongs to one store, and a channel name to one shop, for ever. Checked at every start, before anything is read or written.

Otherwise a copied config file or a swapped credential would mix two businesses' stock, and no audit could tell them apart again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from channelsync.ledger.database import WrongDatabase
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import channels, facts

STORE = "store"


class WrongStore(WrongDatabase):
    """The database belongs to another store."""


@dataclass(frozen=True, slots=True)
class ShopClaim:
    """shop: what the shop itself says it is (`Identity.shop`)."""

    channel_id: int
    shop: str


def claim_store(conn: Connection, store_id: str) -> None:
    """Record the store the first time, compare afterwards. Raises WrongDatabase naming the store the database belongs to."""
    conn.execute(insert_into(conn, facts).values(name=STORE, value=store_id).on_conflict_do_nothing())
    require_store(conn, store_id)


def require_store(conn: Connection, store_id: str) -> None:
    """Changes nothing. Raises WrongStore unless the database is this store's, or nobody's yet."""
    owner = conn.scalar(select(facts.c.value).where(facts.c.name == STORE))
    if owner is not None and owner != store_id:
        raise WrongStore(
            f"this database belongs to store {owner!r}, the config is for store {store_id!r}; correct the database URL or the store's id in the config"
        )


def claim_shop(conn: Connection, channel_id: int, shop: str) -> None:
    """Record which shop a channel talks to the first time, compare afterwards. Raises NotAllowed naming the shop it belongs to."""
    conn.execute(update(channels).where(channels.c.id == channel_id, channels.c.shop.is_(None)).values(shop=shop))
    row = conn.execute(select(channels.c.name, channels.c.shop).where(channels.c.id == channel_id)).one()
    if row.shop != shop:
        raise NotAllowed(
            f"channel {row.name!r} belongs to the shop {row.shop!r}, but its credentials open {shop!r}; "
            "correct the credentials, or give the other shop a channel name of its own"
        )


def claim_shops(conn: Connection, items: Sequence[ShopClaim], now: datetime) -> list[Refusal | None]:
    """`claim_shop` as a verb."""
    return [_refusal(conn, item) for item in items]


def _refusal(conn: Connection, item: ShopClaim) -> Refusal | None:
    try:
        claim_shop(conn, item.channel_id, item.shop)
    except NotAllowed as refusal:
        return refusal
    return None
