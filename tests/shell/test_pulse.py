"""The watchdog's question: a loop that does not come on is told, one that waits for a long piece of work that does come on is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from channelsync.engine.loops import Engine
from channelsync.engine.store import LongWork
from channelsync.shell.pulse import Pulse
from channelsync.testing.virtual_clock import VirtualClock


class _Ledger:
    async def read(self, *_: Any) -> int:
        return 1


def test_a_loop_is_stuck_unless_it_waits_for_work_that_comes_on() -> None:
    clock = VirtualClock()

    async def story() -> None:
        store = SimpleNamespace(clock=clock, ledger=_Ledger(), work=LongWork(clock))
        engine = SimpleNamespace(store=store, progress={})
        pulse = Pulse(cast(Engine, engine))
        assert await pulse.problems() == []
        await clock.sleep(31)
        assert await pulse.problems() == ["housekeeping has not moved for 31 s"]
        store.work.move()
        assert await pulse.problems() == ["housekeeping has not moved for 31 s"], "it was stuck before the work began"
        engine.progress |= dict.fromkeys(("housekeeping", "intake"), clock.monotonic())
        await clock.sleep(25)
        for _ in range(8):
            store.work.move()  # again from the start, as far as it knows: the database made it start over
            await clock.sleep(29)
            assert await pulse.problems() == []
        await clock.sleep(2)
        assert await pulse.problems() == ["housekeeping has not moved for 31 s"], "the work is stuck itself"
        for _ in range(4):
            store.work.move()
            store.work.end()
            assert await pulse.problems() != [], "short work, over and over, excuses nobody"
            await clock.sleep(5)
        engine.progress |= dict.fromkeys(("housekeeping", "intake"), clock.monotonic())
        await clock.sleep(20)
        assert await pulse.problems() == []
        await clock.sleep(20)
        assert await pulse.problems() == ["housekeeping has not moved for 40 s"]

    clock.run(story())
