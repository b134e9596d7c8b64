"""Files of listings: which SKU each of them sells. An export tells what is wrong with them, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from channelsync.ledger import channels, matching, skus
from channelsync.ledger import listings as told
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Difference, LedgerKind, SoFar, Source, Value, Verdict, bad, judged
from channelsync.ledger.listing_pages import Filter, ListingRow, list_listings
from channelsync.ledger.matching import MAX_PACK, Link, Unlink
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import listings as table
from channelsync.ledger.schema import skus as sku_table

CHUNK: Final = 400


@dataclass(frozen=True, slots=True)
class LinkRow:
    """sku "": it sells nothing of ours. pack None: as it is, or 1 where it is linked anew."""

    line: int
    channel: str
    ref: str
    sku: str
    pack: int | None = None

    @property
    def about(self) -> str:
        return f"{self.channel} {self.ref}"


@dataclass(frozen=True, slots=True)
class _Own:
    """What the listing itself is linked to."""

    sku: str
    pack: int
    child: bool


def parse(line: int, cells: Cells) -> LinkRow | None:
    channel, ref = cell.needed(cells, "channel", "a channel of the config"), cell.needed(cells, "ref", "the listing's own id at the shop")
    sku, pack = cell.text(cells, "sku"), cell.whole(cells, "pack", least=1)
    cell.fits("ref", reference=ref)
    cell.fits("sku", sku=sku)
    if pack is not None and pack > MAX_PACK:
        raise BadCell("pack", f"a pack of {pack} is not possible; one unit of a listing is 1 to {MAX_PACK} units of its SKU")
    return LinkRow(line, channel, ref, sku, pack)


def once(row: LinkRow) -> Hashable | None:
    return row.channel, row.ref


def compare(conn: Connection, rows: Sequence[LinkRow], source: Source, so_far: SoFar, now: datetime) -> list[Verdict]:
    ids = _channels(conn)
    found = {ids[name]: told.resolve(conn, ids[name], refs) for name, refs in _refs(rows).items() if name in ids}
    own = _own(conn, [each.id for named in found.values() for each in named.values()])
    known = skus.find(conn, [row.sku for row in rows if row.sku])
    answers = []
    for row in rows:
        if row.channel not in ids:
            answers.append(
                bad(row.line, row.about, f"no such channel {row.channel!r}; known: {', '.join(sorted(ids)) or 'none'}", "channel")
            )
            continue
        listing = found[ids[row.channel]].get(row.ref)
        answers.append(_verdict(row, ids[row.channel], listing, own[listing.id] if listing else None, row.sku in known))
    return answers


def _verdict(row: LinkRow, channel_id: int, listing: told.Found | None, own: _Own | None, known: bool) -> Verdict:
    if listing is None or own is None:
        return bad(
            row.line,
            row.about,
            NotAllowed(f"this channel has no listing {row.ref!r}; check the ref, or let its listings be read first"),
            "ref",
        )
    differences = [Difference("sku", own.sku or None, row.sku or None)]
    if row.sku:
        differences.append(Difference("pack", own.pack if own.sku else None, _pack(row, own)))
    found = judged(row.line, row.about, differences)
    if not found.differences or not row.sku:
        return found
    if problem := matching.unlinkable(Link(channel_id, row.ref, row.sku, _pack(row, own)), listing):
        return bad(row.line, row.about, problem, "ref")
    return found if known else bad(row.line, row.about, UnknownSku(row.sku), "sku")


def _pack(row: LinkRow, own: _Own) -> int:
    if row.pack is not None:
        return row.pack
    return own.pack if row.sku == own.sku else 1


def write(conn: Connection, rows: Sequence[LinkRow], source: Source, now: datetime) -> list[Refusal | None]:
    ids = _channels(conn)
    found = {name: told.resolve(conn, ids[name], refs) for name, refs in _refs(rows).items()}
    own = _own(conn, [each.id for named in found.values() for each in named.values()])
    linked = [row for row in rows if row.sku]
    links = [Link(ids[row.channel], row.ref, row.sku, _pack(row, own[found[row.channel][row.ref].id])) for row in linked]
    unlinked = [row for row in rows if not row.sku]
    unlinks = [Unlink(ids[row.channel], row.ref) for row in unlinked]
    done = [*(matching.link(conn, links, now) if links else ()), *(matching.unlink(conn, unlinks, now) if unlinks else ())]
    answers = {row.line: each if isinstance(each, Refusal) else None for row, each in zip([*linked, *unlinked], done, strict=True)}
    return [answers[row.line] for row in rows]


def _channels(conn: Connection) -> dict[str, int]:
    return {each.name: each.id for each in channels.every(conn)}


def _refs(rows: Sequence[LinkRow]) -> dict[str, set[str]]:
    refs: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        refs[row.channel].add(row.ref)
    return refs


def _own(conn: Connection, listing_ids: Sequence[int]) -> dict[int, _Own]:
    found: dict[int, _Own] = {}
    for start in range(0, len(listing_ids), CHUNK):
        query = select(table.c.id, table.c.pack, table.c.stock_ref, sku_table.c.sku).outerjoin(sku_table, sku_table.c.id == table.c.sku_id)
        for row in conn.execute(query.where(table.c.id.in_(listing_ids[start : start + CHUNK]))):
            found[row.id] = _Own(row.sku or "", row.pack, row.stock_ref is not None)
    return found


def page(conn: Connection, after: int, limit: int) -> tuple[list[tuple[Value, ...]], int | None]:
    found = list_listings(conn, Filter(), after=after, limit=limit)
    return [_told(row, _judged(conn, found.rows)) for row in found.rows], found.next


def _judged(conn: Connection, rows: Sequence[ListingRow]) -> dict[int, str]:
    """Why those that were never linked are not linked by themselves."""
    ids, mine = _channels(conn), defaultdict[str, list[int]](list)
    for row in rows:
        mine[row.channel].append(row.id)
    judged = (matching.judge(conn, ids[name], limit=len(some), among=some) for name, some in mine.items())
    return {problem.listing: f"{problem.kind.value}: {problem.reason}" for each in judged for problem in each.problems}


def _told(row: ListingRow, problems: Mapping[int, str]) -> tuple[Value, ...]:
    problem = problems.get(row.id) or row.problem
    if problem is None and row.stock_ref is not None:
        problem = f"child: it shows the number of {row.stock_ref}"
    if problem is None and not row.tracked:
        problem = "untracked: the shop does not count it, so nothing is written"
    return row.channel, row.ref, row.sku, row.pack if row.sku else None, row.sku_text, row.title, row.barcode, problem


LISTINGS: Final = LedgerKind(
    "listings",
    "which SKU each listing of a shop sells, and what is wrong with it",
    (
        Column("channel", "The channel's name in the config.", required=True),
        Column("ref", "The listing's own id at the shop.", required=True),
        Column("sku", "The ledger's SKU that it sells; empty: none, it is taken off.", required=True),
        Column("pack", "SKU units in one unit of the listing (a six-pack: 6); empty: as it is, or 1."),
        Column("sku_at_the_shop", "", told=True),
        Column("title", "", told=True),
        Column("barcode", "", told=True),
        PROBLEM,
    ),
    LinkRow,
    parse,
    once,
    compare=compare,
    write=write,
    page=page,
    exported=("channel", "ref", "sku", "pack", "sku_at_the_shop", "title", "barcode", "problem"),
)
