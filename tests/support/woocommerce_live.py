"""The small moves of tests that run the WooCommerce connector against the stand-in in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from channelsync.contract import Cursor, OrderSnapshot, ShelfRef, Write
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector
from support.woocommerce import connection

Story = Callable[[WooCommerceConnector], Awaitable[None]]


def tell(clock: VirtualClock, standin: WooCommerceStandIn, story: Story, **settings: Any) -> None:
    async def told() -> None:
        async with connection(standin, clock, **settings) as woo:
            await story(woo)

    clock.run(told())


async def orders(woo: WooCommerceConnector, cursor: Cursor, **options: Any) -> tuple[dict[str, OrderSnapshot], Cursor]:
    """A whole run that breaks after one page, is taken up again, breaks after two, and so on. The last version of each order counts."""
    found: dict[str, OrderSnapshot] = {}
    for patience in range(1, 50):
        pages = 0
        async for page in woo.orders(cursor, **options):
            assert (page.resume is None) != (page.high_water is None)
            assert page.refused == ()
            found |= {order.ref: order for order in page.items}
            if page.high_water is not None:
                return found, Cursor(high_water=page.high_water)
            cursor, pages = Cursor(cursor.high_water, page.resume), pages + 1
            if pages == patience:
                break
    raise AssertionError("the run does not end")


def ref(standin: WooCommerceStandIn, sku: str) -> str:
    return next(str(product.id) for product in standin.state.products.values() if product.sku == sku)


def write(listing: str, value: int, delta: int) -> Write:
    return Write(listing, ShelfRef(listing), value, value - delta, delta)
