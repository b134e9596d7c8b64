"""Which SKU a listing sells: linked by hand, or once by itself when the SKU texts are exactly equal. Never guessed.

Once a listing was linked or unlinked, the channel's own ref holds it: automatic matching does not look at it again, whatever its SKU text becomes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, func, select, update

from channelsync.ledger import frost, listings, ruling, skus
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import listings as table
from channelsync.ledger.schema import shelves
from channelsync.ledger.schema import skus as sku_table
from channelsync.ledger.waiting_sales import apply_waiting

MAX_PACK: Final = 100_000


@dataclass(frozen=True, slots=True)
class Link(Keyed):
    """ref: the listing's ref or an alias. pack: SKU units in one unit of the listing (a six-pack: 6)."""

    channel_id: int
    ref: str
    sku: str
    pack: int = 1


@dataclass(frozen=True, slots=True)
class Linked(Answer):
    """orders_applied: this channel's orders with lines that waited for this link, and wait no more."""

    listing: int
    ref: str
    sku: str
    pack: int
    orders_applied: int = 0


@idempotent(Linked)
def link(conn: Connection, items: Sequence[Link], now: datetime) -> Sequence[Linked | Refusal]:
    """Say what listings sell. Their shelves get new targets at once; sales that waited for it are applied, units that were sold before stay
    where they were booked.
    """
    known = {channel: listings.resolve(conn, channel, refs) for channel, refs in _refs(items).items()}
    named = skus.find(conn, (item.sku for item in items))
    answers: list[Linked | Refusal] = []
    touched: set[int] = set()
    for item in items:
        found = known[item.channel_id].get(item.ref)
        sku = named.get(item.sku)
        if problem := unlinkable(item, found):
            answers.append(problem)
        elif sku is None or found is None:
            answers.append(UnknownSku(item.sku))
        else:
            conn.execute(
                update(table)
                .where(table.c.id == found.id)
                .values(sku_id=sku.id, pack=item.pack, linked_at=now, linked_text=table.c.sku_text)
            )
            if (found.sku_id, found.pack) != (sku.id, item.pack):
                _forget_adopted(conn, found.id)
            touched.add(sku.id)
            answers.append(Linked(found.id, found.ref, item.sku, item.pack))
    ruling.settle(conn, touched, now)
    return [
        replace(answer, orders_applied=apply_waiting(conn, item.channel_id, [answer.listing], now))
        if isinstance(answer, Linked)
        else answer
        for item, answer in zip(items, answers, strict=True)
    ]


def unlinkable(item: Link, found: listings.Found | None) -> NotAllowed | None:
    """Why this listing cannot be linked so. found: what its ref names."""
    if found is None:
        return NotAllowed(f"this channel has no listing {item.ref!r}; check the ref, or let its listings be read first")
    if found.stock_ref is not None:
        return NotAllowed(f"listing {item.ref!r} shows the number of listing {found.stock_ref!r}; link that one")
    if not 1 <= item.pack <= MAX_PACK:
        return NotAllowed(f"a pack of {item.pack} is not possible; one unit of a listing is 1 to {MAX_PACK} units of its SKU")
    return None


@dataclass(frozen=True, slots=True)
class Unlink(Keyed):
    channel_id: int
    ref: str


@dataclass(frozen=True, slots=True)
class Unlinked(Answer):
    """was: the SKU text it was linked to; None if it was not."""

    listing: int
    ref: str
    was: str | None


@idempotent(Unlinked)
def unlink(conn: Connection, items: Sequence[Unlink], now: datetime) -> Sequence[Unlinked | Refusal]:
    """Nothing is written to these listings from now on, and their sales wait until they are linked again."""
    known = {channel: listings.resolve(conn, channel, refs) for channel, refs in _refs(items).items()}
    answers: list[Unlinked | Refusal] = []
    for item in items:
        found = known[item.channel_id].get(item.ref)
        if found is None:
            answers.append(NotAllowed(f"this channel has no listing {item.ref!r}; check the ref"))
            continue
        was = conn.scalar(select(sku_table.c.sku).join(table, table.c.sku_id == sku_table.c.id).where(table.c.id == found.id))
        conn.execute(update(table).where(table.c.id == found.id).values(sku_id=None, linked_at=now))
        untargeted = update(shelves).where(shelves.c.listing_id == found.id, shelves.c.target.is_not(None))
        conn.execute(untargeted.values(target=None, due=False, version=shelves.c.version + 1))
        _forget_adopted(conn, found.id)
        frost.mark_unlinked(conn, found.id)
        answers.append(Unlinked(found.id, found.ref, was))
    return answers


def _forget_adopted(conn: Connection, listing_id: int) -> None:
    """What was adopted from an edit was units of what the listing sold until now: an order that explains it later must not move another SKU."""
    conn.execute(update(shelves).where(shelves.c.listing_id == listing_id, shelves.c.adopted != 0).values(adopted=0))


def _refs(items: Iterable[Link | Unlink]) -> dict[int, set[str]]:
    refs: dict[int, set[str]] = {}
    for item in items:
        refs.setdefault(item.channel_id, set()).add(item.ref)
    return refs


# -- by itself, once -----------------------------------------------------------------------------------------------------------------------


class Mismatch(StrEnum):
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    VARIANT = "variant"
    UNKNOWN = "unknown"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a listing was not linked. reason: for people, with what to do."""

    listing: int
    ref: str
    sku_text: str | None
    kind: Mismatch
    reason: str


@dataclass(frozen=True, slots=True)
class Matched:
    """next: pass it as `after` to go on; None: the channel's last unlinked listing was looked at. orders_applied: as in Linked."""

    linked: int
    problems: tuple[Problem, ...]
    orders_applied: int
    next: int | None


def match(
    conn: Connection, channel_id: int, now: datetime, *, after: int = 0, limit: int = 500, among: Collection[int] | None = None
) -> Matched:
    """Link the channel's listings whose SKU text is exactly a SKU of the ledger and is theirs alone on the channel, and apply the sales that
    waited for them; report all others.

    among: look only at these listings.
    """
    judged = judge(conn, channel_id, after=after, limit=limit, among=among)
    links = judged.links
    if links:
        linked = {"sku_id": bindparam("_sku"), "linked_at": now, "linked_text": table.c.sku_text}
        conn.execute(update(table).where(table.c.id == bindparam("_id")).values(linked), [{"_id": i, "_sku": s} for i, s in links.items()])
        ruling.settle(conn, set(links.values()), now)
    return Matched(len(links), judged.problems, apply_waiting(conn, channel_id, list(links), now), judged.next)


@dataclass(frozen=True, slots=True)
class Judged:
    """links: listing id -> SKU id, what `match` would link. next: as in Matched."""

    links: Mapping[int, int]
    problems: tuple[Problem, ...]
    next: int | None


def judge(conn: Connection, channel_id: int, *, after: int = 0, limit: int = 500, among: Collection[int] | None = None) -> Judged:
    """What `match` would say about the listings that were never linked nor unlinked. Reads only."""
    unlinked = table.c.sku_id.is_(None) & table.c.linked_at.is_(None) & table.c.removed_at.is_(None) & table.c.stock_ref.is_(None)
    query = select(table).where(table.c.channel_id == channel_id, unlinked, table.c.id > after)
    if among is not None:
        query = query.where(table.c.id.in_(among))
    rows = conn.execute(query.order_by(table.c.id).limit(limit + 1)).mappings().all()
    say = _Judge(conn, channel_id, [row["sku_text"] for row in rows[:limit] if row["sku_text"]])
    verdicts = [(row["id"], say(row)) for row in rows[:limit]]
    links = {id_: verdict for id_, verdict in verdicts if isinstance(verdict, int)}
    problems = tuple(verdict for _, verdict in verdicts if isinstance(verdict, Problem))
    return Judged(links, problems, rows[limit - 1]["id"] if len(rows) > limit else None)


class _Judge:
    """Compares SKU texts of listings with those of the ledger and of the channel's other listings."""

    def __init__(self, conn: Connection, channel_id: int, texts: Sequence[str]) -> None:
        self._exact = {text: sku.id for text, sku in skus.find(conn, texts).items()}
        self._alike = _alike(conn, {text for text in texts if text not in self._exact})
        self._bearers = _bearers(conn, channel_id, texts)

    def __call__(self, row: RowMapping) -> int | Problem:
        """The SKU's id, or why none."""
        text = row["sku_text"]

        def problem(kind: Mismatch, reason: str) -> Problem:
            return Problem(row["id"], row["ref"], text, kind, reason)

        if row["problem"] is not None:
            return problem(Mismatch.UNUSABLE, row["problem"])
        if text is None or not text.strip():
            return problem(Mismatch.EMPTY, "it has no SKU; give it one in the shop, or link it by hand")
        if self._bearers.get(text, 0) > 1:
            return problem(Mismatch.DUPLICATE, f"{self._bearers[text]} listings of this channel have the SKU {text!r}; link each by hand")
        if text in self._exact:
            return self._exact[text]
        if alike := self._alike.get(_folded(text)):
            return problem(Mismatch.VARIANT, f"{text!r} is no SKU, but {alike!r} is: correct the spelling in the shop, or link it by hand")
        return problem(Mismatch.UNKNOWN, f"the ledger has no SKU {text!r}; seed or import it, or link the listing to another one by hand")


def _folded(text: str) -> str:
    return text.replace(" ", "").lower()


def _alike(conn: Connection, texts: set[str]) -> dict[str, str]:
    """SKUs that differ from the texts in case or spaces only (SQLite folds the case of ASCII letters only; the others are plainly unknown)."""
    if not texts:
        return {}
    folded = func.lower(func.replace(sku_table.c.sku, " ", ""))
    query = select(sku_table.c.sku).where(folded.in_(sorted({_folded(text) for text in texts}))).order_by(sku_table.c.id.desc())
    return {_folded(sku): sku for sku in conn.scalars(query)}


def _bearers(conn: Connection, channel_id: int, texts: Sequence[str]) -> Mapping[str, int]:
    """How many listings of the channel have each SKU text, linked ones included. One on its parent's stock has the parent's number: it is no rival."""
    rivals = table.c.removed_at.is_(None) & table.c.stock_ref.is_(None)
    query = (
        select(table.c.sku_text, func.count())
        .where(table.c.channel_id == channel_id, rivals, table.c.sku_text.in_(sorted(set(texts))))
        .group_by(table.c.sku_text)
    )
    return {row[0]: row[1] for row in conn.execute(query)}
