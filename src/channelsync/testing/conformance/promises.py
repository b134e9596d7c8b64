"""How a promise is written: a coroutine that gets the world and runs in its virtual time. The promises themselves live beside this file."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from channelsync.testing.conformance.world import World

Promise = Callable[[Any, World], Coroutine[Any, Any, None]]


def promise(test: Promise) -> Callable[[Any, World], None]:
    """Makes a plain test method of an async one, so that the kit needs no plug-in and waiting costs nothing."""

    def kept(self: Any, world: World) -> None:
        world.clock.run(test(self, world))

    kept.__name__, kept.__qualname__, kept.__doc__, kept.__module__ = test.__name__, test.__qualname__, test.__doc__, test.__module__
    return kept
