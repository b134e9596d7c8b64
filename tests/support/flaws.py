"""The flaws that the safe push was found against, each planted into the real engine or ledger. One line says what it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Call, Carrier, Outcome, WriteResult
from channelsync.engine.channel import Channel
from channelsync.engine.dispatch import Dispatcher
from channelsync.engine.poll import Pullers
from channelsync.engine.wire import Wire
from channelsync.ledger import book, brackets, outbox, settle, targets
from channelsync.ledger.book import BookEntry
from channelsync.ledger.brackets import Bracket, Found, Seen
from channelsync.ledger.differences import Difference, difference
from channelsync.ledger.outbox import OpenCall, Release
from channelsync.ledger.schema import attempts, shelves
from channelsync.ledger.settle import Settlement
from channelsync.shell import http

Patch = pytest.MonkeyPatch


def f1_stale_writes_the_target_over_the_reading(patch: Patch) -> None:
    """After STALE the fresh reading is compared and the target written, without keeping the gap between them."""
    _number_from_reading(patch, Carrier.COMPARE_AND_SET)


def f3_relative_from_the_reading(patch: Patch) -> None:
    """A relative write is the target less the last reading, not less the book."""
    _number_from_reading(patch, Carrier.ADJUST)


def _number_from_reading(patch: Patch, carrier: Carrier) -> None:

    def from_reading(wanted: Carrier, **state: Any) -> Difference | None:
        base = state["book"] + state["gap"]
        if wanted is not carrier:
            return difference(wanted, **state)
        return Difference(state["target"], state["book"], base, state["target"]) if base != state["target"] else None

    patch.setattr(outbox, "difference", from_reading)


def f2_settles_to_the_target(patch: Patch) -> None:
    """A confirmed write makes the book the number it was computed for, whatever was ingested meanwhile."""
    move = book.move

    def absolute(conn: Connection, entry: BookEntry) -> BookEntry:
        if entry.kind != "write":
            return entry
        target = conn.execute(select(attempts.c.target).where(attempts.c.id == entry.attempt_id)).scalar_one()
        now = conn.execute(select(shelves.c.book).where(shelves.c.id == entry.shelf_id)).scalar_one()
        return replace(entry, delta=target - now)

    def moving(conn: Connection, entries: Sequence[BookEntry], now: datetime) -> None:
        move(conn, [absolute(conn, entry) for entry in entries], now)

    patch.setattr(book, "move", moving)


def f4_drift_after_the_next_pull(patch: Patch) -> None:
    """What the next pull does not explain is called an edit, however late the shop's order list may be."""
    patch.setattr(Channel, "traits", property(lambda channel: replace(channel.connector.traits, visibility_lag=timedelta(0))))


def f5_repeats_absolute_writes(patch: Patch) -> None:
    """An absolute write without an answer is sent again."""
    patch.setattr(Dispatcher, "_repeatable", lambda _dispatcher, open_call: open_call.complete)


def f6_judges_an_unknown_by_one_reading(patch: Patch) -> None:
    """Whether an unanswered write was applied is read off the number at once: the old one means that it was not."""
    finish = Dispatcher._finish_open_calls

    async def judge(dispatcher: Dispatcher, open_call: OpenCall) -> None:
        channel = dispatcher._channel
        assert channel.lease is not None
        readings = await channel.connector.stock([write.shelf for write in open_call.call.writes])
        shown = {reading.shelf: reading.shows for reading in readings}
        results = tuple(
            WriteResult(write.id, Outcome.NOT_SENT if shown[write.shelf] == write.compare else Outcome.OK)
            for write in open_call.call.writes
        )
        await dispatcher._store.ledger.run(
            settle.settle, Settlement(open_call.call.key, channel.lease.version, results, retry_after=timedelta(0))
        )

    async def hasty(dispatcher: Dispatcher) -> None:
        for open_call in await dispatcher._store.ledger.read(outbox.open_calls, dispatcher._channel.id):
            await judge(dispatcher, open_call)
        await finish(dispatcher)

    patch.setattr(Dispatcher, "_finish_open_calls", hasty)


def f7_repeats_what_is_no_longer_due(patch: Patch) -> None:
    """A keyed raise is repeated although the target has fallen."""
    _unchecked(patch, repeat=True)


def f9_sends_what_was_computed(patch: Patch) -> None:
    """A computed raise is sent although the target has fallen since."""
    _unchecked(patch, repeat=False)


def _unchecked(patch: Patch, *, repeat: bool) -> None:
    plain, rows = outbox._release, outbox.open_rows

    def as_computed(conn: Connection, key: str) -> list[dict[str, Any]]:
        return [row | {"now_target": row["target"]} for row in rows(conn, key)]

    def releasing(conn: Connection, item: Release, now: datetime) -> Call | None:
        with pytest.MonkeyPatch.context() as inner:
            if item.repeat is repeat:
                inner.setattr(outbox, "open_rows", as_computed)
            return plain(conn, item, now)

    patch.setattr(outbox, "_release", releasing)


def f8_raises_without_asking_the_others(patch: Patch) -> None:
    """A raise is computed without pulling the orders of the shops that sell the SKU."""

    async def unasked(_pullers: Pullers, _channel_ids: frozenset[int]) -> bool:
        return True

    patch.setattr(Pullers, "look_at", unasked)


def f10_the_pull_explained_it(patch: Patch) -> None:
    """An absolute raise is sent as soon as the orders of the pull explain the reading."""

    def explained(carrier: Carrier, **state: Any) -> Difference | None:
        look, moved = state["look"], carrier is Carrier.SET and not state["gap"] and not state["verify"]
        if look is None or not moved or not min(look.book, state["book"]) <= look.shows <= max(look.book, state["book"]):
            return difference(carrier, **state)
        return Difference(state["target"], state["book"], look.shows, state["target"])

    patch.setattr(outbox, "difference", explained)


def f11_believes_absolute_writes(patch: Patch) -> None:
    """An absolute write is not read back after its OK."""
    patch.setattr(settle, "_verify", lambda _conn, _shelf_ids: None)


def f12_the_target_confirms_itself(patch: Patch) -> None:
    """A reading that equals the target becomes the book."""
    plain = brackets._note

    def confirming(conn: Connection, item: Seen, now: datetime) -> Found:
        row = brackets._lock(conn, item.before.id)
        if item.shows is None or item.shows != row["target"]:
            return plain(conn, item, now)
        entry = BookEntry(row["id"], "rebase", item.shows - row["book"])
        book.replace(conn, row["id"], row["book"], item.shows, [entry], now)
        return Found.EVEN

    patch.setattr(brackets, "_note", confirming)


def f13_repairs_negative_numbers(patch: Patch) -> None:
    """A number below zero is raised to zero."""
    patch.setattr(targets, "is_due", lambda target, now: None not in {target, now} and target != now)


def f14_fenced_in_the_ledger_only(patch: Patch) -> None:
    """Whoever has computed a call sends it, whoever holds the lease by then; only the answer is refused."""
    plain = Wire._release

    async def sending(wire: Wire, call: Call, *, repeat: bool) -> Call | None:
        return await plain(wire, call, repeat=repeat) or call

    patch.setattr(Wire, "_release", sending)
    f16_leaves_whatever_became_of_the_lease(patch)


def f15_quiet_until_the_pull(patch: Patch) -> None:
    """A bracket closes although an order of the shelf was ingested between its pull and its second reading."""
    plain = brackets._quiet

    def loose(conn: Connection, item: Bracket, row: dict[str, Any]) -> bool:
        return plain(conn, replace(item, before=replace(item.before, own_seq=row["own_seq"], book=row["book"])), row)

    patch.setattr(brackets, "_quiet", loose)


def f16_leaves_whatever_became_of_the_lease(patch: Patch) -> None:
    """Nobody asks once more when the bytes leave."""
    patch.setattr(http, "may_leave", ContextVar("may_leave", default=lambda: True))
