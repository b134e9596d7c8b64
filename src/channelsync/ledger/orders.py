"""Orders as net effect (rule 5): a snapshot says what an order looks like now; what it should have posted less what is posted is what moves.

One door for webhook, poll and re-read. Here: is it news, what is set aside, and which orders are applied together. The arithmetic is in `net_effect`, a
line's way in `snapshot_lines`, `line_sources` and `line_moves`, the shop's own part in `own_effects`, the writing in `order_posting`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from channelsync.contract import OrderSnapshot, OrderState
from channelsync.ledger import aside, inbox, order_bounds, order_json, order_mapping, order_posting, order_rows, snapshot_lines
from channelsync.ledger.order_rows import LineRow, OrderKey, StoredOrder
from channelsync.ledger.order_work import Effects, Known, OrderWork
from channelsync.ledger.routing import board
from channelsync.ledger.stale import Stale

RUN: Final = 250
LINES: Final = 2_000
"""Orders that are written together, at most, and their lines: what a page of usual ones brings. A run is held in memory."""


class Verdict(StrEnum):
    APPLIED = "applied"
    UNCHANGED = "unchanged"  # nothing new: a duplicate, the poll after the webhook
    OLDER = "older"  # a newer snapshot was applied already
    ASIDE = "aside"  # it does not add up; kept and shown


@dataclass(frozen=True, slots=True)
class Sighting:
    """One snapshot as it was seen. read_seq: taken before the request that fetched it. direct: read from the shop, not a webhook's body.

    again: apply although nothing changed (a listing was mapped meanwhile); an older one still changes nothing. deliveries: inbox rows that are settled by this, in the same transaction.
    stored: the snapshot is the one that the ledger has; something else has changed. What is set aside of the order is newer, and waits still.
    shop_time: the shop's own clock now, which its holds end by; None: ours (again: those that were ended have, and no other). documents: by order_lines row, what an authority's documents ship of it.
    actor, reason: of what moves by it. routes: where lines are shipped from, by their refs, that were routed elsewhere (a ledger that is rebuilt).
    """

    channel_id: int
    snapshot: OrderSnapshot
    read_seq: int
    direct: bool = True
    again: bool = False
    stored: bool = False
    deliveries: tuple[int, ...] = ()
    shop_time: datetime | None = None
    documents: Mapping[int, int] = field(default_factory=dict)
    actor: str = "channel"
    reason: str = ""
    routes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderResult:
    verdict: Verdict
    order_id: int | None = None
    sku_ids: frozenset[int] = field(default_factory=frozenset)
    reason: str = ""


def apply(conn: Connection, sightings: Sequence[Sighting], now: datetime) -> list[OrderResult]:
    """Apply snapshots. One that fails is set aside and disturbs no other: all of them are tried in one savepoint, then each in its own."""
    first = _first_of_each(sightings)
    stored = order_rows.digests(conn, first)
    repeats = _repeats(sightings, first, stored)
    read_at_last = [(sightings[place].channel_id, sightings[place].snapshot.ref) for place in repeats if sightings[place].direct]
    aside.resolve_all(conn, "order", read_at_last, now)
    fresh = {place: sighting for place, sighting in enumerate(sightings) if place not in repeats}
    refs = {(s.channel_id, line.listing) for s in fresh.values() for line in s.snapshot.lines if line.listing is not None}
    known = Known(
        order_mapping.channel_rows(conn, {sighting.channel_id for sighting in fresh.values()}),
        order_mapping.resolve(conn, refs),
        order_mapping.owned_locations(conn),
        board.read(conn),
    )
    unknown = {place for key, place in first.items() if key not in stored}
    found = {place: _Application(conn, sighting, known, now, unknown=place in unknown) for place, sighting in fresh.items()}
    results = repeats | dict(zip(found, _Page(conn, now, one_by_one=known.board.on).apply(list(found.values())), strict=True))
    inbox.done(conn, [row for sighting in sightings for row in sighting.deliveries], now)
    return [results[place] for place in range(len(sightings))]


def _first_of_each(sightings: Sequence[Sighting]) -> dict[tuple[int, str], int]:
    """(channel id, order) -> the place of its first sighting."""
    first: dict[tuple[int, str], int] = {}
    for place, sighting in enumerate(sightings):
        first.setdefault((sighting.channel_id, sighting.snapshot.ref), place)
    return first


def _repeats(
    sightings: Sequence[Sighting], first: Mapping[tuple[int, str], int], stored: Mapping[tuple[int, str], tuple[int, str]]
) -> dict[int, OrderResult]:
    """By their place, those that say what is stored: nearly all of a page that overlaps the one before. They need no lock, as they change nothing.

    Only the first sighting of an order: what is stored when a later one's turn comes, the earlier ones decide.
    """
    return {
        place: OrderResult(Verdict.UNCHANGED, stored[key][0])
        for key, place in first.items()
        if key in stored and not sightings[place].again and stored[key][1] == order_json.digest(sightings[place].snapshot)
    }


class _Page:
    """Snapshots on their way into the ledger, in runs: of orders that are there once each, and so do not depend on each other's rows.

    one_by_one: an order's route depends on what the one before it holds.
    """

    def __init__(self, conn: Connection, now: datetime, *, one_by_one: bool) -> None:
        self._conn, self._now, self._longest = conn, now, 1 if one_by_one else RUN
        self._stale = Stale(conn)

    def apply(self, applications: Sequence[_Application]) -> list[OrderResult]:
        try:
            with self._conn.begin_nested():
                results = [result for run in self._runs(applications) for result in self._together(run)]
                self._stale.refresh()
                return results
        except (IntegrityError, DataError):
            return [self._alone(application) for application in applications]

    def _alone(self, application: _Application) -> OrderResult:
        try:
            with self._conn.begin_nested():
                (result,) = self._together([application])
                self._stale.refresh()  # what is undone with this order may not be written with it
                return result
        except (IntegrityError, DataError) as error:  # a number that would become impossible: this order waits, the others go on
            return application.set_aside(f"the ledger refuses it: {error.orig}")

    def _runs(self, applications: Sequence[_Application]) -> Iterator[Sequence[_Application]]:
        run, lines = dict[OrderKey, _Application](), 0
        for each in applications:
            lines += len(each.snapshot.lines)
            if run and (each.key in run or len(run) == self._longest or lines > LINES):
                yield [*run.values()]
                run, lines = {}, len(each.snapshot.lines)
            run[each.key] = each
        yield [*run.values()]

    def _together(self, run: Sequence[_Application]) -> list[OrderResult]:
        results = {each.key: each.set_aside(problem) for each in run if (problem := order_bounds.problem(each.snapshot))}
        fit = [each for each in run if each.key not in results]
        ids = self._save_all(fit)
        results |= {each.key: each.result for each in fit if each.result is not None}
        results |= self._post([each for each in fit if each.result is None], ids)
        return [results[each.key] for each in run]

    def _save_all(self, run: Sequence[_Application]) -> dict[OrderKey, int]:
        """The ids of all that are news."""
        ids, rest = dict[OrderKey, int](), run
        for each in run:
            each.stored = each.result = None  # what was known before everything was undone
        while rest:
            self._look([each for each in rest if not each.unknown])
            ids |= self._save([each for each in rest if each.result is None])
            rest = [each for each in rest if each.result is None and each.key not in ids]
            for each in rest:  # another node has stored them in this moment
                each.unknown = False
        return ids

    def _look(self, known: Sequence[_Application]) -> None:
        stored = order_rows.find(self._conn, [each.key for each in known])
        for each in known:
            each.look(stored.get(each.key))

    def _save(self, news: Sequence[_Application]) -> dict[OrderKey, int]:
        """The ids of those that are stored now; without one that was to be new and that somebody else has stored."""
        known = {each.key: each.stored.id for each in news if each.stored is not None}
        order_rows.change(self._conn, {each.stored.id: each.told() for each in news if each.stored is not None}, self._now)
        return known | order_rows.add(self._conn, {each.key: each.told() for each in news if each.stored is None}, self._now)

    def _post(self, news: Sequence[_Application], ids: Mapping[OrderKey, int]) -> dict[OrderKey, OrderResult]:
        rows = order_rows.lines_of(self._conn, [each.stored.id for each in news if each.stored is not None])
        works = [each.work(ids[each.key], rows.get(ids[each.key], [])) for each in news]
        said = [each.key for each in news if not each.sighting.stored]
        aside.resolve_all(self._conn, "order", said, self._now)
        aside.resolve_all(self._conn, "line", [(work.channel.id, name) for work in works for name in work.applied], self._now)
        order_posting.post(self._conn, works, self._stale, self._now)
        return {
            each.key: OrderResult(Verdict.APPLIED, work.order_id, frozenset(entry.sku_id for entry in work.entries))
            for each, work in zip(news, works, strict=True)
        }


class _Application:
    """One snapshot on its way into the ledger. stored: the order as the ledger has it, once it was looked for. result: that it is old news."""

    def __init__(self, conn: Connection, sighting: Sighting, known: Known, now: datetime, *, unknown: bool) -> None:
        """unknown: no such order was stored a moment ago."""
        self.conn, self.sighting, self.known, self.now, self.unknown = conn, sighting, known, now, unknown
        self.snapshot, self.channel = sighting.snapshot, known.channels[sighting.channel_id]
        self.key: OrderKey = (sighting.channel_id, sighting.snapshot.ref)
        self.stored: StoredOrder | None = None
        self.result: OrderResult | None = None
        self._digest = order_json.digest(sighting.snapshot)

    def look(self, stored: StoredOrder | None) -> None:
        """At the order as it is stored, whose row is locked: whether this is old news."""
        self.stored = stored
        verdict = None if stored is None else self._old_news(stored, self._digest)
        if stored is not None and verdict and (verdict is Verdict.OLDER or not self.sighting.again):
            self.result = OrderResult(verdict, stored.id)

    def work(self, order_id: int, rows: Sequence[LineRow]) -> OrderWork:
        """What it changes. rows: what the order had."""
        shop_now = self.sighting.shop_time or (None if self.sighting.again else self.now)
        effects = Effects(rows, self.stored.modified_at if self.stored else None)
        documents = self.sighting.documents
        work = OrderWork(self.conn, self.snapshot, self.channel, self.known, self.now, shop_now, documents, order_id, effects)
        work.again, work.actor, work.reason = self.sighting.again, self.sighting.actor, self.sighting.reason
        snapshot_lines.apply(work, self.sighting.routes, early=self._early)
        return work

    # -- is it news? -----------------------------------------------------------------------------------------------------------------------

    def _old_news(self, stored: StoredOrder, digest: str) -> Verdict | None:
        if stored.state is OrderState.DELETED and self.snapshot.state is not OrderState.DELETED and not self.sighting.direct:
            return Verdict.OLDER  # a late webhook of an order that is gone
        if self.snapshot.modified_at < stored.modified_at:
            return Verdict.OLDER
        if self.snapshot.modified_at > stored.modified_at:
            return None
        if digest == stored.digest:
            return Verdict.UNCHANGED
        newer_look = self.sighting.direct and self.sighting.read_seq >= stored.read_seq
        return None if newer_look else Verdict.OLDER

    # -- what is stored of it ----------------------------------------------------------------------------------------------------------------

    @property
    def _early(self) -> bool:
        """It is from before the opening."""
        if self.stored is not None:
            return self.stored.before_opening
        return self.channel.opened_at is None or self.snapshot.created_at < self.channel.opened_at

    def told(self) -> dict[str, Any]:
        """The order's own row."""
        return {
            "ref": self.snapshot.ref,
            "number": order_bounds.number(self.snapshot),
            "state": self.snapshot.state.value,
            "modified_at": self.snapshot.modified_at,
            "read_seq": max(self.sighting.read_seq, self.stored.read_seq if self.stored else 0),
            "direct": self.sighting.direct,
            "digest": self._digest,
            "snapshot": order_json.to_json(self.snapshot),
            "before_opening": self._early,
            "reservation_ref": self.snapshot.reservation_ref,
            "placed_at": self.snapshot.created_at,
        }

    def set_aside(self, reason: str) -> OrderResult:
        aside.put(self.conn, self.channel.id, "order", self.snapshot.ref, reason, str(order_json.to_json(self.snapshot)), self.now)
        return OrderResult(Verdict.ASIDE, reason=reason)
