"""What should be ordered, the most urgent first. The arithmetic is in `suggesting`, the readings are in `demand`. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from channelsync.ledger import bounds, costs, skus
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.purchasing import demand, suggesting
from channelsync.ledger.purchasing.demand import Said
from channelsync.ledger.purchasing.suggesting import Advice, Facts, Threshold
from channelsync.ledger.purchasing.suppliers import Supply, UnknownSupplier, ids, supply_of
from channelsync.ledger.refusals import NotAllowed, UnknownSku
from channelsync.ledger.reorder_levels import EVERYWHERE, place_of
from channelsync.ledger.schema import skus as sku_table

DAYS, COVER, LEAD = 28, 28, 14
DAYS_MAX: Final = 365
CHUNK: Final = 400


@dataclass(frozen=True, slots=True)
class Question:
    """days: how far back sales are looked at. cover: days that an order shall last once it is there. lead: days until it is there, where neither
    supply nor supplier say so. location, supplier, skus: only these. everything: also what need not be ordered.
    """

    days: int = DAYS
    cover: int = COVER
    lead: int = LEAD
    location: str | None = None
    supplier: str | None = None
    skus: tuple[str, ...] = ()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One SKU at one location. supplier None: nobody is known to sell it. cost: of one unit, decimal text; None: not agreed.

    days: of the last ones, those that count; out_days: those that do not, because nothing was there. per_day: units sold. days_left: until what is
    there and coming is sold; spare_days: the same less the lead time, so below 0 it will run out; None: nothing is being sold. quantity: what to
    order. low: by a reorder level. sum: how it comes to that, term by term.
    """

    sku: str
    title: str
    location: str
    supplier: str | None
    supplier_code: str
    cost: str | None
    sold: int
    days: int
    out_days: int
    per_day: float
    available: int
    incoming: int
    drafted: int
    days_left: float | None
    lead_days: int
    lead_from: str
    cover_days: int
    spare_days: float | None
    demand: int
    low: bool
    level: int | None
    reorder: int | None
    needed: int
    least: int | None
    multiple: int | None
    quantity: int
    sum: tuple[str, ...]


def page(conn: Connection, asked: Question, now: datetime, after: int = 0, limit: int = 100) -> list[Suggestion]:
    """From place `after` of the list on, as the list is now. Raises NotAllowed, UnknownLocation, UnknownSupplier, UnknownSku."""
    return suggest(conn, asked, now)[after : after + limit]


def suggest(conn: Connection, asked: Question, now: datetime) -> list[Suggestion]:
    """All of them. At locations that an authority owns nothing is suggested, nor for bundles: their parts are bought."""
    check(asked)
    facts = _facts(conn, asked, now)
    rows = [(key, supply, fact, suggesting.advise(fact)) for key, (supply, fact) in facts.items()]
    wanted = [row for row in rows if asked.everything or row[3].quantity]
    names, codes = _names(conn, {key[0] for key, *_ in wanted}), demand.ours(conn)
    wanted.sort(key=lambda row: (row[3].spare is None, row[3].spare or 0, names[row[0][0]][0], codes[row[0][1]]))
    return [_told(*names[key[0]], codes[key[1]], supply, fact, advice) for key, supply, fact, advice in wanted]


def check(asked: Question) -> None:
    """Raises NotAllowed for days and names that are none."""
    names = [bounds.texts(location=asked.location, supplier=asked.supplier), *(bounds.sku_text(sku) for sku in asked.skus)]
    if problem := next(filter(None, names), None):
        raise problem
    for name, value, least in (("days", asked.days, 1), ("cover", asked.cover, 0), ("lead", asked.lead, 0)):
        if not least <= value <= DAYS_MAX:
            raise NotAllowed(f"{name}: {least} to {DAYS_MAX} days are possible, not {value}")


def _facts(conn: Connection, asked: Question, now: datetime) -> Mapping[LevelKey, tuple[Supply | None, Facts]]:
    places, only = demand.ours(conn), _named(conn, asked)
    sold, said, drafted = demand.sold_by_day(conn, now, asked.days, only), demand.said(conn), demand.drafted(conn)
    mains = demand.main_places(conn, {sku_id for sku_id, place in said if place == EVERYWHERE}, places)
    keys = {key for key in sold.keys() | said.keys() if key[1] in places} | set(mains.items())
    keys = keys if only is None else {key for key in keys if key[0] in only}
    supplies = supply_of(conn, {sku_id for sku_id, _ in keys})
    keys -= {(id_, place) for id_ in demand.bundled(conn) for place in places}
    asked_for = _chosen(conn, asked, keys, supplies)
    of_these = {sku_id for sku_id, _ in asked_for}
    # a SKU's suggestions at other locations count for its level over all of them, so the place where that is judged comes last
    chosen = sorted((key for key in keys if key[0] in of_these), key=lambda key: (mains.get(key[0]) == key[1], key))
    there, sales = demand.there(conn, chosen), demand.sales(conn, chosen, sold, now, asked.days)
    found: dict[LevelKey, tuple[Supply | None, Facts]] = {}
    sums = _sums(there, drafted, {sku_id for sku_id, _ in chosen})
    elsewhere = Counter[int]()
    for key in chosen:
        supply, (available, incoming), on_drafts = supplies.get(key[0]), there.get(key, (0, 0)), drafted.get(key, 0)
        lead, lead_from = (asked.lead, "default") if supply is None or supply.lead_days is None else (supply.lead_days, supply.lead_from)
        scopes = [(key, available + incoming + on_drafts, 0)]
        scopes += [((key[0], EVERYWHERE), sums[key[0]] + elsewhere[key[0]], elsewhere[key[0]])] if mains.get(key[0]) == key[1] else []
        found[key] = (
            supply,
            Facts(
                sold=sales[key].sold,
                days=asked.days,
                out_days=sales[key].out_days,
                available=available,
                incoming=incoming,
                drafted=on_drafts,
                lead_days=lead,
                lead_from=lead_from,
                cover_days=asked.cover,
                thresholds=tuple(_thresholds(said, scopes)),
                least=None if supply is None else supply.least,
                multiple=None if supply is None else supply.multiple,
            ),
        )
        elsewhere[key[0]] += suggesting.advise(found[key][1]).quantity
    return {key: found[key] for key in chosen if key in asked_for}


def _thresholds(said: Mapping[tuple[int, int], Said], scopes: Sequence[tuple[tuple[int, int], int, int]]) -> Iterator[Threshold]:
    for scope, there, suggested in scopes:
        if scope in said:
            yield Threshold(said[scope].low, said[scope].reorder, there, everywhere=scope[1] == EVERYWHERE, suggested=suggested)


def _sums(there: Mapping[LevelKey, tuple[int, int]], drafted: Mapping[LevelKey, int], sku_ids: set[int]) -> dict[int, int]:
    """What is there, coming and on drafts of a SKU over all locations."""
    sums = dict.fromkeys(sku_ids, 0)
    for (sku_id, _), (available, incoming) in there.items():
        sums[sku_id] += available + incoming
    for (sku_id, _), units in drafted.items():
        if sku_id in sums:
            sums[sku_id] += units
    return sums


def _named(conn: Connection, asked: Question) -> set[int] | None:
    """The SKUs that were asked for; None: all. Raises UnknownSku."""
    if not asked.skus:
        return None
    found = skus.find(conn, asked.skus)
    if missing := next((sku for sku in asked.skus if sku not in found), None):
        raise UnknownSku(missing)
    return {sku.id for sku in found.values()}


def _chosen(conn: Connection, asked: Question, keys: set[LevelKey], supplies: Mapping[int, Supply]) -> set[LevelKey]:
    if asked.location is not None:
        place = place_of(conn, asked.location)
        keys = {key for key in keys if key[1] == place}
    if asked.supplier is not None:
        wanted = ids(conn, [asked.supplier])
        if asked.supplier not in wanted:
            raise UnknownSupplier(asked.supplier)
        keys = {key for key in keys if key[0] in supplies and supplies[key[0]].supplier_id == wanted[asked.supplier]}
    return keys


def _names(conn: Connection, sku_ids: set[int]) -> dict[int, tuple[str, str]]:
    wanted, found = sorted(sku_ids), dict[int, tuple[str, str]]()
    for start in range(0, len(wanted), CHUNK):
        query = select(sku_table.c.id, sku_table.c.sku, sku_table.c.title).where(sku_table.c.id.in_(wanted[start : start + CHUNK]))
        found |= {row.id: (row.sku, row.title) for row in conn.execute(query)}
    return found


def _told(sku: str, title: str, location: str, supply: Supply | None, facts: Facts, advice: Advice) -> Suggestion:
    first = next((each for each in facts.thresholds if each.reached), next(iter(facts.thresholds), None))
    return Suggestion(
        sku=sku,
        title=title,
        location=location,
        supplier=None if supply is None else supply.supplier,
        supplier_code="" if supply is None else supply.code,
        cost=None if supply is None else costs.text_of(supply.cost),
        sold=facts.sold,
        days=advice.counted,
        out_days=facts.out_days,
        per_day=round(float(advice.per_day), 3),
        available=facts.available,
        incoming=facts.incoming,
        drafted=facts.drafted,
        days_left=None if advice.days_left is None else round(float(advice.days_left), 1),
        lead_days=facts.lead_days,
        lead_from=facts.lead_from,
        cover_days=facts.cover_days,
        spare_days=None if advice.spare is None else round(float(advice.spare), 1),
        demand=advice.demand,
        low=any(each.reached for each in facts.thresholds),
        level=None if first is None else first.low,
        reorder=None if first is None else first.reorder,
        needed=advice.needed,
        least=facts.least,
        multiple=facts.multiple,
        quantity=advice.quantity,
        sum=suggesting.shown(facts, advice),
    )
