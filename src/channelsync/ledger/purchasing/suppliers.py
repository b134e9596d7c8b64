"""Who goods are bought from, and which SKU from whom: codes, agreed costs, lead times, cartons. Purchase orders are in `drafting`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, delete, select, update

from channelsync.ledger import bounds, costs, skus
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.documents import lines
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import suppliers, supplies

LEAD_DAYS_MAX: Final = 3_650
CHUNK: Final = 400


class UnknownSupplier(Refusal):
    code = "unknown_supplier"

    def __init__(self, supplier: str) -> None:
        super().__init__(f"there is no supplier {supplier!r}; check the spelling, or make it with `channelsync suppliers set`")
        self.supplier = supplier


@dataclass(frozen=True, slots=True)
class SetSupplier(Keyed):
    """A supplier that does not exist is made. name, lead_days (from order to receipt): None leaves what there is. forget_lead: not known any more."""

    code: str
    name: str | None = None
    lead_days: int | None = None
    forget_lead: bool = False


@dataclass(frozen=True, slots=True)
class SupplierSet(Answer):
    """What holds now. lead_days None: not known."""

    code: str
    name: str
    lead_days: int | None
    created: bool


@idempotent(SupplierSet)
def set_supplier(conn: Connection, items: Sequence[SetSupplier], now: datetime) -> Sequence[SupplierSet | Refusal]:
    return [_set_supplier(conn, item, now) for item in items]


def _set_supplier(conn: Connection, item: SetSupplier, now: datetime) -> SupplierSet | Refusal:
    if problem := _no_code(item.code) or bounds.texts(name=item.name) or _no_days(item.lead_days):
        return problem
    made = insert_into(conn, suppliers).values(code=item.code, created_at=now).on_conflict_do_nothing().returning(suppliers.c.id)
    created = conn.execute(made).first() is not None
    said: dict[str, object] = {} if item.name is None else {"name": item.name}
    if item.forget_lead or item.lead_days is not None:
        said |= {"lead_days": item.lead_days}
    if said:
        conn.execute(update(suppliers).where(suppliers.c.code == item.code).values(said))
    row = conn.execute(select(suppliers).where(suppliers.c.code == item.code)).one()
    return SupplierSet(row.code, row.name, row.lead_days, created)


@dataclass(frozen=True, slots=True)
class SetSupply(Keyed):
    """From whom a SKU is bought, all of it: what is left out is taken back. supplier None: from nobody any more.

    code: what the supplier calls it. cost: decimal text, agreed for one unit. lead_days None: as the supplier's. least: the fewest units of one
    order; multiple: units in a carton; None: no such limit.
    """

    sku: str
    supplier: str | None
    code: str = ""
    cost: str | None = None
    lead_days: int | None = None
    least: int | None = None
    multiple: int | None = None


@dataclass(frozen=True, slots=True)
class SupplySet(Answer):
    """What holds now, as it was said."""

    sku: str
    supplier: str | None
    code: str
    cost: str | None
    lead_days: int | None
    least: int | None
    multiple: int | None


@idempotent(SupplySet)
def set_supply(conn: Connection, items: Sequence[SetSupply], now: datetime) -> Sequence[SupplySet | Refusal]:
    """One supplier for a SKU; of two for one SKU the later one holds."""
    return [_set_supply(conn, item) for item in items]


def _set_supply(conn: Connection, item: SetSupply) -> SupplySet | Refusal:
    if problem := _no_supply(item):
        return problem
    if item.supplier is None:
        sku = skus.find(conn, [item.sku])
        if item.sku not in sku:
            return UnknownSku(item.sku)
        conn.execute(delete(supplies).where(supplies.c.sku_id == sku[item.sku].id))
        return SupplySet(item.sku, None, "", None, None, None, None)
    found, amount = lines.resolve(conn, [item.sku]), _amount(item.cost)
    if isinstance(found, Refusal):
        return found
    if isinstance(amount, Refusal):
        return amount
    named = ids(conn, [item.supplier])
    if item.supplier not in named:
        return UnknownSupplier(item.supplier)
    said = {"supplier_id": named[item.supplier], "code": item.code, "cost": amount}
    said |= {"lead_days": item.lead_days, "least": item.least, "multiple": item.multiple}
    stored = insert_into(conn, supplies).values(sku_id=found[item.sku].id, **said)
    conn.execute(stored.on_conflict_do_update(index_elements=["sku_id"], set_=said))
    return SupplySet(item.sku, item.supplier, item.code, costs.text_of(amount), item.lead_days, item.least, item.multiple)


def _no_supply(item: SetSupply) -> NotAllowed | None:
    if problem := bounds.sku_text(item.sku) or bounds.texts(supplier=item.supplier, code=item.code) or _no_days(item.lead_days):
        return problem
    return next(filter(None, (bounds.units(value, at_least=1) for value in (item.least, item.multiple) if value is not None)), None)


def _amount(cost: str | None) -> int | NotAllowed | None:
    try:
        return None if cost is None else costs.parsed(cost)
    except NotAllowed as problem:
        return problem


def _no_code(code: str) -> NotAllowed | None:
    if not code or code != code.strip():
        return NotAllowed(f"{code!r} is no code of a supplier: it is empty or begins or ends with a space; choose a short one, like ACME")
    return bounds.texts(supplier=code)


def _no_days(days: int | None) -> NotAllowed | None:
    if days is None or (not isinstance(days, bool) and 0 <= days <= LEAD_DAYS_MAX):
        return None
    return NotAllowed(f"lead_days {days} is not possible; from order to receipt it takes 0 to {LEAD_DAYS_MAX} days")


@dataclass(frozen=True, slots=True)
class Supply:
    """supplier: its code. cost: ten-thousandths; lead_days: the supply's own or else its supplier's (lead_from says whose); None: not known."""

    supplier_id: int
    supplier: str
    code: str
    cost: int | None
    lead_days: int | None
    lead_from: Literal["supply", "supplier"]
    least: int | None
    multiple: int | None


def ids(conn: Connection, codes: Iterable[str]) -> dict[str, int]:
    """Those of the suppliers that exist."""
    query = select(suppliers.c.code, suppliers.c.id).where(suppliers.c.code.in_(bounds.findable(codes)))
    return {row.code: row.id for row in conn.execute(query)}


def supply_of(conn: Connection, sku_ids: Iterable[int]) -> Mapping[int, Supply]:
    """By SKU id; SKUs that are bought from nobody are absent."""
    wanted, found = sorted(set(sku_ids)), dict[int, Supply]()
    query = select(supplies, suppliers.c.code.label("supplier"), suppliers.c.lead_days.label("usual"))
    query = query.join(suppliers, suppliers.c.id == supplies.c.supplier_id)
    for start in range(0, len(wanted), CHUNK):
        for row in conn.execute(query.where(supplies.c.sku_id.in_(wanted[start : start + CHUNK]))):
            days: tuple[int | None, Literal["supply", "supplier"]] = (row.lead_days, "supply")
            if row.lead_days is None:
                days = (row.usual, "supplier")
            found[row.sku_id] = Supply(row.supplier_id, row.supplier, row.code, row.cost, *days, row.least, row.multiple)
    return found
