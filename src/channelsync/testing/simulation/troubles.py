"""What befalls a world as a whole while its shops trade: daemons that die or freeze, shops that go from the net, clocks that jump."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from sqlalchemy import bindparam, select, text

from channelsync.ledger.database import READ_ONLY
from channelsync.ledger.schema import attempts
from channelsync.ledger.schema.push import OPEN_ATTEMPT
from channelsync.ledger.spelt import Spelt
from channelsync.testing.simulation.plan import SECONDS
from channelsync.testing.simulation.stage import Stage

MOMENT_TRIES, MOMENT_STEP = 1000, 0.004
_ONE_THAT_IS = Spelt(select(attempts.c.id).where(attempts.c.state == bindparam("state"), text(OPEN_ATTEMPT)).limit(1))
"""By the index of open attempts: it is asked up to a thousand times."""


class Troubles:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def begin(self, began: float) -> None:
        """All that the plan has, each at its second after `began`."""
        plan = self._stage.plan
        for at, seconds in plan.takeovers:
            self._at(began + at, partial(self._take_over, seconds))
        for at, name, seconds in plan.outages:
            self._at(began + at, partial(self._outage, name, seconds))
        for at, name, seconds in plan.revocations:
            self._at(began + at, partial(self._revoke, name, seconds))
        for at, seconds in plan.jumps:
            self._at(began + at, partial(self._jump, seconds))
        if plan.turn:
            self._at(plan.turn.after, self._turn)
        if plan.crashes:
            self._at(began + self._stage.dice.uniform(1, 20) * plan.seconds / SECONDS, self._crash)

    def _at(self, at: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def after() -> None:
            await self._stage.clock.sleep(at - self._stage.clock.monotonic())
            await work()

        self._stage.spawn(after())

    async def _crash(self) -> None:
        """The first life ends at a moment; the later ones at a step."""
        for node in self._stage.nodes:
            node.kill()

    async def _take_over(self, seconds: float) -> None:
        """The holder stops as if by SIGSTOP, another daemon starts, the first one wakes and finds its leases gone; one of them goes home."""
        stage = self._stage
        node = stage.living()
        if node is None:
            return
        stage.report.faults["takeover"] += 1
        await self._until_a_write_is(stage.dice.choice(("armed", "sent")))
        node.pause()
        other = stage.start()
        await stage.clock.sleep(seconds)
        node.resume()
        await stage.clock.sleep(stage.dice.uniform(2, 15))
        if node.alive and other.alive:
            stage.dice.choice((node, other)).kill()

    async def _until_a_write_is(self, state: str) -> None:
        """Wait a little for the worst moment: a write is stored and not sent yet, or its answer is on the way."""
        for _ in range(MOMENT_TRIES):
            with self._stage.database.connect() as conn, conn.execution_options(**{READ_ONLY: True}).begin():
                if _ONE_THAT_IS.first(conn, state=state):
                    return
            await self._stage.clock.sleep(MOMENT_STEP)

    async def _outage(self, name: str, seconds: float) -> None:
        self._stage.report.faults["outage"] += 1
        line = self._stage.lines[name]
        line.down = True
        await self._stage.clock.sleep(seconds)
        line.down = False

    async def _turn(self) -> None:
        """The shops' zone does it; here it is only counted."""
        turn = self._stage.plan.turn
        self._stage.report.faults["summer time ends" if turn and turn.back else "summer time begins"] += 1

    async def _revoke(self, name: str, seconds: float) -> None:
        line = self._stage.lines[name]
        line.revoked = True
        await self._stage.clock.sleep(seconds)
        line.revoked = False

    async def _jump(self, seconds: float) -> None:
        self._stage.report.faults["clock jump"] += 1
        self._stage.hub_clock.jump(seconds)
