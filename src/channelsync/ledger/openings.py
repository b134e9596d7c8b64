"""Day one (rule 13): what a SKU's first on hand is, and what opening the ledger would make due. The plan is the real thing, rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, exists, func, select, update

from channelsync.contract import Role
from channelsync.ledger import bundles, bundling, guard_answer, levels, rules, switches, targets
from channelsync.ledger.bundles import Pool
from channelsync.ledger.bundling import Part
from channelsync.ledger.levels import Entry, LevelKey, MovementType
from channelsync.ledger.schema import (
    bundle_parts,
    channels,
    listings,
    locations,
    order_lines,
    orders,
    shelf_feeds,
    shelves,
    skus,
    stock_levels,
)
from channelsync.ledger.skus import mark_counted
from channelsync.ledger.switches import ToTurn


@dataclass(frozen=True, slots=True)
class Balance:
    """The opening of one (SKU, location) from the shop that opens the ledger: what it shows + what it already took for its unshipped orders."""

    sku: str
    location: str
    shows: int
    taken: int
    sku_id: int
    location_id: int
    listings: int = 1

    @property
    def on_hand(self) -> int:
        """Below zero is what the shop sold without having it: that is among the taken."""
        return max(0, self.shows + self.taken)


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


@dataclass(frozen=True, slots=True)
class Plan:
    """opens: channels that would be opened by applying it. switches: backorder switches that would be turned, the first thousand of each channel."""

    opens: tuple[str, ...]
    balances: tuple[Balance, ...]
    writes: tuple[PlannedWrite, ...]
    blocked: tuple[Blocked, ...]
    unchanged: int
    switches: tuple[ToTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """Open these channels; `source` gives the opening balances of SKUs that were never counted (None: no channel does).

    switching: channels whose backorder switches are turned.
    """

    channel_ids: tuple[int, ...]
    source: int | None
    switching: tuple[int, ...] = ()


def preview(conn: Connection, items: Sequence[Opening], now: datetime) -> list[Plan]:
    """What `open_channels` would do: the same path, rolled back."""
    plans = []
    for item in items:
        savepoint = conn.begin_nested()
        plans.append(_open(conn, item, now))
        savepoint.rollback()
    return plans


def open_channels(conn: Connection, items: Sequence[Opening], now: datetime) -> list[Plan]:
    """Post the opening balances and let the channels be written to."""
    return [_open(conn, item, now) for item in items]


def _open(conn: Connection, item: Opening, now: datetime) -> Plan:
    fresh = [
        row.id for row in conn.execute(select(channels.c.id).where(channels.c.id.in_(item.channel_ids), channels.c.opened_at.is_(None)))
    ]
    found = balances(conn, item.source) if item.source is not None else []
    _seed(conn, found, now)
    for channel_id in fresh:
        cut_off = conn.execute(select(func.min(shelves.c.rebased_at)).where(shelves.c.channel_id == channel_id)).scalar_one()
        conn.execute(update(channels).where(channels.c.id == channel_id).values(opened_at=cut_off or now))
        guard_answer.accept(conn, channel_id, now)  # a person has seen this plan
    writes, unchanged = planned_writes(conn, item.channel_ids)
    names = conn.scalars(select(channels.c.name).where(channels.c.id.in_(fresh)).order_by(channels.c.name)).all()
    turns = [each for channel_id in item.switching for each in switches.to_turn(conn, channel_id)]
    return Plan(tuple(names), tuple(found), tuple(writes), tuple(blocked(conn, item.channel_ids)), unchanged, tuple(turns))


def _seed(conn: Connection, found: Sequence[Balance], now: datetime) -> None:
    present = levels.read(conn, [(balance.sku_id, balance.location_id) for balance in found], lock=True)
    entries = [
        Entry(
            balance.sku_id,
            balance.location_id,
            MovementType.SEED,
            on_hand=balance.on_hand - present[balance.sku_id, balance.location_id].on_hand,
            reason=f"opening: shown {balance.shows} + taken for unshipped orders {balance.taken}",
            actor="opening",
        )
        for balance in found
    ]
    ids = {balance.sku_id for balance in found}
    mark_counted(conn, ids)
    levels.write(conn, entries, now)
    targets.retarget(conn, ids)


def balances(conn: Connection, channel_id: int) -> list[Balance]:
    """Opening balances of every SKU that was never counted, from this channel's books (each from a closed reading).

    Units of a shelf that several locations feed are put where its orders are taken from (`order_mapping`): there they were subtracted. Which
    ones lie elsewhere nobody has said yet.
    """
    shown: dict[LevelKey, list[int]] = {}
    names: dict[LevelKey, tuple[str, str]] = {}
    own = func.coalesce(select(channels.c.location_id).where(channels.c.id == channel_id).scalar_subquery(), 0)
    query = (
        select(
            skus.c.id,
            skus.c.sku,
            locations.c.id.label("location_id"),
            locations.c.code,
            shelves.c.id.label("shelf_id"),
            shelves.c.book,
            listings.c.pack,
        )
        .join(listings, listings.c.sku_id == skus.c.id)
        .join(shelves, shelves.c.listing_id == listings.c.id)
        .join(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .join(locations, locations.c.id == shelf_feeds.c.location_id)
        .where(listings.c.channel_id == channel_id, skus.c.counted.is_(False), shelves.c.book.is_not(None), listings.c.removed_at.is_(None))
        .where(shelves.c.plenty.is_(None))  # what is not to be counted is no opening
        .where(~exists().where(bundle_parts.c.bundle_id == skus.c.id))  # a bundle has no stock of its own
        .where(shelves.c.id.not_in(_fed_by_authorities()))
        .order_by(skus.c.sku, locations.c.id != own, locations.c.priority, locations.c.id)
    )
    counted: set[int] = set()
    for row in conn.execute(query):
        if row.shelf_id in counted:
            continue
        counted.add(row.shelf_id)
        key = (row.id, row.location_id)
        shown.setdefault(key, []).append(row.book * row.pack)
        names[key] = (row.sku, row.code)
    taken = _taken(conn, channel_id)
    return [
        Balance(*names[key], shows=min(numbers), taken=taken.get(key, 0), sku_id=key[0], location_id=key[1], listings=len(numbers))
        for key, numbers in shown.items()
    ]


def _fed_by_authorities() -> Select[tuple[int]]:
    """Shelves that show, in part at least, what an authority counts: on hand is imported there, never taken from a shop."""
    owned = shelf_feeds.c.location_id == locations.c.id
    return select(shelf_feeds.c.shelf_id).join(locations, owned).where(locations.c.authority_id.is_not(None))


def _taken(conn: Connection, channel_id: int) -> dict[LevelKey, int]:
    """Units the shop has already taken out of its number for orders that are not shipped yet: still on the floor."""
    query = (
        select(order_lines)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(orders.c.channel_id == channel_id, order_lines.c.hard > 0)
        .where(order_lines.c.bundle_id.is_(None))  # sold from the bundle's own number: its parts' numbers still show them
    )
    taken: dict[LevelKey, int] = {}
    for row in conn.execute(query).mappings():
        held = row["took"] * row["pack"] - (row["shipped"] - row["restocked"]) - row["quarantined"]
        key = (row["sku_id"], row["location_id"])
        taken[key] = taken.get(key, 0) + min(row["hard"], max(0, held))
    return taken


def planned_writes(conn: Connection, channel_ids: Sequence[int]) -> tuple[list[PlannedWrite], int]:
    """Every shelf that shows another number than it should, and how many show the right one already."""
    level = stock_levels.c
    available = func.coalesce(func.sum(level.on_hand - level.soft - level.hard - level.pending_debit - level.held_elsewhere), 0)
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
            shelves.c.due,
            shelves.c.frozen,
            *(shelves.c[name] for name in rules.COLUMNS),
            shelves.c.rules_from,
            skus.c.counted,
            listings.c.pack,
            available.label("available"),
        )
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .outerjoin(stock_levels, (level.sku_id == listings.c.sku_id) & (level.location_id == shelf_feeds.c.location_id))
        .where(shelves.c.channel_id.in_(list(channel_ids)), shelves.c.target.is_not(None), shelves.c.book.is_not(None))
        .group_by(shelves.c.id, channels.c.id, listings.c.id, skus.c.id)
        .order_by(channels.c.name, skus.c.sku)
    )
    due, unchanged = list[RowMapping](), 0
    for row in conn.execute(query).mappings():  # of a large shop nearly all show the right number: only the others are kept
        if row["due"]:
            due.append(row)
        else:
            unchanged += not row["frozen"]
    withheld = targets.withheld_by(conn, [row["id"] for row in due])
    pools = bundles.pools(conn, [row["id"] for row in due])
    names = bundling.named_parts(conn, {row["sku_id"] for row in due if row["id"] in pools})
    return [_planned(row, pools.get(row["id"]), withheld.get(row["id"], 0), names.get(row["sku_id"], ())) for row in due], unchanged


def _planned(row: RowMapping, pool: Pool | None, withheld: int, parts: tuple[Part, ...]) -> PlannedWrite:
    pool = pool or Pool(row["counted"], int(row["available"]))
    steps = rules.steps(pool.available if pool.counted else None, rules.of_row(row), pack=row["pack"], withheld=withheld)
    shows, made_of = row["book"] + row["gap"], tuple(f"{part.quantity} x {part.sku}" for part in parts)
    return PlannedWrite(row["name"], row["ref"], row["location"], row["sku"], shows, row["target"], tuple(steps), made_of)


def blocked(conn: Connection, channel_ids: Sequence[int]) -> list[Blocked]:
    """Listings that will not be written, each with its reason. Those of an authority never are, and are no news."""
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
        .order_by(channels.c.name, listings.c.ref)
    )
    found = []
    pools = bundles.pools(conn, bundles.shelves_that_sell_them(conn))
    for row in conn.execute(query).mappings():
        pool = pools.get(row["shelf_id"])
        reason = _why_blocked(dict(row) if pool is None else {**row, "counted": pool.counted})
        if reason:
            found.append(Blocked(row["name"], row["ref"], row["sku"] or row["sku_text"], reason))
    return found


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
