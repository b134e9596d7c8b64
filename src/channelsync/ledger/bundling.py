"""Making a SKU a bundle of others, changing what it is made of, and dissolving it. What a bundle means for stock is in `bundles`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, or_, select, update

from channelsync.ledger import bounds, bundles, levels, skus, targets
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Level
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import BUCKETS, bundle_parts, findings, listings, shelves, stock_levels
from channelsync.ledger.schema import skus as sku_table
from channelsync.ledger.skus import Sku

MAX_PARTS: Final = 100
MAX_QUANTITY: Final = 100_000
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Part:
    """quantity: SKU units in one bundle."""

    sku: str
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Define(Keyed):
    """`sku` is made of `parts` from now on, whatever it was made of before. A SKU that the ledger does not know yet is made."""

    sku: str
    parts: tuple[Part, ...]
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Defined(Answer):
    """was: what it was made of before; empty if it was no bundle."""

    sku: str
    parts: tuple[Part, ...]
    was: tuple[Part, ...]


@idempotent(Defined)
def define(conn: Connection, items: Sequence[Define], now: datetime) -> Sequence[Defined | Refusal]:
    """Say what bundles are made of. Shelves that sell them get new targets at once; what was sold before keeps the parts it was sold with."""
    problems = [_malformed(item) for item in items]
    skus.ensure(conn, {item.sku for item, problem in zip(items, problems, strict=True) if problem is None and _known(conn, item)}, now)
    return [problem or _define(conn, item, now) for item, problem in zip(items, problems, strict=True)]


def _malformed(item: Define) -> NotAllowed | None:
    if problem := bounds.sku_text(item.sku) or bounds.texts(actor=item.actor):
        return problem
    names = [part.sku for part in item.parts]
    if not 1 <= len(names) <= MAX_PARTS:
        return NotAllowed(f"a bundle has 1 to {MAX_PARTS} parts, {item.sku!r} would have {len(names)}; to end it, dissolve it")
    if len(set(names)) < len(names):
        return NotAllowed(f"a part of bundle {item.sku!r} is named twice; name each once, with its quantity")
    if item.sku in names:
        return NotAllowed(f"bundle {item.sku!r} cannot be a part of itself")
    if wrong := next((part for part in item.parts if not 1 <= part.quantity <= MAX_QUANTITY), None):
        return NotAllowed(f"{wrong.quantity} of {wrong.sku!r} in one bundle is not possible; it is 1 to {MAX_QUANTITY} units")
    return None


def _known(conn: Connection, item: Define) -> bool:
    """Do all its parts exist?"""
    return len(skus.find(conn, (part.sku for part in item.parts))) == len(item.parts)


def _define(conn: Connection, item: Define, now: datetime) -> Defined | Refusal:
    named = skus.find(conn, [item.sku, *(part.sku for part in item.parts)])
    if missing := next((part.sku for part in item.parts if part.sku not in named), None):
        return UnknownSku(missing)
    skus.lock_rows(conn, (sku.id for sku in named.values()))
    bundle = named[item.sku]
    if problem := _nested(conn, bundle, named) or _has_stock(conn, bundle):
        return problem
    was = _named_parts(conn, bundle.id)
    conn.execute(delete(bundle_parts).where(bundle_parts.c.bundle_id == bundle.id))
    rows = [{"bundle_id": bundle.id, "sku_id": named[part.sku].id, "quantity": part.quantity} for part in item.parts]
    conn.execute(insert(bundle_parts), rows)
    conn.execute(update(sku_table).where(sku_table.c.id == bundle.id).values(unit_cost=None))  # from now on its parts have one
    conn.execute(
        update(shelves).where(shelves.c.listing_id.in_(select(listings.c.id).where(listings.c.sku_id == bundle.id))).values(adopted=0)
    )
    _remember(conn, bundle, was, item.parts, item.actor, now)
    targets.retarget(conn, [bundle.id])
    return Defined(item.sku, item.parts, was)


def _nested(conn: Connection, bundle: Sku, named: Mapping[str, Sku]) -> NotAllowed | None:
    """Bundles are one level deep."""
    recipes = bundles.recipes(conn, (sku.id for sku in named.values() if sku.id != bundle.id))
    if inner := next((sku.sku for sku in named.values() if sku.id in recipes), None):
        return NotAllowed(f"{inner!r} is a bundle itself and cannot be a part of {bundle.sku!r}; name its parts instead")
    if outer := bundles_with(conn, bundle.id):
        return NotAllowed(f"{bundle.sku!r} is a part of bundle {outer[0]!r} and cannot be a bundle itself")
    return None


def _has_stock(conn: Connection, bundle: Sku) -> NotAllowed | None:
    """Units of its own would be shown by nobody, and held ones never end."""
    found = levels.read(conn, skus.level_keys(conn, [bundle.id]), lock=True).values()
    if not any(level != Level() for level in found):
        return None
    held = sum(level.soft + level.hard for level in found)
    what = f"{held} units of it are held by orders or reservations" if held else "it has stock of its own"
    return NotAllowed(f"{bundle.sku!r} cannot be a bundle: {what}. Ship or release what is held and count its stock to 0 first")


@dataclass(frozen=True, slots=True)
class Dissolve(Keyed):
    sku: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Dissolved(Answer):
    sku: str
    was: tuple[Part, ...]


@idempotent(Dissolved)
def dissolve(conn: Connection, items: Sequence[Dissolve], now: datetime) -> Sequence[Dissolved | Refusal]:
    """Bundles become plain SKUs without stock: nothing is written for them until they are counted. Open orders keep their parts."""
    return [_dissolve(conn, item, now) for item in items]


def _dissolve(conn: Connection, item: Dissolve, now: datetime) -> Dissolved | Refusal:
    sku = skus.find(conn, [item.sku]).get(item.sku)
    if sku is None:
        return UnknownSku(item.sku)
    skus.lock_rows(conn, [sku.id])
    was = _named_parts(conn, sku.id)
    if not was:
        return NotAllowed(f"{item.sku!r} is no bundle; `channelsync bundles list` names those that are")
    conn.execute(delete(bundle_parts).where(bundle_parts.c.bundle_id == sku.id))
    _remember(conn, sku, was, (), item.actor, now)
    targets.retarget(conn, [sku.id])
    return Dissolved(item.sku, was)


def _remember(conn: Connection, sku: Sku, was: Iterable[Part], parts: Iterable[Part], actor: str, now: datetime) -> None:
    """An event, not a complaint: it is born resolved and stays as the SKU's history."""
    detail: dict[str, Any] = {"from": {part.sku: part.quantity for part in was}, "to": {part.sku: part.quantity for part in parts}}
    row = {"kind": "bundle", "sku_id": sku.id, "reference": sku.sku, "detail": {**detail, "actor": actor}, "created_at": now}
    conn.execute(insert(findings).values(**row, resolved_at=now))


# -- to look at ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartRow:
    sku_id: int
    sku: str
    quantity: int
    counted: bool


@dataclass(frozen=True, slots=True)
class BundleRow:
    id: int
    sku: str
    title: str
    parts: tuple[Part, ...]


def parts_of(conn: Connection, sku_id: int) -> list[PartRow]:
    """Empty: it is no bundle."""
    query = select(sku_table.c.id, sku_table.c.sku, bundle_parts.c.quantity, sku_table.c.counted)
    query = query.join(bundle_parts, bundle_parts.c.sku_id == sku_table.c.id).where(bundle_parts.c.bundle_id == sku_id)
    return [PartRow(*row) for row in conn.execute(query.order_by(sku_table.c.sku))]


def _named_parts(conn: Connection, sku_id: int) -> tuple[Part, ...]:
    return tuple(Part(part.sku, part.quantity) for part in parts_of(conn, sku_id))


def bundles_with(conn: Connection, sku_id: int) -> tuple[str, ...]:
    """The bundles that a SKU is part of."""
    query = select(sku_table.c.sku).join(bundle_parts, bundle_parts.c.bundle_id == sku_table.c.id).where(bundle_parts.c.sku_id == sku_id)
    return tuple(conn.scalars(query.order_by(sku_table.c.sku)))


def listed(conn: Connection, *, after: int = 0, limit: int = PAGE) -> list[BundleRow]:
    """All bundles, by the id of their SKU; pages by key."""
    query = select(sku_table.c.id, sku_table.c.sku, sku_table.c.title).where(
        sku_table.c.id > after, sku_table.c.id.in_(select(bundle_parts.c.bundle_id))
    )
    rows = conn.execute(query.order_by(sku_table.c.id).limit(max(1, min(limit, PAGE)))).all()
    parts = named_parts(conn, {row.id for row in rows})
    return [BundleRow(row.id, row.sku, row.title, parts[row.id]) for row in rows]


def named_parts(conn: Connection, sku_ids: Iterable[int]) -> dict[int, tuple[Part, ...]]:
    """Of those of the SKUs that are bundles, what they are made of."""
    recipes = bundles.recipes(conn, sku_ids)
    names = skus.by_id(conn, {sku_id for recipe in recipes.values() for sku_id, _ in recipe})
    return {id_: tuple(Part(names[sku_id].sku, units) for sku_id, units in recipe) for id_, recipe in recipes.items()}


# -- the ledger proves itself ------------------------------------------------------------------------------------------------------------


def audit(conn: Connection) -> Iterator[tuple[str, str, str]]:
    """Bundles are one level deep and have nothing of their own: (where, expected, found)."""
    inner, outer = bundle_parts.alias("inner"), bundle_parts.alias("outer")
    nested = select(outer.c.bundle_id, inner.c.bundle_id).distinct().join(outer, outer.c.sku_id == inner.c.bundle_id)
    for bundle_id, part in conn.execute(nested):
        yield f"bundle {bundle_id}", "parts that are no bundles", f"bundle {part} among them"
    for row in conn.execute(_own_stock()):
        yield f"bundle {row.sku_id} at location {row.location_id}", "no stock of its own", "some"


def _own_stock() -> Any:
    filled = or_(*(stock_levels.c[bucket] != 0 for bucket in BUCKETS))
    return select(stock_levels).where(filled, stock_levels.c.sku_id.in_(select(bundle_parts.c.bundle_id)))
