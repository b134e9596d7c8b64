"""What would be written to the shops, row by row: numbers with every step to them, listings that are not written, and why. A plan of a large
shop is never held as a whole: rows are handed on as the database tells them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Connection, RowMapping, Select, exists, func, or_, select

from channelsync.contract import Role
from channelsync.ledger import bundles, bundling, rules, targets
from channelsync.ledger.bundles import Pool
from channelsync.ledger.bundling import Part
from channelsync.ledger.due import IS_DUE
from channelsync.ledger.schema import AVAILABLE, bundle_parts, channels, listings, shelf_feeds, shelves, skus, stock_levels

PAGE: Final = 1_000


class Sink(Protocol):
    """Takes the rows of a plan, section by section: balances, writes, blocked, switches."""

    def begin(self) -> None:
        """What came so far does not count: the database made the whole plan start over."""

    def add(self, section: str, row: Any) -> None:
        """One more row."""

    def moved(self) -> None:
        """The work comes on, though there is no row to tell."""

    def end(self) -> None:
        """That was all. What raises here, or anywhere else, ends the transaction, and nothing is changed."""


class Nowhere:
    """For those who want no rows."""

    def begin(self) -> None:
        pass

    def add(self, section: str, row: Any) -> None:
        pass

    def moved(self) -> None:
        pass

    def end(self) -> None:
        pass


NOWHERE: Final = Nowhere()


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One shelf that would get another number, and why. parts: of a bundle, each as "2 x MUG-01"."""

    channel: str
    listing: str
    location: str
    sku: str
    shows: int
    target: int
    steps: tuple[rules.Step, ...]
    parts: tuple[str, ...] = ()

    @property
    def change(self) -> int:
        return self.target - self.shows


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a listing of a channel is not written."""

    channel: str
    listing: str
    sku: str | None
    reason: str


def unchanged(conn: Connection, channel_ids: Sequence[int]) -> int:
    """How many shelves show the right number already."""
    query = select(func.count()).select_from(shelves).join(listings, listings.c.id == shelves.c.listing_id)
    right = ~shelves.c.due, ~shelves.c.frozen, listings.c.sku_id.is_not(None)
    return conn.execute(query.where(*_numbered(channel_ids), *right)).scalar_one()


def writes(conn: Connection, channel_ids: Sequence[int]) -> Generator[PlannedWrite]:
    """Every shelf that shows another number than it should."""
    level = stock_levels.c
    query = (
        select(
            shelves.c.id,
            channels.c.name,
            listings.c.ref,
            shelves.c.location,
            listings.c.sku_id,
            skus.c.sku,
            shelves.c.book,
            shelves.c.gap,
            shelves.c.target,
            *(shelves.c[name] for name in rules.COLUMNS),
            shelves.c.rules_from,
            skus.c.counted,
            listings.c.pack,
            func.coalesce(func.sum(AVAILABLE), 0).label("available"),
        )
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .outerjoin(stock_levels, (level.sku_id == listings.c.sku_id) & (level.location_id == shelf_feeds.c.location_id))
        .where(*_numbered(channel_ids), IS_DUE)
        .group_by(shelves.c.id, channels.c.id, listings.c.id, skus.c.id)
        .order_by(channels.c.name, skus.c.sku, shelves.c.id)
    )
    with closing(pages(conn, query)) as found:
        for page in found:
            ids = [row["id"] for row in page]
            withheld, pools = targets.withheld_by(conn, ids), bundles.pools(conn, ids)
            names = bundling.named_parts(conn, {row["sku_id"] for row in page if row["id"] in pools})
            for row in page:
                yield _planned(row, pools.get(row["id"]), withheld.get(row["id"], 0), names.get(row["sku_id"], ()))


def _numbered(channel_ids: Sequence[int]) -> tuple[Any, ...]:
    return shelves.c.channel_id.in_(list(channel_ids)), shelves.c.target.is_not(None), shelves.c.book.is_not(None)


def _planned(row: RowMapping, pool: Pool | None, withheld: int, parts: tuple[Part, ...]) -> PlannedWrite:
    pool = pool or Pool(row["counted"], int(row["available"]))
    steps = rules.steps(pool.available if pool.counted else None, rules.of_row(row), pack=row["pack"], withheld=withheld)
    shows, made_of = row["book"] + row["gap"], tuple(f"{part.quantity} x {part.sku}" for part in parts)
    return PlannedWrite(row["name"], row["ref"], row["location"], row["sku"], shows, row["target"], tuple(steps), made_of)


def blocked(conn: Connection, channel_ids: Sequence[int]) -> Generator[Blocked]:
    """Listings that will not be written, each with its reason. Those of an authority never are, and are no news."""
    in_parts = exists().where(bundle_parts.c.bundle_id == listings.c.sku_id)
    query = (
        select(
            channels.c.name,
            listings,
            skus.c.sku,
            skus.c.counted,
            shelves.c.book,
            shelves.c.aside_reason,
            shelves.c.id.label("shelf_id"),
            shelves.c.skip,
            shelves.c.frozen,
            shelves.c.plenty,
            shelves.c.rules_from,
        )
        .join(channels, channels.c.id == listings.c.channel_id)
        .outerjoin(skus, skus.c.id == listings.c.sku_id)
        .outerjoin(shelves, shelves.c.listing_id == listings.c.id)
        .where(listings.c.channel_id.in_(list(channel_ids)), listings.c.removed_at.is_(None), channels.c.role == Role.CHANNEL.value)
        .where(or_(*_hindrances(), in_parts))  # of a large shop nearly all are written: only the others are looked at closely
        .order_by(channels.c.name, listings.c.ref, shelves.c.id)
    )
    with closing(pages(conn, query)) as found:
        for page in found:
            pools = bundles.pools(conn, [row["shelf_id"] for row in page if row["shelf_id"] is not None])
            for row in page:
                pool = pools.get(row["shelf_id"])
                reason = _why_blocked(dict(row) if pool is None else {**row, "counted": pool.counted})
                if reason:
                    yield Blocked(row["name"], row["ref"], row["sku"] or row["sku_text"], reason)


def _hindrances() -> tuple[Any, ...]:
    """What `_why_blocked` looks for, as far as rows by themselves can tell."""
    return (
        listings.c.problem.is_not(None),
        ~listings.c.tracked,
        listings.c.stock_ref.is_not(None),
        listings.c.sku_id.is_(None),
        shelves.c.id.is_(None),
        shelves.c.skip,
        shelves.c.frozen,
        shelves.c.book.is_(None),
        shelves.c.aside_reason.is_not(None),
        ~skus.c.counted,
    )


def _why_blocked(row: dict[str, Any]) -> str | None:
    checks = (
        (row["problem"], str(row["problem"])),
        (not row["tracked"], "the shop does not count it"),
        (row["stock_ref"], f"it shows the number of {row['stock_ref']}"),
        (row["sku_id"] is None, "no SKU is linked to it"),
        (row["skip"], f"the config says so (skip: {(row['rules_from'] or {}).get('skip')})"),
        (row["frozen"], "a person has frozen it; `channelsync explain` says who and why"),
        (
            row["sku_id"] is not None and not row["counted"] and row["plenty"] is None,
            "the SKU has no stock in the ledger yet: receive or count it first",
        ),
        (row["shelf_id"] is None, "the shop keeps no number for it at a mapped location"),
        (row["aside_reason"], f"set aside: {row['aside_reason']}"),
        (row["shelf_id"] is not None and row["book"] is None, "its number was not read yet"),
    )
    return next((reason for applies, reason in checks if applies), None)


def pages(conn: Connection, query: Select[Any]) -> Generator[Sequence[RowMapping]]:
    """The rows of a query over a whole shop, some at a time; the database keeps the others. Close it: its cursor must not outlive the transaction."""
    with closing(conn.execute(query, execution_options={"stream_results": True, "yield_per": PAGE})) as found:
        yield from found.mappings().partitions(PAGE)
