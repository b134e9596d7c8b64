"""What the inlet counts is told to the ledger, later if it cannot be told now."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from channelsync.ledger import inbox
from channelsync.ledger.group import NotStored
from channelsync.shell.inlet import Inlets


class Notes:
    """A ledger that keeps what it is told, unless it is away."""

    def __init__(self) -> None:
        self.away, self.told = True, list[Any]()

    async def run(self, _verb: Any, item: Any) -> None:
        if self.away:
            raise NotStored("connection refused")
        self.told.append(item)

    async def read(self, query: Any, *_args: Any) -> Any:
        if self.away:
            raise NotStored("connection refused")
        assert query is inbox.waiting
        return {}


def test_counts_survive_an_outage_of_the_database() -> None:
    notes = Notes()
    clock = SimpleNamespace(now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    store = SimpleNamespace(ledger=notes, clock=clock, channels={7: SimpleNamespace(id=7, name="shop")})
    inlets = Inlets(SimpleNamespace(store=store))  # type: ignore[arg-type]

    async def story() -> None:
        inlets.reject("shop", "bad signature")
        with pytest.raises(NotStored):
            await inlets.tell()
        inlets.reject("shop", "bad signature")
        notes.away = False
        await inlets.tell()
        await inlets.tell()

    asyncio.run(story())
    assert [(each.channel, each.reason, each.count) for each in notes.told] == [("shop", "bad signature", 2)]
