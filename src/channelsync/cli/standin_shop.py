"""Serving one stand-in. A room of its own, because it brings them all, and the other commands need none."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from channelsync.cli.standin import Platform
from channelsync.clock import SystemClock
from channelsync.errors import ChannelsyncError
from channelsync.shell import daemon as shell
from channelsync.shell.log import configure
from channelsync.shell.redact import Redactor
from channelsync.testing.standins.base import Faults, Item, StandIn
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.serving import Courier, shop_open
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn

SHOPS: dict[Platform, Callable[..., Any]] = {
    Platform.SHOPIFY: ShopifyStandIn,
    Platform.WOOCOMMERCE: WooCommerceStandIn,
    Platform.BIGCOMMERCE: partial(BigCommerceStandIn, any_destination=True),  # webhooks may go to this machine
    Platform.MOYSKLAD: MoyskladStandIn,
    Platform.MEMORY: MemoryStandIn,
}
ITEMS = tuple(Item(f"SKU-{number:02}", 40, f"Article {number}") for number in range(1, 51))


class CannotServe(ChannelsyncError):
    """The port is taken, or may not be listened on."""


def dial(faults: str) -> Faults:
    """Raises ValueError for what is no dial."""
    return Faults.named(faults)


async def serve(platform: Platform, port: int, seed: int, faults: Faults, *, stocked: bool) -> None:
    """Until it is told to stop. Raises CannotServe."""
    clock, courier = SystemClock(), Courier()
    configure(clock=clock, redactor=Redactor(), style="console", level="warning")
    shop: StandIn = SHOPS[platform](clock, random.Random(seed), faults=faults, deliver=courier.deliver, name=platform.value)
    if stocked:
        shop.stock(ITEMS)
    async with AsyncExitStack() as open_things:
        open_things.push_async_callback(lambda: asyncio.shield(courier.close()))
        try:
            url = await open_things.enter_async_context(shop_open(shop, port=port))
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise CannotServe(
                f"cannot serve on port {port} ({reason}); free the port, or name another with --port (0: any free one)"
            ) from error
        sys.stdout.write(json.dumps(_first_line(shop, url)) + "\n")
        sys.stdout.flush()
        await shell.until_told()


def _first_line(shop: StandIn, url: str) -> dict[str, Any]:
    """url: where its API begins. Credentials under the names the platform's own clients use."""
    settings = shop.settings(url)
    line = {"url": url, "platform": settings["connector"], "config": {**settings, "allow_private_hosts": True}}
    if isinstance(shop, WooCommerceStandIn):
        line |= {"url": f"{url}/wp-json/wc/v3", "key": settings["consumer_key"], "secret": settings["consumer_secret"]}
        line["webhook_secret"] = shop.webhook_secret
    elif isinstance(shop, ShopifyStandIn):
        line |= {"shop": shop.domain, "access_token": settings["access_token"], "webhook_secret": settings["webhook_secrets"][0]}
    elif isinstance(shop, MoyskladStandIn):
        line |= {"url": settings["api_url"], "token": settings["token"], "login": shop.state.login, "password": shop.state.password}
        line["webhook_token"] = shop.webhook_token
    elif isinstance(shop, BigCommerceStandIn):
        line |= {"url": f"{url}/stores/{settings['store_hash']}", "store_hash": settings["store_hash"], "token": settings["access_token"]}
        line |= {"client_secret": settings["client_secret"], "webhook_secret": shop.webhook_secret}
    else:
        line |= {"token": settings["token"], "webhook_secret": settings["webhook_secrets"][0]}
    return line
