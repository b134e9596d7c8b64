"""What an authority says about our orders: the answer to an export, and its documents as they are read. What it shipped ends our holds.

Its documents and our channels both tell shipments; whichever speaks first ends the hold (`order_documents.note`), and only a number that was read
after the document was known takes the units off `pending_debit` (`authority_import`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select, update

from channelsync.contract import Claimed, ClaimedLine, Cursor, Page
from channelsync.ledger import aside, authority_rows, cursors, exports_lines, findings, levels, order_documents
from channelsync.ledger.authority_claims import lowest
from channelsync.ledger.exports import judge, put_aside
from channelsync.ledger.exports_lines import Line
from channelsync.ledger.order_documents import Debited, Documented
from channelsync.ledger.schema import channels, exports

STREAM = "claims"
RETRY_MAX = timedelta(minutes=10)
GONE = "the authority says that its document was deleted; replay it to make a new one, or cancel the order where it was sold"


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of an armed claim: the authority's answer, or why it will never take it, or neither: nobody knows, it is sent again."""

    export_id: int
    question: int
    claimed: Claimed | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimsRead:
    """A page of our documents as the authority has them. question: taken before the run's first request."""

    channel_id: int
    page: Page[Claimed]
    question: int
    looked_at: datetime


def settle(conn: Connection, items: Sequence[Exported], now: datetime) -> list[bool]:
    """Apply answers to exports. True: the authority holds what was asked for."""
    return [_settle(conn, item, now) for item in items]


def _settle(conn: Connection, item: Exported, now: datetime) -> bool:
    row = conn.execute(select(exports).where(exports.c.id == item.export_id).with_for_update()).mappings().one()
    if item.refused is not None:
        if row["sends"] == 1:  # an earlier try that nobody answered may have been taken
            conn.execute(update(exports).where(exports.c.id == row["id"]).values(in_flight=False, sends=0))
            _land(conn, row, exports_lines.of(conn, [row["id"]]).get(row["id"], []))
        put_aside(conn, row, f"the authority refuses it: {item.refused}", now)
        return False
    if item.claimed is None:
        wait = min(RETRY_MAX, timedelta(seconds=2.0 ** min(row["sends"], 10)))
        conn.execute(update(exports).where(exports.c.id == row["id"]).values(retry_at=now + wait))
        return False
    if item.question < row["told_seq"]:  # another node has told it since, and which of the two was taken last nobody knows: tell it again
        conn.execute(update(exports).where(exports.c.id == row["id"]).values(in_flight=True))
        judge(conn, [row["id"]], now)
        return False
    _hear(conn, row, item.claimed, item.question, now, answer=True)
    return True


def hear(conn: Connection, items: Sequence[ClaimsRead], now: datetime) -> list[int]:
    """Take in pages of documents. Returns how many of each were ours."""
    return [_hear_page(conn, item, now) for item in items]


def _hear_page(conn: Connection, item: ClaimsRead, now: datetime) -> int:
    keys = {claimed.key for claimed in item.page.items}
    query = select(exports).where(exports.c.channel_id == item.channel_id, exports.c.key.in_(keys)).order_by(exports.c.id)
    known = {row["key"]: row for row in conn.execute(query.with_for_update()).mappings()}
    mine = [(known[each.key], each) for each in item.page.items if each.key in known]
    mine = [(row, each) for row, each in mine if item.question >= row["told_seq"] and not _replaced(row, each)]
    lines = exports_lines.of(conn, [row["id"] for row, _ in mine])
    moved, repeats = set[int](), set[int]()
    for row, claimed in mine:
        if row["id"] not in moved and _says_nothing_new(row, claimed, lines.get(row["id"], [])):
            repeats.add(row["id"])
        else:
            _hear(conn, row, claimed, item.question, now, answer=False)
            moved.add(row["id"])
    conn.execute(update(exports).where(exports.c.id.in_(repeats)).values(told_seq=item.question))
    for ref, reason, _ in item.page.refused:  # asked for again by its ref: what the document says of a buyer is not kept
        aside.put(conn, item.channel_id, "export", ref, reason, "", now)
    page = item.page
    cursors.advance(conn, item.channel_id, STREAM, resume=page.resume, high_water=page.high_water, looked_at=item.looked_at, now=now)
    return len(known)


def _says_nothing_new(row: RowMapping, claimed: Claimed, lines: Sequence[Line]) -> bool:
    """It is what we have heard already, and nothing of it is open: nearly all of a page that overlaps the one before."""
    if claimed.gone or row["in_flight"] or row["due"] or row["retry_at"] is not None or claimed.document != row["document"]:
        return False
    told = {line.ref: line for line in claimed.lines}
    return all(_as_told(line, told, claimed) == (line.facts.held, line.facts.shipped) for line in lines)


def _replaced(row: RowMapping, claimed: Claimed) -> bool:
    """The deletion of a document that was made anew since."""
    return claimed.gone and row["document"] is not None and claimed.document != row["document"]


def cursor_of(conn: Connection, channel_id: int) -> Cursor:
    return cursors.get(conn, channel_id, STREAM)


# -- one document ----------------------------------------------------------------------------------------------------------------------------


def _hear(conn: Connection, row: RowMapping, claimed: Claimed, question: int, now: datetime, *, answer: bool) -> None:
    told = {line.ref: line for line in claimed.lines}
    lines = exports_lines.of(conn, [row["id"]]).get(row["id"], [])
    newest = _newest_question(conn, row["channel_id"])
    applied = exports_lines.read_up_to(conn, row["channel_id"], lines)
    changed = [
        _told(line, _as_told(line, told, claimed), newest, still_open=applied[line.id] <= line.facts.low_until, answer=answer)
        for line in lines
    ]
    exports_lines.save(conn, changed)
    moved = [line for line, told_row in zip(lines, changed, strict=True) if newest in {told_row["low_until"], told_row["shipped_seq"]}]
    authority_rows.want_newer(conn, row["channel_id"], [(line.listing, line.location) for line in moved], newest)
    values = {"told_seq": question, "document": claimed.document or row["document"], "retry_at": None}
    if answer:
        values |= {"in_flight": False, "sends": 0, "confirmed_at": now}
        aside.resolve(conn, row["channel_id"], "export", row["key"], now)
    conn.execute(update(exports).where(exports.c.id == row["id"]).values(**values))
    _document(conn, lines, changed, now)
    _judge(conn, row, claimed, answer, now)


def _as_told(line: Line, told: Mapping[str, ClaimedLine], claimed: Claimed) -> tuple[int, int]:
    """Held and shipped. A deleted document holds nothing; what was shipped for it is out of the number all the same, unless it says otherwise."""
    if (mine := told.get(line.ref)) is not None:
        return (0 if claimed.gone else mine.held), mine.shipped
    return 0, line.facts.shipped


def _told(line: Line, now: tuple[int, int], newest: int, *, still_open: bool, answer: bool) -> dict[str, int]:
    held, shipped = now
    facts = line.facts
    moved = held + shipped != facts.held + facts.shipped or facts.in_flight
    low = lowest(facts, held + shipped, still_open=still_open) if moved else facts.low
    return {
        "id": line.id,
        "settled_held": held if answer else line.settled_held,
        "told_held": held,
        "told_shipped": shipped,
        "shipped_seq": newest if shipped > facts.shipped else facts.shipped_seq,
        "proven_shipped": min(facts.proven, shipped),
        "low": low,
        "low_until": newest if moved else facts.low_until,
    }


def _newest_question(conn: Connection, channel_id: int) -> int:
    """Whatever is asked from now on was asked after what we have just been told."""
    number: int = conn.execute(select(channels.c.read_seq).where(channels.c.id == channel_id)).scalar_one()
    return number


def _document(conn: Connection, lines: Sequence[Line], changed: Sequence[Mapping[str, int]], now: datetime) -> None:
    """Tell the orders what the authority has shipped. A shipment that was taken back is in its number again, so it is owed again."""
    shipped = [(line, row) for line, row in zip(lines, changed, strict=True) if row["told_shipped"] != line.facts.shipped]
    back = [
        Debited(line.order_line_id, row["proven_shipped"] * line.pack) for line, row in shipped if row["proven_shipped"] < line.facts.proven
    ]
    order_documents.note(conn, [Documented(line.order_line_id, row["told_shipped"] * line.pack) for line, row in shipped], now)
    levels.post(conn, order_documents.debit(conn, back, now), now)


def _judge(conn: Connection, row: RowMapping, claimed: Claimed, answer: bool, now: datetime) -> None:
    lines = exports_lines.of(conn, [row["id"]]).get(row["id"], [])
    if claimed.gone and any(line.wanted_held for line in lines):
        findings.record(conn, "document_deleted", row["channel_id"], None, row["key"], {"document": claimed.document}, now)
        put_aside(conn, row, GONE, now)
        return
    if answer:
        findings.resolve(conn, "document_deleted", row["channel_id"], None, row["key"], now)
    short = {line.ref: [line.wanted_held, line.facts.held] for line in lines if answer and line.wanted_held != line.facts.held}
    if short:
        findings.record(conn, "claim_not_held", row["channel_id"], None, row["key"], {"wanted_and_held": short}, now)
    elif answer:
        findings.resolve(conn, "claim_not_held", row["channel_id"], None, row["key"], now)
    judge(conn, [row["id"]], now)


def _land(conn: Connection, row: RowMapping, lines: Sequence[Line]) -> None:
    """A refused export changed nothing: what was last told stands for every question from now on, and what was asked for was not answered."""
    newest = _newest_question(conn, row["channel_id"])
    exports_lines.save(conn, [{"id": line.id, "low_until": newest, "asked_held": line.facts.held} for line in lines])
