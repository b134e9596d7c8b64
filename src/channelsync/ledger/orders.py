"""Orders as net effect (rule 5): a snapshot says what an order looks like now; what it should have posted less what is posted is what moves.

One door for webhook, poll and re-read. The arithmetic is in `net_effect`, the rows in `order_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select
from sqlalchemy.exc import DataError, IntegrityError

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import (
    adoption,
    aside,
    book,
    findings,
    inbox,
    levels,
    net_effect,
    order_bounds,
    order_rows,
    oversells,
    reservations,
    targets,
)
from channelsync.ledger.levels import Entry, Level, LevelKey, MovementType
from channelsync.ledger.net_effect import OwnEffect, Posted
from channelsync.ledger.order_rows import ChannelRow, LineRow, Source, StoredOrder, Target
from channelsync.ledger.schema import shelves, skus

REST_OF_SECOND = timedelta(microseconds=999_999)


class Verdict(StrEnum):
    APPLIED = "applied"
    UNCHANGED = "unchanged"  # nothing new: a duplicate, the poll after the webhook
    OLDER = "older"  # a newer snapshot was applied already
    ASIDE = "aside"  # it does not add up; kept and shown


@dataclass(frozen=True, slots=True)
class Sighting:
    """One snapshot as it was seen. read_seq: taken before the request that fetched it. direct: read from the shop, not a webhook's body.

    again: apply although nothing changed (a listing was mapped meanwhile). deliveries: inbox rows that are settled by this, in the same transaction.
    shop_time: the shop's own clock now, which its holds end by; None: ours.
    """

    channel_id: int
    snapshot: OrderSnapshot
    read_seq: int
    direct: bool = True
    again: bool = False
    deliveries: tuple[int, ...] = ()
    shop_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderResult:
    verdict: Verdict
    order_id: int | None = None
    sku_ids: frozenset[int] = field(default_factory=frozenset)
    reason: str = ""


def apply(conn: Connection, sightings: Sequence[Sighting], now: datetime) -> list[OrderResult]:
    """Apply snapshots, each in its own savepoint: one that fails is set aside and disturbs no other."""
    channel_of = order_rows.channel_rows(conn, {sighting.channel_id for sighting in sightings})
    refs = {(s.channel_id, line.listing) for s in sightings for line in s.snapshot.lines if line.listing is not None}
    targets_of = order_rows.resolve(conn, refs)
    results = [_apply(conn, sighting, channel_of[sighting.channel_id], targets_of, now) for sighting in sightings]
    inbox.done(conn, [row for sighting in sightings for row in sighting.deliveries], now)
    return results


def _apply(
    conn: Connection, sighting: Sighting, channel: ChannelRow, known: Mapping[tuple[int, str], Target], now: datetime
) -> OrderResult:
    application = _Application(conn, sighting, channel, known, now)
    try:
        with conn.begin_nested():
            return application.run()
    except (IntegrityError, DataError) as error:  # a number that would become impossible: this order waits, the others go on
        return application.set_aside(f"the ledger refuses it: {error.orig}")


class _Application:
    """One snapshot on its way into the ledger."""

    def __init__(
        self, conn: Connection, sighting: Sighting, channel: ChannelRow, known: Mapping[tuple[int, str], Target], now: datetime
    ) -> None:
        self.conn, self.sighting, self.channel, self.known, self.now = conn, sighting, channel, known, now
        self.snapshot = sighting.snapshot
        self.entries: list[Entry] = []
        self.books: list[book.BookEntry] = []
        self.shelves: set[int] = set()
        self.unread: set[int] = set()  # shelves without a book
        self.disturbed: set[int] = set()  # of these, the ones whose number the shop has moved: no reading from before can open their book

    def run(self) -> OrderResult:
        if problem := order_bounds.problem(self.snapshot):
            return self.set_aside(problem)
        stored = order_rows.find_order(self.conn, self.channel.id, self.snapshot.ref)
        digest = order_rows.digest(self.snapshot)
        if stored is not None and not self.sighting.again and (verdict := self._old_news(stored, digest)):
            return OrderResult(verdict, stored.id)
        early = stored.before_opening if stored else self._before_opening()
        order_id = self._save(stored, digest, early)
        if order_id is None:  # another node has stored it in this moment
            return self.run()
        rows = order_rows.lines_of(self.conn, order_id) if stored else []
        aside.resolve(self.conn, self.channel.id, "order", self.snapshot.ref, self.now)
        self._apply_lines(order_id, rows, early, stored.modified_at if stored else None)
        self._consume_reservation()
        self._post(order_id)
        return OrderResult(Verdict.APPLIED, order_id, frozenset(entry.sku_id for entry in self.entries))

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
            "snapshot": order_rows.to_json(self.snapshot),
            "before_opening": early,
            "reservation_ref": self.snapshot.reservation_ref,
            "placed_at": self.snapshot.created_at,
        }
        return order_rows.save_order(self.conn, stored.id if stored else None, self.channel.id, values, self.now)

    # -- lines -------------------------------------------------------------------------------------------------------------------------------

    def _apply_lines(self, order_id: int, rows: Sequence[LineRow], early: bool, known_at: datetime | None) -> None:
        rebased = self._rebased({row.at.shelf_id for row in rows})
        for line in self.snapshot.lines:
            mine = [row for row in rows if row.line_ref == line.ref]
            if not line.stocked and not mine:
                continue
            source = self._source(line, mine)
            if source is None:
                self._wait_for_mapping(line)
                continue
            self._apply_line(order_id, line, mine, source, early)
            self._book_effects(order_id, line, mine, source.shelf_id, rebased, known_at)
        present = {line.ref for line in self.snapshot.lines}
        for row in rows:
            if row.line_ref not in present:
                self._move(
                    order_id,
                    row.line_ref,
                    row.at,
                    row,
                    Posted(shipped=row.posted.shipped, restocked=row.posted.restocked, took=0),
                    quantity=0,
                )
                self._undo_effect(order_id, row, rebased)

    def _source(self, line: OrderLine, mine: Sequence[LineRow]) -> Source | None:
        """Today's mapping; where the listing is gone, the mapping that the line was first applied with."""
        target = self.known.get((self.channel.id, line.listing)) if line.listing is not None else None
        source = target.at(self.channel, line.location) if target else None
        if source is None:
            return mine[-1].at if mine else None
        pinned = next((row.at for row in mine if (row.at.sku_id, row.at.location_id) == (source.sku_id, source.location_id)), None)
        return pinned or source

    def _wait_for_mapping(self, line: OrderLine) -> None:
        what = line.sku or line.title or line.listing or "?"
        reason = f"no SKU is linked to {what!r}: link its listing, the sale is then applied"
        aside.put(self.conn, self.channel.id, "line", f"{self.snapshot.ref}/{line.ref}", reason, what, self.now)

    def _apply_line(self, order_id: int, line: OrderLine, mine: Sequence[LineRow], source: Source, early: bool) -> None:
        wanted = net_effect.desired(self.snapshot, line, pack=source.pack, now=self.sighting.shop_time or self.now)
        row = next((row for row in mine if row.at == source), None)
        others = [other for other in mine if other is not row]
        wanted, stays = net_effect.placed(wanted, source.pack, [(other.posted, other.at.pack) for other in others])
        for other, posted in zip(others, stays, strict=True):
            self._move(order_id, line.ref, other.at, other, posted, quantity=0)
        if early and not mine:
            baseline = net_effect.before_opening(wanted, line, source.pack, self.channel.opened_at)
            self._insert(order_id, line, source, baseline)
            row = order_rows.lines_of(self.conn, order_id)[-1]
        self._move(order_id, line.ref, source, row, wanted, quantity=line.quantity)
        aside.resolve(self.conn, self.channel.id, "line", f"{self.snapshot.ref}/{line.ref}", self.now)

    def _insert(self, order_id: int, line: OrderLine, source: Source, posted: Posted) -> None:
        order_rows.save_line(self.conn, order_id, line.ref, source, posted, row_id=None, quantity=line.quantity, hold_until=None)

    def _move(self, order_id: int, line_ref: str, at: Source, row: LineRow | None, wanted: Posted, *, quantity: int) -> None:
        before = row.posted if row else Posted()
        self.entries += net_effect.movements(self._template(at), before, wanted)
        hold_until = self.snapshot.hold_until if wanted.soft else None
        order_rows.save_line(
            self.conn, order_id, line_ref, at, wanted, row_id=row.id if row else None, quantity=quantity, hold_until=hold_until
        )
        if at.shelf_id is not None:
            self.shelves.add(at.shelf_id)

    def _template(self, at: Source) -> Entry:
        return Entry(
            at.sku_id,
            at.location_id,
            MovementType.RESERVE,
            reference=self.snapshot.ref,
            actor="channel",
            channel_id=self.channel.id,
            occurred_at=self.snapshot.modified_at,
        )

    # -- the shop's own effect on its number -----------------------------------------------------------------------------------------------

    @property
    def _changed_at(self) -> datetime:
        """The latest instant that the snapshot's time can mean: shops cut theirs to the second."""
        return self.snapshot.modified_at + REST_OF_SECOND

    def _rebased(self, known: set[int | None]) -> dict[int, datetime | None]:
        wanted = {shelf for shelf in known if shelf is not None}
        for line in self.snapshot.lines:
            target = self.known.get((self.channel.id, line.listing)) if line.listing is not None else None
            wanted |= {shelf_id for shelf_id, _ in target.shelves.values()} if target else set()
        query = select(shelves.c.id, shelves.c.book, shelves.c.rebased_at).where(shelves.c.id.in_(wanted)).with_for_update(key_share=True)
        found = self.conn.execute(query.order_by(shelves.c.id)).all()
        self.unread = {row.id for row in found if row.book is None}
        return {row.id: row.rebased_at for row in found}

    def _book_effects(
        self,
        order_id: int,
        line: OrderLine,
        mine: Sequence[LineRow],
        shelf_id: int | None,
        rebased: dict[int, datetime | None],
        known_at: datetime | None,
    ) -> None:
        """known_at: the change time of the snapshot applied before."""
        if shelf_id is None:
            return
        for row in mine:
            if row.at.shelf_id != shelf_id:  # sold from another number now: the first has its units back
                self._undo_effect(order_id, row, rebased)
        took = sum(row.posted.took for row in mine if row.at.shelf_id == shelf_id)
        seen = net_effect.Seen(first=not mine, known_at=known_at, changed_at=self._changed_at, opened_at=self.channel.opened_at)
        self._own_effect(order_id, shelf_id, net_effect.own_effect(line, took, rebased.get(shelf_id), seen))

    def _undo_effect(self, order_id: int, row: LineRow, rebased: dict[int, datetime | None]) -> None:
        if row.at.shelf_id is not None:
            effect = net_effect.undone(row.posted.took, self._changed_at, rebased.get(row.at.shelf_id))
            self._own_effect(order_id, row.at.shelf_id, effect)

    def _own_effect(self, order_id: int, shelf_id: int, effect: OwnEffect) -> None:
        if shelf_id in self.unread:  # no book yet: the opening reading will contain it, if it is taken from now on
            self.disturbed |= {shelf_id} if effect.booked else set()
            return
        if effect.booked:
            kind = "took" if effect.booked < 0 else "gave_back"
            self.books.append(book.BookEntry(shelf_id, kind, effect.booked, order_id=order_id))
        if effect.swallowed:
            self._give_back(shelf_id, effect.swallowed)

    def _give_back(self, shelf_id: int, swallowed: int) -> None:
        """The drift that was adopted into on hand was this order all along: take the adoption back, as far as it goes."""
        for entry in adoption.take_back(self.conn, shelf_id, swallowed):
            self.entries.append(replace(entry, reference=self.snapshot.ref, channel_id=self.channel.id))

    # -- posting ---------------------------------------------------------------------------------------------------------------------------

    def _consume_reservation(self) -> None:
        reference = self.snapshot.reservation_ref
        if reference is None:
            return
        wanted: dict[LevelKey, int] = {}
        for entry in self.entries:
            if (units := entry.soft + entry.hard - entry.on_hand) > 0:  # what leaves out of the order's own claim needs no other
                wanted[entry.key] = wanted.get(entry.key, 0) + units
        if wanted:
            self.entries = [*reservations.consume(self.conn, reference, wanted, self.now), *self.entries]

    def _post(self, order_id: int) -> None:
        by_key: dict[LevelKey, list[Entry]] = {}
        for entry in self.entries:
            by_key.setdefault(entry.key, []).append(entry)
        before = levels.read(self.conn, by_key, lock=True)
        for key, entries in by_key.items():
            extra = net_effect.cover(self._template(Source(key[0], key[1], 1, None)), before[key], entries)
            self.entries += extra
            for entry in extra:
                if entry.type is MovementType.SHORTAGE:
                    findings.record(self.conn, "shortage", self.channel.id, key[0], self.snapshot.ref, {"units": entry.on_hand}, self.now)
        levels.write(self.conn, self.entries, self.now)
        book.move(self.conn, self.books, self.now)
        book.disturb(self.conn, self.disturbed)
        touched = {entry.sku_id for entry in self.entries}
        targets.retarget(self.conn, touched | targets.skus_of(self.conn, self.shelves))
        self._look_for_oversell(before)

    def _look_for_oversell(self, before: Mapping[LevelKey, Level]) -> None:
        """Channels sold more than there is: a fact to record, never to clamp. It ends when units arrive or promises do."""
        keys = list(before)
        after = levels.read(self.conn, keys)
        oversells.end(self.conn, {key[0] for key in keys if after[key].available > before[key].available}, self.now)
        counted = set(self.conn.scalars(select(skus.c.id).where(skus.c.id.in_({key[0] for key in keys}), skus.c.counted)))
        for key, level in after.items():
            if level.available < 0 and key[0] in counted:
                detail = {"location_id": key[1], "available": level.available, "order": self.snapshot.number or self.snapshot.ref}
                findings.record(self.conn, "oversell", self.channel.id, key[0], "", detail, self.now)

    def set_aside(self, reason: str) -> OrderResult:
        aside.put(self.conn, self.channel.id, "order", self.snapshot.ref, reason, str(order_rows.to_json(self.snapshot)), self.now)
        return OrderResult(Verdict.ASIDE, reason=reason)
