"""What was told lately, kept for a second: however many ask, each SKU is read once a second at most, and all that wait are read together."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence

from channelsync.clock import Clock
from channelsync.ledger import availability
from channelsync.ledger.availability import Standing
from channelsync.ledger.door import Door
from channelsync.ledger.skus import Backorder
from channelsync.shell.storefront.telling import Telling

KEPT_SECONDS = 1.0
KEPT_MAX = 10_000
"""SKUs, the unknown ones too: strangers may ask for as many as they like."""
READ_MAX = 400
SKU_MAX = 255


class Board:
    def __init__(self, ledger: Door, clock: Clock, telling: Telling, locations: Collection[str] = ()) -> None:
        self._ledger, self._clock, self._telling, self._locations = ledger, clock, telling, tuple(locations)
        self._kept: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[str | None]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def look(self, skus: Sequence[str]) -> dict[str, str]:
        """The JSON of each SKU that is known, in the order asked for. Raises what reading the ledger raises."""
        found: dict[str, str | None] = {}
        missing: list[str] = []
        now = self._clock.monotonic()
        for sku in dict.fromkeys(skus):
            kept = self._kept.get(sku)
            if len(sku) > SKU_MAX:
                continue
            found[sku] = None  # keeps the order
            if kept is not None and now - kept[0] < KEPT_SECONDS:
                found[sku] = kept[1]
            else:
                missing.append(sku)
        if missing:
            found |= await self._read(missing)
        return {sku: text for sku, text in found.items() if text is not None}

    async def fresh(self, skus: Iterable[str]) -> dict[str, tuple[Standing, str]]:
        """As it is now, past what is kept."""
        wanted = list(skus)
        found: dict[str, Standing] = {}
        for start in range(0, len(wanted), READ_MAX):
            found |= await self._ledger.read(availability.standings, wanted[start : start + READ_MAX], self._locations)
        return {sku: (standing, self._telling.text(standing)) for sku, standing in found.items()}

    def gone(self, sku: str) -> str:
        """For whoever was told of a SKU that is not known any more: none of it can be had."""
        return self._telling.text(Standing(sku, 0, Backorder.DENY, "", None, frozenset()))

    async def _read(self, skus: Sequence[str]) -> dict[str, str | None]:
        loop = asyncio.get_running_loop()
        asked = {}
        for sku in skus:
            if sku not in self._waiting:
                self._waiting[sku] = loop.create_future()
            asked[sku] = self._waiting[sku]
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_all(), name="availability reader")
        await asyncio.wait(asked.values())  # a caller that leaves takes nothing away from the others
        return {sku: future.result() for sku, future in asked.items()}

    async def _read_all(self) -> None:
        """All that piled up during the last read is the next one."""
        while self._waiting:
            batch = {sku: self._waiting.pop(sku) for sku in list(self._waiting)[:READ_MAX]}
            try:
                found = await self.fresh(batch)
            except BaseException as problem:
                for future in batch.values():
                    future.set_exception(problem if isinstance(problem, Exception) else RuntimeError("stopping"))
                    future.exception()  # seen, also if nobody waits any more
                if not isinstance(problem, Exception):
                    raise
                continue
            now = self._clock.monotonic()
            for sku, future in batch.items():
                text = found[sku][1] if sku in found else None
                self._keep(sku, now, text)
                future.set_result(text)

    def _keep(self, sku: str, now: float, text: str | None) -> None:
        self._kept[sku] = now, text
        self._kept.move_to_end(sku)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
