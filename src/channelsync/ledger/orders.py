"""Orders as net effect (rule 5): a snapshot says what an order looks like now; what it should have posted less what is posted is what moves.

One door for webhook, poll and re-read. Here: is it news, and what is set aside. The arithmetic is in `net_effect`, a line's way in `line_sources`
and `line_moves`, the shop's own part in `own_effects`, the writing in `order_posting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import (
    aside,
    inbox,
    line_moves,
    line_sources,
    order_bounds,
    order_json,
    order_mapping,
    order_posting,
    order_rows,
)
from channelsync.ledger.line_sources import Group
from channelsync.ledger.order_rows import StoredOrder
from channelsync.ledger.order_work import Known, OrderWork
from channelsync.ledger.own_effects import Effects
from channelsync.ledger.routing import board, deciding
from channelsync.ledger.stale import Stale


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
    stale = Stale(conn)
    found = {place: _Application(conn, sighting, known, stale, now, unknown=place in unknown) for place, sighting in fresh.items()}
    results = repeats | dict(zip(found, _run(conn, list(found.values()), stale), strict=True))
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


def _run(conn: Connection, applications: Sequence[_Application], stale: Stale) -> list[OrderResult]:
    try:
        with conn.begin_nested():
            results = [application.run() for application in applications]
            stale.refresh()
            return results
    except (IntegrityError, DataError):
        return [application.run_alone() for application in applications]


class _Application:
    """One snapshot on its way into the ledger."""

    def __init__(self, conn: Connection, sighting: Sighting, known: Known, stale: Stale, now: datetime, *, unknown: bool) -> None:
        """unknown: no such order was stored a moment ago."""
        self.conn, self.sighting, self.known, self.stale, self.now, self.unknown = conn, sighting, known, stale, now, unknown
        self.snapshot, self.channel = sighting.snapshot, known.channels[sighting.channel_id]

    def run_alone(self) -> OrderResult:
        try:
            with self.conn.begin_nested():
                result = self.run()
                self.stale.refresh()  # what is undone with this order may not be written with it
                return result
        except (IntegrityError, DataError) as error:  # a number that would become impossible: this order waits, the others go on
            return self.set_aside(f"the ledger refuses it: {error.orig}")

    def run(self) -> OrderResult:
        if problem := order_bounds.problem(self.snapshot):
            return self.set_aside(problem)
        stored = None if self.unknown else order_rows.find_order(self.conn, self.channel.id, self.snapshot.ref)
        digest = order_json.digest(self.snapshot)
        verdict = self._old_news(stored, digest) if stored is not None else None
        if stored is not None and verdict and (verdict is Verdict.OLDER or not self.sighting.again):
            return OrderResult(verdict, stored.id)
        early = stored.before_opening if stored else self._before_opening()
        order_id = self._save(stored, digest, early)
        if order_id is None:  # another node has stored it in this moment
            self.unknown = False
            return self.run()
        work = self._work(order_id)
        rows = order_rows.lines_of(self.conn, order_id) if stored else []
        if not self.sighting.stored:
            aside.resolve(self.conn, self.channel.id, "order", self.snapshot.ref, self.now)
        effects = Effects(rows, stored.modified_at if stored else None)
        self._apply_lines(work, effects, early=early)
        order_posting.post(work, effects)
        return OrderResult(Verdict.APPLIED, order_id, frozenset(entry.sku_id for entry in work.entries))

    def _work(self, order_id: int) -> OrderWork:
        shop_now = self.sighting.shop_time or (None if self.sighting.again else self.now)
        work = OrderWork(
            self.conn, self.snapshot, self.channel, self.known, self.now, shop_now, self.sighting.documents, self.stale, order_id
        )
        work.again, work.actor, work.reason = self.sighting.again, self.sighting.actor, self.sighting.reason
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

    def _before_opening(self) -> bool:
        return self.channel.opened_at is None or self.snapshot.created_at < self.channel.opened_at

    def _save(self, stored: StoredOrder | None, digest: str, early: bool) -> int | None:
        values = {
            "ref": self.snapshot.ref,
            "number": order_bounds.number(self.snapshot),
            "state": self.snapshot.state.value,
            "modified_at": self.snapshot.modified_at,
            "read_seq": max(self.sighting.read_seq, stored.read_seq if stored else 0),
            "direct": self.sighting.direct,
            "digest": digest,
            "snapshot": order_json.to_json(self.snapshot),
            "before_opening": early,
            "reservation_ref": self.snapshot.reservation_ref,
            "placed_at": self.snapshot.created_at,
        }
        return order_rows.save_order(self.conn, stored.id if stored else None, self.channel.id, values, self.now)

    # -- lines -------------------------------------------------------------------------------------------------------------------------------

    def _apply_lines(self, work: OrderWork, effects: Effects, *, early: bool) -> None:
        rows = effects.rows
        work.routes = {**self.sighting.routes, **deciding.decide(work, rows, early=early)}
        applied = []
        for line in self.snapshot.lines:
            found = line_sources.groups([row for row in rows if row.line_ref == line.ref])
            if (line.stocked or found) and self._apply_line(work, line, found, effects, early=early):
                applied.append((self.channel.id, self._named(line)))
        aside.resolve_all(self.conn, "line", applied, self.now)
        present = {line.ref for line in self.snapshot.lines}
        for row in rows:
            if row.line_ref not in present:
                line_moves.withdraw(work, row)
                effects.withdrawn.append(row)

    def _apply_line(self, work: OrderWork, line: OrderLine, found: Sequence[Group], effects: Effects, *, early: bool) -> bool:
        """False: it waits for something."""
        choice = line_sources.choose(work, line, found)
        if choice.sources:
            line_moves.apply(work, line, found, choice.sources, early=early)
            effects.sold.append((line, [row for group in found for row in group], choice.sources[0].shelf_id))
        if choice.waits_for:
            aside.put(self.conn, self.channel.id, "line", self._named(line), choice.waits_for, choice.what, self.now)
        return not choice.waits_for

    def _named(self, line: OrderLine) -> str:
        return f"{self.snapshot.ref}/{line.ref}"

    def set_aside(self, reason: str) -> OrderResult:
        aside.put(self.conn, self.channel.id, "order", self.snapshot.ref, reason, str(order_json.to_json(self.snapshot)), self.now)
        return OrderResult(Verdict.ASIDE, reason=reason)
