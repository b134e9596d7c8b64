"""The world of one promise: a connector, the stand-in it talks to, the wire between them, and the small moves that promises are made of."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from channelsync.contract import (
    Call,
    Carrier,
    Connector,
    ConnectorType,
    Context,
    Cursor,
    Listing,
    OrderSnapshot,
    Page,
    ReceivesWebhooks,
    RegistersWebhooks,
    Role,
    ShelfRef,
    Traits,
    Write,
)
from channelsync.testing.conformance.door import open_http
from channelsync.testing.conformance.mailbox import Mailbox
from channelsync.testing.conformance.wire import Wire
from channelsync.testing.standins.base import Deliver, Item, StandIn
from channelsync.testing.virtual_clock import VirtualClock

T = TypeVar("T")

URL = "https://shop.test"
HOOK_URL = "https://hub.test/webhooks/shop"
SETTLE_SECONDS = 5.0
ROUNDS_MAX = 1000
PAGES_MAX = 500


@dataclass(slots=True)
class World:
    """stranger: the same connector with wrong credentials and secrets.

    Staff's moves, where the stand-in has them: `untrack(sku)` stops counting an item, `delete(order)` removes an order for good,
    `switch_off_hooks()` disables every webhook. A promise that needs a missing one is skipped.
    signed: False for a shop that cannot sign its webhooks; a secret in the address is then all there is to verify.
    many: items and orders enough for two pages and for more than one batch.
    """

    connector: Connector
    stranger: Connector
    shop: StandIn
    clock: VirtualClock
    wire: Wire
    mailbox: Mailbox
    many: int
    untrack: Callable[[str], None] | None = None
    delete: Callable[[str], None] | None = None
    switch_off_hooks: Callable[[], None] | None = None
    signed: bool = True

    @property
    def traits(self) -> Traits:
        return self.connector.traits

    # What a promise needs, by what the connector declares

    def receives(self) -> ReceivesWebhooks:
        if not isinstance(self.connector, ReceivesWebhooks):
            pytest.skip("does not receive webhooks")
        return self.connector

    def signs(self) -> None:
        self.receives()
        if not self.signed:
            pytest.skip("cannot sign: nothing proves its bodies")

    def registers(self) -> RegistersWebhooks:
        if not isinstance(self.connector, RegistersWebhooks):
            pytest.skip("does not register webhooks")
        return self.connector

    def writes_by(self, *carriers: Carrier) -> None:
        if self.traits.carrier not in (carriers or set(Carrier) - {Carrier.NONE}):
            pytest.skip(f"writes by {self.traits.carrier}")

    def keyed(self) -> None:
        self.writes_by()
        if self.traits.key_memory is None:
            pytest.skip("has no idempotency keys")

    def move(self, move: Callable[..., None] | None, what: str) -> Callable[..., None]:
        if move is None:
            pytest.skip(f"the stand-in cannot {what}")
        return move

    # Time

    async def settle(self) -> None:
        """Let everything happen that is due within the next seconds: webhooks, delayed effects."""
        until = self.clock.monotonic() + SETTLE_SECONDS
        for _ in range(ROUNDS_MAX):
            due = self.shop.next_due()
            if due is None or due > until:
                return
            await self.clock.sleep(max(0.001, due - self.clock.monotonic()))
            await self.shop.work()
        raise AssertionError(f"the stand-in is never done: {ROUNDS_MAX} rounds of work within {SETTLE_SECONDS} s")

    async def visible(self) -> None:
        """Wait until the order list shows everything that has happened."""
        await self.clock.sleep(self.traits.visibility_lag.total_seconds() + 1.0)
        await self.shop.work()

    async def landed(self) -> None:
        """Wait until a write is there, if the shop takes its time."""
        await self.clock.sleep(self.traits.write_visible_after.total_seconds() + 0.001)
        await self.shop.work()

    async def recover(self) -> None:
        """Wait until the door tries again after an outage."""
        await self.clock.sleep(900.0)

    # Goods

    def sell(self, *skus: str, shows: int = 10) -> None:
        self.shop.stock([Item(sku, shows, f"Item {sku}") for sku in skus])

    async def listings(self) -> list[Listing]:
        items, _ = await drain(self.connector.listings)
        return items

    async def shelves(self, *skus: str) -> list[ShelfRef]:
        """The shelf of each SKU, at the first location that keeps a number for it."""
        by_sku = {listing.sku: listing for listing in await self.listings()}
        return [ShelfRef(by_sku[sku].stock_ref or by_sku[sku].ref, by_sku[sku].locations[0]) for sku in skus]

    async def orders(self, cursor: Cursor | None = None, *, widen: timedelta = timedelta(0)) -> tuple[list[OrderSnapshot], Cursor]:
        """A complete run, and the cursor for the next."""
        return await drain(lambda cursor: self.connector.orders(cursor, widen=widen), cursor)

    async def order(self, ref: str) -> OrderSnapshot:
        found = await self.connector.order(ref)
        assert isinstance(found, OrderSnapshot), f"order {ref} is there, but order() answers {found}"
        return found

    # Writes

    def write(self, name: str, shelf: ShelfRef, base: int, value: int) -> Write:
        return Write(name, shelf, value, compare=base, delta=value - base)

    def call(self, key: str, *writes: Write) -> Call:
        """Keys look as the engine makes them."""
        return Call(f"{key}-0b5f3c1e-7a5d-4c2b-9f39", writes)

    def landed_writes(self, key: str, sku: str) -> int:
        """How often a call took effect on a SKU, as the shop itself remembers it."""
        return sum(change.write == key and change.sku == sku for change in self.shop.changes)


async def drain(run: Callable[[Cursor], Any], cursor: Cursor | None = None) -> tuple[list[Any], Cursor]:
    """All items of one complete run, with the law of pages checked on the way."""
    items: list[Any] = []
    last: Page[Any] | None = None
    pages = 0
    async for page in run(cursor or Cursor()):
        assert last is None or last.high_water is None, "a page follows the one with high_water: the run was not complete"
        assert (page.resume is None) != (page.high_water is None), (
            f"exactly one mark per page, not resume={page.resume!r} high_water={page.high_water!r}"
        )
        assert not page.refused, f"a sound item was refused: {page.refused[0][:2]}"
        items += page.items
        last, pages = page, pages + 1
        assert pages <= PAGES_MAX, f"the run does not end after {PAGES_MAX} pages"
    assert last is not None, "a run has at least one page, empty or not"
    assert last.high_water is not None, "the last page of a run carries high_water"
    return items, Cursor(high_water=last.high_water)


def unknown(ref: str) -> str:
    """A ref of the same form that no listing and no order has."""
    number = re.search(r"\d+$", ref)
    return f"{ref[: number.start()]}99999983" if number else f"{ref}-99999983"


def build_world(
    connector_type: ConnectorType,
    make_shop: Callable[[VirtualClock, random.Random, Deliver], StandIn],
    *,
    wrong: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    many: int | None = None,
    role: Role = Role.CHANNEL,
    signed: bool = True,
) -> World:
    """A fresh world. `wrong`: settings that make a stranger of the connector (token, webhook secrets). `extra`: further settings.

    The staff's moves are the stand-in's methods of the same names, where it has them.
    """
    clock = VirtualClock()
    mailbox = Mailbox(clock)
    shop = make_shop(clock, random.Random(7), mailbox)
    table = {key: value for key, value in shop.settings(URL).items() if key != "connector"} | dict(extra or {})
    http = open_http(shop.app, clock)
    context = Context("shop", http, clock, role)
    connector = connector_type.connect(connector_type.settings.model_validate(table), context)
    stranger = connector_type.connect(connector_type.settings.model_validate(table | dict(wrong)), context)
    traits = connector.traits
    return World(
        connector=connector,
        stranger=stranger,
        shop=shop,
        clock=clock,
        wire=http.wire,
        mailbox=mailbox,
        many=many or max(60, traits.writes_per_call + 10, traits.readings_per_call + 10),
        untrack=getattr(shop, "untrack", None),
        delete=getattr(shop, "delete", None),
        switch_off_hooks=getattr(shop, "switch_off_hooks", None),
        signed=signed,
    )
