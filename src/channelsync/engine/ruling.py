"""Rules that hold for a time: shelves get them when a window opens and lose them when it closes."""

from __future__ import annotations

from channelsync.engine.store import Store
from channelsync.ledger import ruling
from channelsync.ledger.ruling import CatchUp, CaughtUp

LOOK_SECONDS = 60.0
"""The wall clock may jump, so it is asked at least so often."""


class Ruling:
    def __init__(self, store: Store, *, look: float = LOOK_SECONDS) -> None:
        self._store, self._look = store, look

    async def run_once(self) -> float:
        """Bring every shelf up to what holds now. Returns the seconds until something opens or closes, or until the next look at the clock."""
        store = self._store
        if not store.time.steady():
            return 1.0
        caught: CaughtUp | None = None
        while caught is None or caught.go_on is not None:
            caught = await store.ledger.run(ruling.catch_up, CatchUp() if caught is None or caught.go_on is None else caught.go_on)
            if caught.changed:
                store.wake()
        if caught.until is None:
            return self._look
        return min(self._look, max(0.0, (caught.until - store.clock.now()).total_seconds()) + 0.001)
