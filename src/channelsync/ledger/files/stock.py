"""Files of stock: how many there are, or how many more or fewer. Physical stock only: no column of such a file leads to a claim (rule 7)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from channelsync.ledger import bounds, levels, owning, places, since, stock
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Difference, LedgerKind, SoFar, Source, State, Value, Verdict, bad, judged
from channelsync.ledger.levels import Level, LevelKey
from channelsync.ledger.places import Places
from channelsync.ledger.refusals import Refusal, UnknownLocation, UnknownSku, too_few
from channelsync.ledger.schema import BUCKETS, locations, skus, stock_levels
from channelsync.ledger.since import Since

TOLD: Final = ("soft", "hard", "available", "incoming", "quarantined", "damaged")


@dataclass(frozen=True, slots=True)
class StockRow:
    """Either on_hand (a count) or adjust (more or fewer) is said."""

    line: int
    sku: str
    location: str
    on_hand: int | None = None
    adjust: int | None = None
    reason: str = ""

    @property
    def about(self) -> str:
        return f"{self.sku} at {self.location}"


def parse(line: int, cells: Cells) -> StockRow | None:
    sku = cell.needed(cells, "sku", "a SKU")
    cell.fits("sku", sku=sku)
    location = cell.text(cells, "location")
    if not location:
        raise BadCell("location", "it is empty, and there are several locations; name one, or give one for the whole file with --location")
    cell.fits("location", location=location)
    on_hand, adjust = cell.whole(cells, "on_hand"), cell.whole(cells, "adjust", least=None)
    reason = cell.text(cells, "reason")
    cell.fits("reason", reason=reason)
    if on_hand is not None and adjust is not None:
        raise BadCell("adjust", "the row says on_hand and adjust; a count and an adjustment cannot both hold, empty one of them")
    if adjust is not None and not reason:
        raise BadCell(
            "reason", "an adjustment needs a reason code; say why the number changes, or give one for the whole file with --reason"
        )
    return None if on_hand is None and adjust is None else StockRow(line, sku, location, on_hand, adjust, reason)


def once(row: StockRow) -> Hashable | None:
    """Two counts of one place contradict each other; two adjustments of it add up."""
    return None if row.on_hand is None else (row.sku, row.location)


def compare(conn: Connection, rows: Sequence[StockRow], source: Source, so_far: SoFar, now: datetime) -> list[Verdict]:
    there = _There(conn, rows, source)
    return [there.verdict(row, so_far) for row in rows]


class _There:
    """What the ledger says of the rows' places."""

    def __init__(self, conn: Connection, rows: Sequence[StockRow], source: Source) -> None:
        self._places: Places = places.resolve(conn, ((row.sku, row.location) for row in rows))
        self._owners = owning.owners(conn, self._places.locations.values())
        keys = self._places.keys((row.sku, row.location) for row in rows)
        self._levels = levels.read(conn, keys)
        counted = self._places.keys((row.sku, row.location) for row in rows if row.on_hand is not None)
        self._since = since.since(conn, counted, source.as_of) if counted else {}
        self._as_of = source.as_of

    def verdict(self, row: StockRow, so_far: SoFar) -> Verdict:
        key = self._places.key(row.sku, row.location)
        if isinstance(key, UnknownSku):
            return self._unknown(row, key, so_far)
        if isinstance(key, Refusal):
            return bad(row.line, row.about, key, "location")
        if recipe := self._places.recipes.get(key[0]):
            return bad(row.line, row.about, stock.no_own_stock(row.sku, [self._places.parts[sku_id].sku for sku_id, _ in recipe]), "sku")
        found = self._counted(row, key) if row.on_hand is not None else self._adjusted(row, key, so_far)
        if found.state is State.CHANGE and key[1] in self._owners:
            return bad(row.line, row.about, owning.refusal(row.location, self._owners[key[1]]), "location")
        return found

    def _unknown(self, row: StockRow, unknown: UnknownSku, so_far: SoFar) -> Verdict:
        """A count opens a SKU; an adjustment may follow in the same file."""
        if row.location not in self._places.locations:
            return bad(row.line, row.about, UnknownLocation(row.location), "location")
        place = self._places.locations[row.location]
        if place in self._owners:
            return bad(row.line, row.about, owning.refusal(row.location, self._owners[place]), "location")
        if row.on_hand is None and ("sku", row.sku) not in so_far:
            return bad(row.line, row.about, unknown, "sku")
        if problem := bounds.sku_text(row.sku):
            return bad(row.line, row.about, problem, "sku")
        so_far["sku", row.sku] = 1
        before = so_far.get((row.sku, row.location), 0)
        if row.on_hand is not None:
            so_far[row.sku, row.location] = row.on_hand
            return judged(row.line, row.about, [Difference("on_hand", None, row.on_hand)], new=True)
        return self._moved(row, before, so_far)

    def _counted(self, row: StockRow, key: LevelKey) -> Verdict:
        """As `stock.count` decides it: what has come and gone since the count is added."""
        assert row.on_hand is not None
        level, happened = self._levels[key], self._since.get(key, since.NOTHING)
        there = row.on_hand + happened.moved
        never = level == Level() and not self._places.skus[row.sku].counted
        found = judged(row.line, row.about, [Difference("on_hand", None if never else level.on_hand, there)])
        if found.state is State.SAME or not (happened.set or there < 0):
            return found
        return bad(row.line, row.about, self._too_late(row, happened), "on_hand")

    def _too_late(self, row: StockRow, happened: Since) -> str:
        if happened.set:
            return f"it was counted after {self._as_of.isoformat(timespec='seconds')}, and the later count stands; count it again if that was wrong"
        return f"{row.on_hand} were there at {self._as_of.isoformat(timespec='seconds')}, and {-happened.moved} more went than came since; count it again"

    def _adjusted(self, row: StockRow, key: LevelKey, so_far: SoFar) -> Verdict:
        return self._moved(row, self._levels[key].on_hand + so_far.get((row.sku, row.location), 0), so_far)

    def _moved(self, row: StockRow, before: int, so_far: SoFar) -> Verdict:
        assert row.adjust is not None
        if before + row.adjust < 0:
            return bad(row.line, row.about, too_few(row.sku, row.location, -row.adjust, "on_hand", before), "adjust")
        so_far[row.sku, row.location] = so_far.get((row.sku, row.location), 0) + row.adjust
        return judged(row.line, row.about, [Difference("on_hand", before, before + row.adjust)])


def write(conn: Connection, rows: Sequence[StockRow], source: Source, now: datetime) -> list[Refusal | None]:
    """By the verbs that people use: `seed` for what the ledger does not know yet, `count` and `adjust` for the rest."""
    known = places.resolve(conn, ((row.sku, row.location) for row in rows)).skus
    answers: dict[int, Refusal | None] = {}
    for verb, wanted in (
        (stock.seed, [row for row in rows if row.on_hand is not None and row.sku not in known]),
        (stock.count, [row for row in rows if row.on_hand is not None and row.sku in known]),
        (stock.adjust, [row for row in rows if row.adjust is not None]),
    ):
        if wanted:
            done = verb(conn, [_change(row, source) for row in wanted], now)
            answers |= {row.line: answer if isinstance(answer, Refusal) else None for row, answer in zip(wanted, done, strict=True)}
    return [answers[row.line] for row in rows]


def _change(row: StockRow, source: Source) -> stock.Change:
    """A count is of the file's time. An adjustment is of now, and its key is kept for ever: its sum would be wrong if it came again."""
    counted = row.on_hand is not None
    quantity = row.on_hand if row.on_hand is not None else row.adjust
    assert quantity is not None
    return stock.Change(
        row.sku,
        row.location,
        quantity,
        reason=row.reason,
        actor=source.actor,
        occurred_at=source.as_of if counted else None,
        key=source.key(row.line),
        keep_key=not counted,
    )


def page(conn: Connection, after: int, limit: int) -> tuple[list[tuple[Value, ...]], int | None]:
    """Every level of the SKUs behind `after`."""
    ids = list(conn.scalars(select(skus.c.id).where(skus.c.id > after).order_by(skus.c.id).limit(limit)))
    if not ids:
        return [], None
    query = (
        select(skus.c.sku, skus.c.title, locations.c.code, stock_levels)
        .join(skus, skus.c.id == stock_levels.c.sku_id)
        .join(locations, locations.c.id == stock_levels.c.location_id)
        .where(stock_levels.c.sku_id >= ids[0], stock_levels.c.sku_id <= ids[-1])
        .order_by(stock_levels.c.sku_id, locations.c.priority, locations.c.id)
    )
    found = [_told(row) for row in conn.execute(query).mappings()]
    return found, ids[-1] if len(ids) == limit else None


def _told(row: Mapping[Any, Any]) -> tuple[Value, ...]:
    level = Level(**{bucket: row[bucket] for bucket in BUCKETS})
    return (row["sku"], row["code"], level.on_hand, row["title"], *(getattr(level, name) for name in TOLD), None)


STOCK: Final = LedgerKind(
    "stock",
    "what is on hand: counts and adjustments",
    (
        Column("sku", "The SKU, exactly as the ledger spells it.", required=True),
        Column("location", "The location's code; may be left out if there is only one."),
        Column("on_hand", "Units that were counted; empty: not counted, the level is left alone."),
        Column("adjust", "Units more, or fewer with a minus sign; needs a reason."),
        Column("reason", "Why, for the log."),
        Column("title", "", told=True),
        *(Column(name, "", told=True) for name in TOLD),
        PROBLEM,
    ),
    StockRow,
    parse,
    once,
    keyed=True,
    spoken=("location", "reason"),
    dated=True,
    either=("on_hand", "adjust"),
    compare=compare,
    write=write,
    page=page,
    exported=("sku", "location", "on_hand", "title", *TOLD, "problem"),
)
