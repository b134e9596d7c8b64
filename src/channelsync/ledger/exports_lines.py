"""The rows behind exported orders: what each line should be at its authority, what it is there as far as we know, and where it is kept there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, bindparam, case, insert, or_, select, update

from channelsync.ledger import fitting
from channelsync.ledger.authority_claims import LineFacts
from channelsync.ledger.schema import authority_rows, export_lines, exports, listings, locations, order_lines, skus

T = TypeVar("T")

CHUNK = 400


@dataclass(frozen=True, slots=True)
class Line:
    """An exported line. wanted_*: what it should be now by the ledger; None: that is no whole number of the authority's packs."""

    id: int
    export_id: int
    order_line_id: int
    ref: str
    listing: str
    location: str
    pack: int
    asked_quantity: int
    asked_held: int
    settled_held: int
    facts: LineFacts
    wanted_quantity: int | None
    wanted_held: int | None

    @property
    def differs(self) -> bool:
        """Whether it must be told again. A wish that the authority has answered with another number is not repeated until something moves."""
        if self.wanted_held is None or self.wanted_quantity is None:
            return False
        if self.wanted_quantity != self.asked_quantity:
            return True
        answered = self.asked_held == self.wanted_held and self.settled_held == self.facts.held
        return self.facts.held != self.wanted_held and not answered


def undocumented() -> ColumnElement[int]:
    """Units of an order line that left the house by the channel's word alone: still in the authority's number, and to be held there."""
    known = case((order_lines.c.documented > order_lines.c.debited, order_lines.c.documented), else_=order_lines.c.debited)
    return case((order_lines.c.shipped > known, order_lines.c.shipped - known), else_=0)


def of(conn: Connection, export_ids: Iterable[int]) -> dict[int, list[Line]]:
    """The lines of each export, with what the ledger wants of them now."""
    found: dict[int, list[Line]] = defaultdict(list)
    for chunk in _chunks(sorted(set(export_ids))):
        for row in conn.execute(_lines().where(export_lines.c.export_id.in_(chunk)).order_by(export_lines.c.id)).mappings():
            found[row["export_id"]].append(_line(row))
    return found


def _lines() -> Select[Any]:
    columns = (order_lines.c.hard, order_lines.c.shipped.label("left_house"), undocumented().label("undocumented"))
    query = select(export_lines, exports.c.in_flight, *columns)
    query = query.join(exports, exports.c.id == export_lines.c.export_id)
    return query.join(order_lines, order_lines.c.id == export_lines.c.order_line_id)


def _line(row: RowMapping) -> Line:
    ordered, held = row["hard"] + row["left_house"], row["hard"] + row["undocumented"]
    pack = row["pack"]
    even = ordered % pack == 0 and held % pack == 0
    return Line(
        id=row["id"],
        export_id=row["export_id"],
        order_line_id=row["order_line_id"],
        ref=row["ref"],
        listing=row["listing"],
        location=row["location"],
        pack=pack,
        asked_quantity=row["asked_quantity"],
        asked_held=row["asked_held"],
        settled_held=row["settled_held"],
        facts=facts(row),
        wanted_quantity=(ordered // pack or row["asked_quantity"]) if even else None,
        wanted_held=held // pack if even else None,
    )


def facts(row: RowMapping) -> LineFacts:
    """row: of export_lines, with its export's `in_flight`."""
    return LineFacts(
        row["told_held"], row["told_shipped"], row["shipped_seq"], row["proven_shipped"], row["low"], row["low_until"], row["in_flight"]
    )


# -- lines that are new to the authority -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Homeless:
    """A line that the authority has no place for: why, and what to do."""

    export_id: int
    reason: str


def add_missing(conn: Connection, channel_id: int, order_of: Mapping[int, int], places: Mapping[str, int]) -> list[Homeless]:
    """Give every line that holds units of the authority its place there, once and for ever. order_of: export id -> order id.

    places: the authority's location -> the ledger's.
    """
    export_of = {order_id: export_id for export_id, order_id in order_of.items()}
    query = (
        select(order_lines, skus.c.sku)
        .join(locations, locations.c.id == order_lines.c.location_id)
        .join(skus, skus.c.id == order_lines.c.sku_id)
        .outerjoin(export_lines, export_lines.c.order_line_id == order_lines.c.id)
        .where(
            order_lines.c.order_id.in_(export_of),
            locations.c.authority_id == channel_id,
            export_lines.c.id.is_(None),
            or_(order_lines.c.hard > 0, undocumented() > 0),
        )
        .order_by(order_lines.c.id)
    )
    missing = conn.execute(query).mappings().all()
    homes = _homes(conn, channel_id, {row["sku_id"] for row in missing}, places)
    homeless, rows = [], []
    for row in missing:
        home = _home(homes.get((row["sku_id"], row["location_id"]), ()), row["hard"] + row["shipped"])
        if isinstance(home, str):
            homeless.append(Homeless(export_of[row["order_id"]], f"{row['sku']}: {home}"))
        else:
            ref = fitting.ref(f"{row['line_ref']}/{home.listing}@{home.location}")
            place = {"listing": home.listing, "location": home.location, "pack": home.pack}
            rows.append({"export_id": export_of[row["order_id"]], "order_line_id": row["id"], "ref": ref, **place})
    if rows:
        conn.execute(insert(export_lines), rows)
    return homeless


@dataclass(frozen=True, slots=True)
class _Home:
    listing: str
    location: str
    pack: int


def _home(homes: Sequence[_Home], units: int) -> _Home | str:
    """The listing with the smallest pack that the units are a whole number of."""
    if not homes:
        return "the authority lists no item for it at this location; link its listing there, the order is then told to it"
    fitting_homes = [home for home in homes if units % home.pack == 0]
    if not fitting_homes:
        return f"the authority counts it in packs of {homes[0].pack}, and the order is for {units} units; list single units there"
    return min(fitting_homes, key=lambda home: home.pack)


def _homes(conn: Connection, channel_id: int, sku_ids: set[int], places: Mapping[str, int]) -> dict[tuple[int, int], list[_Home]]:
    """(sku_id, location_id) -> where the authority keeps it; places that it has told a number for come first."""
    told: set[tuple[int, str]] = set()
    found: dict[tuple[int, int], list[_Home]] = defaultdict(list)
    for chunk in _chunks(sorted(sku_ids)):
        mine = listings.c.channel_id == channel_id, listings.c.removed_at.is_(None), listings.c.sku_id.in_(chunk)
        rows = conn.execute(select(listings).where(*mine).order_by(listings.c.id)).mappings().all()
        query = select(authority_rows.c.listing_id, authority_rows.c.location)
        for seen in conn.execute(query.where(authority_rows.c.listing_id.in_([row["id"] for row in rows]))):
            told.add((seen.listing_id, seen.location))
        for row in rows:
            for place in sorted(places, key=lambda place: (row["id"], place) not in told):
                found[row["sku_id"], places[place]].append(_Home(row["ref"], place, row["pack"]))
    return found


# -- what changes ----------------------------------------------------------------------------------------------------------------------------


def save(conn: Connection, rows: Sequence[Mapping[str, int]]) -> None:
    """rows: "id" and some columns, the same in each."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    statement = update(export_lines).where(export_lines.c.id == bindparam("_id"))
    statement = statement.values({name: bindparam(f"v_{name}") for name in names})
    conn.execute(statement, [{"_id": row["id"], **{f"v_{name}": row[name] for name in names}} for row in rows])


def open_at(
    conn: Connection, channel_id: int, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[RowMapping, LineFacts]]]:
    """(listing, location) -> the lines of ours that may still be in the authority's reserve, or whose shipment is not proved yet."""
    wanted = set(keys)
    found: dict[tuple[str, str], list[tuple[RowMapping, LineFacts]]] = defaultdict(list)
    still = or_(export_lines.c.told_held > 0, export_lines.c.told_shipped > export_lines.c.proven_shipped)
    for chunk in _chunks(sorted({listing for listing, _ in wanted})):
        query = (
            select(export_lines, exports.c.in_flight)
            .join(exports, exports.c.id == export_lines.c.export_id)
            .where(and_(exports.c.channel_id == channel_id, export_lines.c.listing.in_(chunk), still))
            .order_by(export_lines.c.id)
        )
        for row in conn.execute(query).mappings():
            if (key := (row["listing"], row["location"])) in wanted:
                found[key].append((row, facts(row)))
    return found


def read_up_to(conn: Connection, channel_id: int, lines: Iterable[Line]) -> dict[int, int]:
    """Line id -> the newest question whose answer is applied at its place there: older answers are ignored from now on."""
    mine = list(lines)
    wanted = sorted({line.listing for line in mine})
    seqs: dict[tuple[str, str], int] = {}
    for chunk in _chunks(wanted):
        query = select(listings.c.ref, authority_rows.c.location, authority_rows.c.read_seq).join(
            authority_rows, authority_rows.c.listing_id == listings.c.id
        )
        for row in conn.execute(query.where(listings.c.channel_id == channel_id, listings.c.ref.in_(chunk))):
            seqs[row.ref, row.location] = row.read_seq
    return {line.id: seqs.get((line.listing, line.location), 0) for line in mine}


def _chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
