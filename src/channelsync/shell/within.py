"""A deadline on the injected clock. `asyncio.timeout` asks the event loop for the time, which a simulation need not own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from channelsync.clock import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns or raises. Raises TimeoutError after `seconds`; `work` is then cancelled and has ended."""
    doing = asyncio.ensure_future(work)
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((doing, alarm), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise TimeoutError
    finally:
        await _end(doing, alarm)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel and wait: nothing of ours may go on behind the caller's back. Also marks errors as seen."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
