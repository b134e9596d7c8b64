"""Deliberately broken variants of engine, ledger and connector: one line says what each breaks. A simulator that misses one is not trusted."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import Call, Page, ShelfRef, Write
from channelsync.engine.channel import Channel
from channelsync.engine.dispatch import Dispatcher
from channelsync.engine.poll import Puller
from channelsync.engine.wire import Wire
from channelsync.ledger import (
    adoption,
    book,
    brackets,
    channels,
    cursors,
    differences,
    due,
    levels,
    net_effect,
    openings,
    orders,
    outbox,
    outbox_sql,
    pages,
    selling,
    settle,
    targets,
    to_read,
)
from channelsync.ledger.book import BookEntry
from channelsync.ledger.schema import attempts, listings, push_calls, shelves
from channelsync.shell import http
from channelsync.shell.inlet import Inlets
from channelsync_memory.connector import MemoryConnector

Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]


def no_overlap(patch: Patch) -> None:
    """A poll begins exactly where the last one ended: an order the list shows late is never read."""
    patch.setattr(MemoryConnector, "_overlap", lambda _self: timedelta(0))


def no_compare(patch: Patch) -> None:
    """Compare-and-set in name only: what the shop shows now is what it is compared with."""
    push = Wire._push

    async def blind(self: Wire, call: Any) -> Any:
        readings = {r.shelf: r.shows for r in await self._channel.connector.stock([w.shelf for w in call.writes])}
        return await push(self, replace(call, writes=tuple(replace(w, compare=readings[w.shelf]) for w in call.writes)))

    patch.setattr(Wire, "_push", blind)


def repeats_blindly(patch: Patch) -> None:
    """An absolute write without an answer is simply sent again."""

    def waited(self: Dispatcher, call: Any) -> bool:
        return bool(call.last_sent_at < self._store.clock.now() - timedelta(seconds=1))

    async def again(self: Dispatcher, call: Any) -> None:
        await self._wire.send(call.call, repeat=True)

    patch.setattr(Dispatcher, "_repeatable", waited)
    patch.setattr(Dispatcher, "_repeat", again)
    no_recheck(patch)


def answers_before_commit(patch: Patch) -> None:
    """A delivery is answered 200 and stored a moment later."""
    keep = Inlets.keep

    async def hasty(self: Inlets, *args: Any) -> None:
        async def later() -> None:
            await self._store.clock.sleep(0.3)
            await keep(self, *args)

        self.later = asyncio.ensure_future(later())  # type: ignore[attr-defined]

    patch.setattr(Inlets, "keep", hasty)


def swaps_claims(patch: Patch) -> None:
    """What a cancelled order releases is taken from the soft claims instead of the hard ones."""
    movements = net_effect.movements

    def swapped(*args: Any) -> Any:
        for entry in movements(*args):
            yield replace(entry, soft=entry.hard, hard=entry.soft) if entry.hard < 0 and not entry.on_hand else entry

    patch.setattr(net_effect, "movements", swapped)


def overwrites_gaps(patch: Patch) -> None:
    """A reading that does not fit the book replaces it at once."""
    note = brackets._note

    def believing(conn: Connection, item: Any, now: datetime) -> Any:
        found = note(conn, item, now)
        if found is brackets.Found.GAP:
            row = brackets._lock(conn, item.before.id)
            brackets.settle_drift(conn, row["id"], item.shows - row["book"], brackets.EditPolicy.OVERWRITE, now, now)
        return found

    patch.setattr(brackets, "_note", believing)


def opens_without_orders(patch: Patch) -> None:
    """The opening balance is what the shop shows; units it already took for open orders are subtracted again."""
    patch.setattr(openings, "_taken", lambda _conn, _channel_id, _sku_ids: {})


def settles_absolutely(patch: Patch) -> None:
    """A confirmed write makes the book the target, whatever was ingested meanwhile."""
    move = book.move

    def absolute(conn: Connection, entries: Sequence[BookEntry], now: datetime) -> None:
        fixed = []
        for entry in entries:
            if entry.kind == "write":
                target = conn.execute(select(attempts.c.target).where(attempts.c.id == entry.attempt_id)).scalar_one()
                before = conn.execute(select(shelves.c.book).where(shelves.c.id == entry.shelf_id)).scalar_one()
                entry = replace(entry, delta=target - (before or 0))  # noqa: PLW2901
            fixed.append(entry)
        move(conn, fixed, now)

    patch.setattr(book, "move", absolute)


def raises_blindly(patch: Patch) -> None:
    """A raise is sent without asking the shops what they sold."""

    async def yes(_self: Any, _channels: Any) -> bool:
        return True

    patch.setattr("channelsync.engine.poll.Pullers.look_at", yes)


def no_recheck(patch: Patch) -> None:
    """What was computed is sent, whatever the target has become while the machine was slow."""
    rows, plain = outbox.open_rows, Wire._release

    async def slowly(self: Wire, call: Any, *, repeat: bool) -> Any:
        await self._store.clock.sleep(1.0)
        return await plain(self, call, repeat=repeat)

    patch.setattr(outbox, "open_rows", lambda conn, key: [row | {"now_target": row["target"]} for row in rows(conn, key)])
    patch.setattr(Wire, "_release", slowly)


def no_lag(patch: Patch) -> None:
    """What the next pull does not explain is called an edit."""
    traits = Channel.traits.fget  # type: ignore[attr-defined]
    patch.setattr(Channel, "traits", property(lambda self: replace(traits(self), visibility_lag=timedelta(0))))


def no_verification(patch: Patch) -> None:
    """A write that is not atomic is believed without being read back."""
    patch.setattr(settle, "_verify", lambda _conn, _ids: None)
    patch.setattr(to_read, "wanting_look", lambda *_args: [])


def no_drain(patch: Patch) -> None:
    """An unknown outcome is judged by a reading although the request may still be on its way."""
    traits = Channel.traits.fget  # type: ignore[attr-defined]
    patch.setattr(Channel, "traits", property(lambda self: replace(traits(self), write_drains_within=timedelta(0))))


def forgets_attempts(patch: Patch) -> None:
    """After a crash or a time-out the open attempt is dropped, and the newest number is computed afresh."""
    finish = Dispatcher._finish_open_calls

    def drop(conn: Connection, items: Sequence[int], now: datetime) -> list[None]:
        for channel_id in items:
            keys = conn.scalars(
                select(push_calls.c.key).where(push_calls.c.channel_id == channel_id, push_calls.c.state != "settled")
            ).all()
            conn.execute(
                update(attempts).where(attempts.c.call_key.in_(keys), attempts.c.state.in_(due.OPEN_STATES)).values(state="withdrawn")
            )
            conn.execute(update(push_calls).where(push_calls.c.key.in_(keys)).values(state="settled"))
        return [None for _ in items]

    async def forgetful(self: Dispatcher) -> None:
        await self._store.ledger.run(drop, self._channel.id)
        await finish(self)

    patch.setattr(Dispatcher, "_finish_open_calls", forgetful)


def unfenced_settle(patch: Patch) -> None:
    """A late answer is booked by whoever gets it, even if the attempt was resolved meanwhile."""
    rows = outbox.open_rows

    def any_rows(conn: Connection, key: str) -> list[dict[str, Any]]:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(outbox_sql, "OPEN_ROWS", outbox_sql.rows_in((*due.OPEN_STATES, "bracketed", "withdrawn", "ok")))
            return rows(conn, key)

    one = settle._settle

    def settling(conn: Connection, item: Any, now: datetime) -> Any:
        call = conn.execute(select(push_calls).where(push_calls.c.key == item.key)).mappings().one()
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(outbox, "holds_lease", lambda *_args: True)
            inner.setattr(outbox, "open_rows", any_rows)
            return one(conn, replace(item, lease_version=call["lease_version"]), now)

    patch.setattr(settle, "_settle", settling)


def older_over_newer(patch: Patch) -> None:
    """Whatever arrives last is applied, even if it says what the order looked like before."""
    patch.setattr(orders._Application, "_old_news", lambda *_args: None)


def no_addback(patch: Patch) -> None:
    """What a shop withholds by itself is subtracted from its number as well."""
    patch.setattr(targets, "withheld_by", lambda _conn, _ids: {})


def cursor_first(patch: Patch) -> None:
    """The page's mark is stored, and then its orders."""

    def mark(conn: Connection, items: Sequence[Any], now: datetime) -> list[None]:
        for item in items:
            page: Page[Any] = item.page
            cursors.advance(
                conn, item.channel_id, pages.STREAM, resume=page.resume, high_water=page.high_water, looked_at=item.looked_at, now=now
            )
        return [None for _ in items]

    run = Puller._run

    async def hasty(self: Puller, widen: timedelta) -> None:
        ledger = self._store.ledger

        class Hasty:
            async def run(self, verb: Any, item: Any) -> Any:
                if verb is pages.apply_page:
                    await ledger.run(mark, item)
                return await ledger.run(verb, item)

            async def read(self, query: Any, *args: Any, **kwargs: Any) -> Any:
                return await ledger.read(query, *args, **kwargs)

        self._store = replace_ledger(self._store, Hasty())
        try:
            await run(self, widen)
        finally:
            self._store = replace_ledger(self._store, ledger)

    patch.setattr(Puller, "_run", hasty)
    patch.setattr(MemoryConnector, "_overlap", lambda _self: timedelta(seconds=2))


def replace_ledger(store: Any, ledger: Any) -> Any:
    """A store that is the same but for its ledger."""
    other = copy.copy(store)
    other.ledger = ledger
    return other


def clamp_raises(patch: Patch) -> None:
    """A number below zero is repaired up to zero."""
    patch.setattr(targets, "is_due", lambda target, book: None not in (target, book) and target != book)
    plain = differences.difference

    def clamped(*args: Any, **kwargs: Any) -> Any:
        change = plain(*args, **kwargs)
        return change and replace(change, value=max(change.value, 0))

    patch.setattr(outbox, "difference", clamped)


def adopts_unknown(patch: Patch) -> None:
    """What is left over when an unknown outcome is resolved is booked as units that were found or lost."""
    for name in ("_resolve_attempt", "_verified"):
        plain = getattr(brackets, name)

        def adopting(conn: Connection, item: Any, row: dict[str, Any], reading: int, now: datetime, plain: Any = plain) -> Any:
            closing = plain(conn, item, row, reading, now)
            delta = row["delta"] or 0
            rest = min((reading - row["book"], reading - row["book"] - delta), key=abs)
            if rest:
                levels.post(conn, adoption.adopt(conn, row["id"], rest), now)
            return closing

        patch.setattr(brackets, name, adopting)


def due_by(patch: Patch, sendable: Callable[..., list[Any]]) -> None:
    """Other conditions for a write, and no statement that was built before."""
    for module, queries in ((outbox, ["_due_query"]), (selling, ["_raises_query", "_shelves_query"])):
        patch.setattr(module, "sendable", sendable)
        for query in queries:
            patch.setattr(module, query, getattr(module, query).__wrapped__)


def mixes_directions(patch: Patch) -> None:
    """Lowers and raises travel in one call: a raise goes out unlooked and unchecked."""
    plain = due.sendable

    def both(*, raises: bool, absolute: bool = False) -> list[Any]:
        wanted: list[Any] = list(plain(raises=raises, absolute=absolute))
        if not raises:
            wanted[2] = shelves.c.target != shelves.c.book
        return wanted

    due_by(patch, both)
    compute = differences.difference

    def any_sign(*args: Any, **kwargs: Any) -> Any:
        change = compute(*args, **kwargs)
        return change and _Lowering(change.target, change.book, change.compare, change.value)

    patch.setattr(outbox, "difference", any_sign)


class _Lowering(differences.Difference):
    """Says of itself that it lowers, until it is written down."""

    __slots__ = ("_asked",)

    @property
    def delta(self) -> int:
        if not getattr(self, "_asked", False):
            object.__setattr__(self, "_asked", True)
            return -abs(self.value - self.compare)
        return self.value - self.compare


def zombie(patch: Patch) -> None:
    """A daemon that was paused past its lease sends what it had computed before."""
    send = Wire._release

    async def sending(self: Wire, call: Any, *, repeat: bool) -> Any:
        return await send(self, call, repeat=repeat) or call

    patch.setattr(Wire, "_release", sending)
    patch.setattr(http, "may_leave", ContextVar("may_leave", default=lambda: True))


def pushes_naively(patch: Patch) -> None:
    """What every such tool begins with: write the target over whatever the shop shows, again and again, and remember nothing."""

    def wanted(conn: Connection, channel_id: int) -> list[tuple[str, str, int]]:
        query = select(listings.c.ref, shelves.c.location, shelves.c.target).join(listings, listings.c.id == shelves.c.listing_id)
        rows = conn.execute(query.where(shelves.c.channel_id == channel_id, shelves.c.target.is_not(None)).order_by(shelves.c.id))
        return [(row[0], row[1], row[2]) for row in rows]

    async def run_once(self: Dispatcher) -> bool:
        store, channel = self._store, self._channel
        if await store.ledger.read(channels.may_write, channel.id):
            rows = await store.ledger.read(wanted, channel.id)
            writes = [Write(f"naive.{n}", ShelfRef(ref, place), target, target, 0) for n, (ref, place, target) in enumerate(rows)]
            await channel.connector.push(Call(store.new_key(), tuple(writes)))
        return True

    patch.setattr(Dispatcher, "run_once", run_once)
