"""A shop with a life behind it, asked once by its connector through a recorder: what came is what the rig then spoils."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from channelsync.contract import ConnectorType, Context, Cursor, Delivery, HttpResponse, Role, Setup, ShelfRef
from channelsync.errors import BadDelivery, ChannelError
from channelsync.testing.conformance import Mailbox, open_http
from channelsync.testing.fuzz import Exchange, Recorder, Recording, Replay, Target, drive
from channelsync.testing.standins.base import StandIn
from channelsync.testing.virtual_clock import START, VirtualClock
from support.clock import ManualClock

URL = "https://shop.test"
HOOK_URL = "https://hub.test/webhooks/shop"
DELIVERY = "DELIVERY"
HOUR = 3600.0
NUMBERS = re.compile(rb"[0-9a-f]{6,}|\d+")

Life = Callable[[Any, VirtualClock], Awaitable[None]]
MakeShop = Callable[..., StandIn]
Verb = Callable[[Any, "Facts", Any], Coroutine[Any, Any, Any]]
Sign = Callable[["Facts", Delivery], Delivery]


@dataclass
class Facts:
    """What was true when the recording began: the shop, its shelves and orders, and the marks that a first run had left an hour before."""

    shop: Any
    clock: VirtualClock
    settings: Any = None
    shelves: Sequence[ShelfRef] = ()
    orders: Sequence[str] = ()
    marks: Mapping[str, Cursor] = field(default_factory=dict)
    now: datetime = START

    @property
    def setup(self) -> Setup:
        return Setup(HOOK_URL, tuple({shelf.location for shelf in self.shelves}), self.now)


@dataclass
class Scene:
    """One platform, played: `first` happens before a first run of all streams, `then` an hour later, before what is recorded."""

    name: str
    platform: ConnectorType
    make: MakeShop
    first: Life
    then: Life
    extra: Mapping[str, Any] = field(default_factory=dict)
    role: Role = Role.CHANNEL
    streams: tuple[str, ...] = ("orders", "listings")

    def target(
        self, name: str, verb: Verb, subjects: Callable[[Facts], Sequence[Any]] = lambda _: [None], *, before: Verb | None = None
    ) -> Target:
        """A verb that talks to its shop, about each of the subjects. before: what is asked of the shop first, and not recorded."""
        known: list[Facts] = []

        def record() -> Sequence[Recording]:
            facts, recordings = self._recorded(verb, subjects, before)
            known[:] = [facts]
            return recordings

        def read(recording: Recording) -> Sequence[Any]:
            [facts] = known
            connector = self._connect(facts, Replay(recording.exchanges), ManualClock(facts.now))
            return drive(verb(connector, facts, recording.subject))

        return Target(f"{self.name}.{name}", record, read)

    def parse(self) -> Target:
        """Deliveries that have been verified."""
        return self._hooks("parse", lambda connector, delivery: list(connector.parse(delivery)), (ChannelError,))

    def verify(self, sign: Sign | None = None) -> Target:
        """sign: makes it genuine again, so that what comes after the signature is looked at too."""
        return self._hooks("verify" if sign is None else "verify_signed", lambda c, delivery: [c.verify(delivery)], (BadDelivery,), sign)

    def _hooks(
        self, name: str, ask: Callable[[Any, Delivery], Sequence[Any]], declared: tuple[type[Exception], ...], sign: Sign | None = None
    ) -> Target:
        known: list[Any] = []

        def record() -> Sequence[Recording]:
            facts, deliveries = self._delivered()
            known[:] = [facts, self._connect(facts, Replay(()), ManualClock(facts.now))]
            return [Recording((Exchange(DELIVERY, HttpResponse(200, each.headers, each.body)),)) for each in deliveries]

        def read(recording: Recording) -> Sequence[Any]:
            facts, connector = known
            [exchange] = recording.exchanges
            delivery = Delivery("shop", exchange.answer.headers, exchange.answer.body, facts.now)
            return ask(connector, sign(facts, delivery) if sign else delivery)

        return Target(f"{self.name}.{name}", record, read, declared)

    # Playing it

    def _world(self) -> tuple[Facts, Recorder, Mailbox]:
        clock = VirtualClock()
        mailbox = Mailbox(clock)
        shop = self.make(clock, random.Random(7), deliver=mailbox)
        return Facts(shop, clock), Recorder(open_http(shop.app, clock)), mailbox

    def _connect(self, facts: Facts, http: Any, clock: Any) -> Any:
        if facts.settings is None:
            table = {key: value for key, value in facts.shop.settings(URL).items() if key != "connector"} | dict(self.extra)
            facts.settings = self.platform.settings.model_validate(table)
        return self.platform.connect(facts.settings, Context("shop", http, clock, self.role))

    def _recorded(self, verb: Verb, subjects: Callable[[Facts], Sequence[Any]], before: Verb | None) -> tuple[Facts, Sequence[Recording]]:
        facts, recorder, _ = self._world()
        recordings: list[Recording] = []

        async def play() -> None:
            await self.first(facts.shop, facts.clock)
            connector = self._connect(facts, recorder, facts.clock)
            await self._lived(connector, facts)
            if before is not None:
                await before(connector, facts, None)
            facts.now = facts.clock.now()
            for subject in subjects(facts):
                fresh = self._connect(facts, recorder, facts.clock)
                recorder.taken()
                await verb(fresh, facts, subject)
                recordings.append(recorder.taken(subject))

        facts.clock.run(play())
        return facts, recordings

    async def _lived(self, connector: Any, facts: Facts) -> None:
        """The first runs, an hour, and the rest of the life."""
        marks = {}
        for stream in self.streams:
            async for page in getattr(connector, stream)(Cursor()):
                assert not page.refused, page.refused
                marks[stream] = Cursor(high_water=page.high_water)
        facts.marks = marks
        await facts.clock.sleep(HOUR)
        await self.then(facts.shop, facts.clock)
        listings = [listing async for page in connector.listings(Cursor()) for listing in page.items]
        facts.shelves = [ShelfRef(each.stock_ref or each.ref, place) for each in listings for place in each.locations]
        facts.orders = list(facts.shop.orders)

    def _delivered(self) -> tuple[Facts, Sequence[Delivery]]:
        """Of deliveries that differ in numbers and ids alone, one."""
        facts, recorder, mailbox = self._world()

        async def play() -> None:
            connector = self._connect(facts, recorder, facts.clock)
            await self.first(facts.shop, facts.clock)
            await connector.subscribe(HOOK_URL)
            await facts.clock.sleep(HOUR)
            await self.then(facts.shop, facts.clock)
            await post(facts.shop, facts.clock)

        facts.clock.run(play())
        facts.now = facts.clock.now()
        found = {
            (each.headers.get("x-shopify-topic"), each.headers.get("x-wc-webhook-topic"), NUMBERS.sub(b"0", each.body)): each
            for each in mailbox.deliveries
        }
        return facts, list(found.values())


async def post(shop: StandIn, clock: VirtualClock) -> None:
    """Let the shop's webhooks arrive."""
    for _ in range(200):
        due = shop.next_due()
        if due is None or due > clock.monotonic() + 60:
            return
        await clock.sleep(max(0.001, due - clock.monotonic()))
        await shop.work()


async def pages(stream: Any) -> Sequence[Any]:
    return [page async for page in stream]
