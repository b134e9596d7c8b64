"""A shop with locations of its own: each fed by its ledger locations, and a place that nobody mapped stops the shop while stock lies there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

import channelsync_memory
from channelsync.contract import ChannelLocation, Connector, Context
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.dispatch import Dispatcher
from channelsync.engine.places import Places
from channelsync.engine.poll import Pullers
from channelsync.engine.reconcile import Reconciler
from channelsync.engine.store import Store
from channelsync.ledger import channel_places, channels, locations, openings, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.channels import ChannelSpec, ChannelState
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.openings import Opening
from channelsync.ledger.schema import shelves
from channelsync.testing.conformance.door import open_http
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.virtual_clock import VirtualClock

SKU = "MUG"
CODES = ("main", "annex", "berlin")
Table = Mapping[str, tuple[str, ...]]


class Telling:
    """The memory connector, of a shop that also tells its locations."""

    def __init__(self, connector: Connector, told: list[ChannelLocation]) -> None:
        self._connector, self._told = connector, told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    async def locations(self) -> Sequence[ChannelLocation]:
        return self._told


@dataclass
class Scene:
    """10 of the mug lie at main, 5 at annex, 3 at berlin; the shop keeps numbers "here" and "there"."""

    clock: VirtualClock
    store: Store
    standin: MemoryStandIn
    connector: Connector
    channel: Channel
    ids: Mapping[str, int]

    def restart(self, table: Table, default: str = "main") -> None:
        """The daemon starts with this mapping."""
        places = {ref: tuple(self.ids[code] for code in codes) for ref, codes in table.items()}
        settings = Settings("shop", "memory", self.ids[default], places, timeout=timedelta(seconds=5))
        self.channel = self.store.channels[self.channel.id] = Channel(self.channel.id, settings, self.connector)
        self.places = Places(self.store, self.channel)
        self.catalogue = Catalogue(self.store, self.channel, places=self.places)

    async def follow(self) -> None:
        """What a start does before anything else."""
        after: int | None = 0
        while after is not None:
            after = await self.store.ledger.run(
                channel_places.follow, channel_places.Follow(self.channel.id, self.channel.settings.places, after, 1)
            )

    async def look(self) -> None:
        await self.follow()
        await self.catalogue.refresh()
        await self.places.watch()

    async def push(self) -> None:
        pullers = Pullers(self.store)
        reconciler = Reconciler(self.store, self.channel, pullers[self.channel])
        dispatcher = Dispatcher(self.store, self.channel, pullers)
        for _ in range(3):
            await pullers[self.channel].look()
            await reconciler.close_brackets()
            await dispatcher.run_once()
            await self.clock.sleep(120)

    async def state(self) -> ChannelState:
        [state] = await self.store.ledger.read(channels.every)
        return state

    async def targets(self) -> dict[str, int | None]:
        def read(conn: Any) -> dict[str, int | None]:
            return {row.location: row.target for row in conn.execute(select(shelves.c.location, shelves.c.target))}

        return await self.store.ledger.read(read)

    def shows(self) -> tuple[int, int]:
        return self.standin.shows_at(SKU, "here"), self.standin.shows_at(SKU, "there")


Story = Callable[[Scene], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(engine: Engine) -> Play:
    def run(story: Story, table: Table, *, told: list[ChannelLocation] | None = None) -> None:
        clock = VirtualClock()
        clock.run(_main(engine, clock, story, table, told))

    return run


async def _main(engine: Engine, clock: VirtualClock, story: Story, table: Table, told: list[ChannelLocation] | None) -> None:
    ledger = InlineLedger(engine, clock)
    await ledger.start()
    store = Store(ledger, clock, random.Random(3), "node-1")
    ids = {code: await ledger.run(locations.ensure, LocationSpec(code, priority=n)) for n, code in enumerate(CODES)}
    standin = MemoryStandIn(clock, random.Random(7), name="shop", locations=("here", "there"))
    standin.stock([Item(SKU, 4)])
    table_of = {k: v for k, v in standin.settings("https://shop.test").items() if k != "connector"}
    kind = channelsync_memory.connector
    connector: Any = kind.connect(kind.settings.model_validate(table_of), Context("shop", open_http(standin.app, clock), clock))
    if told is not None:
        connector = Telling(connector, told)
    channel_id = await ledger.run(channels.register, ChannelSpec("shop", "memory", ids["main"]))
    for code, units in zip(CODES, (10, 5, 3), strict=True):
        await ledger.run(stock.seed, stock.Change(SKU, code, units))
    scene = Scene(clock, store, standin, connector, Channel(channel_id, Settings("shop", "memory", ids["main"]), connector), ids)
    scene.restart(table)
    await ledger.run(openings.open_channels, Opening((channel_id,), None))
    await story(scene)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def test_each_of_its_locations_shows_what_feeds_it(play: Play) -> None:
    async def story(scene: Scene) -> None:
        await scene.look()
        await scene.push()
        assert scene.shows() == (10, 8)
        assert (await scene.state()).paused_at is None
        assert await scene.store.ledger.read(audit) == []

    play(story, {"here": ("main",), "there": ("annex", "berlin")})


def test_stock_where_nothing_is_mapped_stops_the_shop_until_it_is_mapped(play: Play) -> None:
    async def story(scene: Scene) -> None:
        scene.standin.edit(SKU, 7, location="there")
        await scene.look()
        state = await scene.state()
        assert state.paused_kind == "location"
        assert state.paused_reason is not None
        assert '[channels.shop]: locations = { "here" = "main", "there" = "annex" }' in state.paused_reason
        before = scene.shows()
        await scene.push()
        assert scene.shows() == before, "nothing is written to any of its shelves"
        assert await scene.targets() == {"here": 10}
        scene.restart({"here": ("main",), "there": ("annex",)})
        await scene.look()
        await scene.push()
        assert ((await scene.state()).paused_at, scene.shows()) == (None, (10, 5))

    play(story, {"here": ("main",)})


def test_it_goes_on_by_itself_when_the_place_is_empty(play: Play) -> None:
    async def story(scene: Scene) -> None:
        scene.standin.edit(SKU, 7, location="there")
        await scene.look()
        assert (await scene.state()).paused_kind == "location"
        assert await scene.places.watch() <= 60, "it is looked at again soon"
        scene.standin.edit(SKU, 0, location="there")
        await scene.places.watch()
        assert (await scene.state()).paused_at is None

    play(story, {"here": ("main",)})


def test_a_place_that_is_left_alone_stops_nothing(play: Play) -> None:
    async def story(scene: Scene) -> None:
        scene.standin.edit(SKU, 7, location="there")
        await scene.look()
        await scene.push()
        assert ((await scene.state()).paused_at, scene.shows()) == (None, (10, 7))

    play(story, {"here": ("main",), "there": ()})


def test_a_persons_pause_does_not_end_with_the_place(play: Play) -> None:
    async def story(scene: Scene) -> None:
        await scene.store.ledger.run(channels.pause, channels.Pause(scene.channel.id, "stock-taking"))
        scene.standin.edit(SKU, 7, location="there")
        await scene.look()
        scene.standin.edit(SKU, 0, location="there")
        await scene.places.watch()
        assert (await scene.state()).paused_reason == "stock-taking"

    play(story, {"here": ("main",)})


def test_a_shelf_whose_place_is_mapped_no_more_is_not_written(play: Play) -> None:
    async def story(scene: Scene) -> None:
        await scene.look()
        await scene.push()
        scene.standin.edit(SKU, 0, location="there")
        scene.restart({"here": ("berlin",)})
        await scene.follow()
        assert await scene.targets() == {"here": 3, "there": None}
        await scene.look()
        await scene.push()
        assert scene.shows() == (3, 0)
        assert await scene.store.ledger.read(audit) == []

    play(story, {"here": ("main",), "there": ("annex",)})


def test_names_and_inactive_places_come_from_the_shop(play: Play) -> None:
    told = [ChannelLocation("here", "Shop floor"), ChannelLocation("there", "Old store", active=False)]

    async def story(scene: Scene) -> None:
        await scene.look()
        places = await scene.store.ledger.read(channel_places.listed, {"shop": {"here": ("main",)}})
        assert [(p.ref, p.name, p.active, p.fed_by) for p in places] == [
            ("here", "Shop floor", True, ("main",)),
            ("there", "Old store", False, None),
        ]
        assert (await scene.state()).paused_at is None, "nothing is sold from a place that is not active"
        told.pop()
        told.append(ChannelLocation("there", "Old store"))
        scene.standin.edit(SKU, 1, location="there")
        await scene.places.watch()
        assert "'Old store' holds stock" in ((await scene.state()).paused_reason or "")

    play(story, {"here": ("main",)}, told=told)


def test_without_a_table_the_only_place_is_the_one_that_is_meant(play: Play) -> None:
    told = [ChannelLocation("here", "Shop floor")]

    async def story(scene: Scene) -> None:
        scene.standin.edit(SKU, 0, location="there")
        await scene.places.learn()
        told.append(ChannelLocation("there", "Second floor"))
        scene.restart({})
        await scene.look()
        assert await scene.targets() == {"here": 10}
        assert (await scene.state()).paused_at is None
        scene.standin.edit(SKU, 2, location="there")
        await scene.places.watch()
        reason = (await scene.state()).paused_reason
        assert 'locations = { "here" = "main", "there" = "annex" }' in (reason or "")

    play(story, {}, told=told)


def test_a_search_through_many_listings_is_bounded_and_goes_on(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channelsync.engine.places.READ_AT_ONCE", 2)
    monkeypatch.setattr("channelsync.engine.places.READS_PER_ROUND", 2)

    async def story(scene: Scene) -> None:
        scene.standin.stock([Item(f"S{number:02}", 0) for number in range(9)])
        for number in range(9):
            await scene.store.ledger.run(stock.seed, stock.Change(f"S{number:02}", "main", 1))
        scene.standin.edit(SKU, 0, location="there")
        last = max(scene.standin.shelves.products.items(), key=lambda named: named[1].ref)[0]
        scene.standin.edit(last, 1, location="there")
        await scene.look()
        assert (await scene.state()).paused_at is None, "not found yet"
        for _ in range(3):
            await scene.places.watch()
        assert (await scene.state()).paused_kind == "location"

    play(story, {"here": ("main",)})
