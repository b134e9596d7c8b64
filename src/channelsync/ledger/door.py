"""The one door to the ledger: `await ledger.run(verb, item)` writes, `await ledger.read(query, ...)` reads.

`Ledger` commits in groups on a writer thread; `InlineLedger` does the same work at once in the calling thread, for the simulator and the
command line. What a group is and how one call fails alone is in `ledger.group`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from channelsync.clock import Clock
from channelsync.errors import ChannelsyncError
from channelsync.ledger.database import is_in_memory, reading, writing
from channelsync.ledger.group import Answer, Call, NotRead, Verb, is_away, must_start_over, run_group

In = TypeVar("In")
Out = TypeVar("Out")
P = ParamSpec("P")
R = TypeVar("R")

Query = Callable[Concatenate[Connection, P], R]
READERS = 4
WAITING = 1024
READ_TRIES = 3


class LedgerClosed(ChannelsyncError):
    """The ledger is not started, or is shutting down; nothing was done."""


class Door(Protocol):
    """What engine and shell hold. A verb's Refusal for the item is raised to its caller."""

    async def start(self) -> None: ...

    async def close(self) -> None:
        """Finish what is queued, then stop. The database stays open: it is the caller's."""

    async def run(self, verb: Verb[In, Out], item: In) -> Out:
        """Apply one item; returns after its commit. Raises what the verb raised or refused for it, NotStored, CommitUnknown, LedgerClosed.

        A caller that is cancelled while its item is queued takes it back; later, the item is applied all the same.
        """

    async def read(self, query: Query[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `query(conn, ...)` on one snapshot of what is committed. Keep it short: page by key. Raises what it raised, NotRead, LedgerClosed."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: Call
    answer: asyncio.Future[Answer]


class Ledger:
    """Group commit: one writer thread takes all calls that piled up during the last commit (at most `batch`) as one transaction. No timer.

    Belongs to the event loop that started it. At most `waiting` calls are queued; further callers wait their turn.
    """

    def __init__(self, engine: Engine, clock: Clock, *, batch: int = 256, waiting: int = WAITING) -> None:
        if is_in_memory(engine):
            raise ValueError("an in-memory database has one connection and cannot serve reader and writer threads: use InlineLedger")
        self._engine, self._reading, self._clock, self._batch = engine, reading(engine), clock, batch
        self._writing = writing(engine)
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()  # None: nothing comes after this
        self._room = asyncio.Semaphore(waiting)
        self._reads = asyncio.Semaphore(waiting)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")
        self._writer = threading.Thread(target=self._write, name="ledger-writer", daemon=True)
        self._open = False

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer.start()
        self._open = True

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        if self._writing is not self._engine:
            self._writing.dispose()

    async def run(self, verb: Verb[In, Out], item: In) -> Out:
        self._assert_open()
        await self._room.acquire()
        if not self._open:
            self._room.release()
            self._assert_open()
        waiting = _Waiting(Call(verb, item), self._loop.create_future())
        self._queue.put(waiting)
        result: Out = _unwrap(await waiting.answer)
        return result

    async def read(self, query: Query[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self._assert_open()
        async with self._reads:
            self._assert_open()
            return await self._loop.run_in_executor(self._readers, partial(_read, self._reading, query, *args, **kwargs))

    def _assert_open(self) -> None:
        if not self._open:
            raise LedgerClosed("the ledger is not running, nothing was done; try again when the daemon is up")

    def _write(self) -> None:
        """The writer thread. Nothing may end it but the end of the queue: every caller gets an answer."""
        more = True
        while more:
            taken, more = self._take()
            group = [waiting for waiting in taken if not waiting.answer.cancelled()]
            try:
                answers = run_group(self._writing, [waiting.call for waiting in group], self._clock.now()) if group else []
            except Exception as problem:
                answers = [Answer(error=problem) for _ in group]
            try:
                self._loop.call_soon_threadsafe(self._settle, len(taken), group, answers)
            except RuntimeError:  # the loop is gone, and with it every caller
                return

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Everything that is queued, at most a batch, waiting for the first; and whether more may come."""
        taken: list[_Waiting] = []
        waiting = self._queue.get()
        try:
            while waiting is not None:
                taken.append(waiting)
                if len(taken) == self._batch:
                    break
                waiting = self._queue.get_nowait()
        except Empty:
            return taken, True
        return taken, waiting is not None

    def _settle(self, taken: int, group: list[_Waiting], answers: list[Answer]) -> None:
        for _ in range(taken):
            self._room.release()
        for waiting, answer in zip(group, answers, strict=True):
            if not waiting.answer.done():  # cancelled meanwhile
                waiting.answer.set_result(answer)


class InlineLedger:
    """The same door without threads: each call is a group of one, done when `run` is awaited. Deterministic."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._reading, self._clock = engine, reading(engine), clock

    async def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing is ever queued."""

    async def run(self, verb: Verb[In, Out], item: In) -> Out:
        [answer] = run_group(self._engine, [Call(verb, item)], self._clock.now())
        result: Out = _unwrap(answer)
        return result

    async def read(self, query: Query[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return _read(self._reading, query, *args, **kwargs)


def _unwrap(answer: Answer) -> Any:
    if answer.error is not None:
        raise answer.error
    return answer.value


def _read(engine: Engine, query: Query[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """A read has no effect, so a broken or stale pooled connection is simply replaced."""
    for left in reversed(range(READ_TRIES)):
        try:
            return _read_once(engine, query, *args, **kwargs)
        except Exception as problem:
            if left and must_start_over(problem):
                continue
            if is_away(problem):
                raise NotRead(f"the database cannot be read, try again later ({getattr(problem, 'orig', problem)})") from problem
            raise
    raise AssertionError("the last try returns or raises")


def _read_once(engine: Engine, query: Query[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    with engine.connect() as conn, conn.begin():
        return query(conn, *args, **kwargs)
