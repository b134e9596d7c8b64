"""What a real WooCommerce 10.0.2 sent, sent again to a daemon whose shop was seeded from the same captures."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import httpx

from channelsync.clock import SystemClock
from channelsync.ledger.looking import stock_rows
from channelsync.ledger.overview import overview
from channelsync.ledger.rejected import tallies
from channelsync.testing.standins.serving import shop_open
from channelsync.testing.standins.woocommerce import WooCommerceStandIn, captured_objects
from support.store import PROMPT, Scene, until, up, write_config
from support.woocommerce import shared

Sent = tuple[str, dict[str, str], bytes]
NOT_DELIVERIES = ("ping.json", "action.woocommerce_product_set_stock.json")


def captured(folder: Path) -> list[Sent]:
    """(file name, headers, raw body) of every captured request."""
    found = []
    for file in sorted(folder.glob("*.json")):
        for request in json.loads(file.read_text())["requests"]:
            headers = {name: value for name, value in request["headers"] if name.lower().startswith(("x-wc", "content-type", "user-agent"))}
            found.append((file.name, headers, request["body"].encode()))
    return found


def test_captured_deliveries(tmp_path: Path) -> None:
    folder = shared("channels/samples/woocommerce")
    sent = captured(folder)
    genuine = [each for each in sent if each[0] not in NOT_DELIVERIES]
    assert len(genuine) == 10
    shop = WooCommerceStandIn(SystemClock(), random.Random(1))
    shop.load(captured_objects(folder))
    secret = json.loads((folder / "order.created.json").read_text())["webhook_secret"]

    async def story() -> None:
        async with shop_open(shop) as url:
            table = {**shop.settings(url), **PROMPT, "webhook_secrets": [secret, shop.webhook_secret], "visibility_lag_seconds": 0.1}
            scene = Scene(write_config(tmp_path, {"woo": table}, opening="woo"), {"woo": shop})
            async with up(scene) as running, httpx.AsyncClient() as client:
                address = f"{running.public.url}/webhooks/woo"

                async def post(each: Sent, body: bytes | None = None) -> int:
                    return (await client.post(address, headers=each[1], content=each[2] if body is None else body)).status_code

                await scene.ask("apply")
                assert [await post(each) for each in genuine] == [200] * 10
                assert [await post(each) for each in genuine] == [200] * 10, "a repeat is success"
                for each in genuine:
                    changed = bytes([*each[2][:-1], each[2][-1] ^ 1])
                    assert await post(each, changed) == 401
                by_name = {name: (name, headers, body) for name, headers, body in sent}
                assert await post(by_name["ping.json"]) == 200
                assert await post(by_name["action.woocommerce_product_set_stock.json"]) == 401

                async def handled() -> bool:
                    [view] = (await running.assembly.ledger.read(overview, SystemClock().now())).channels
                    return view.inbox == 0

                await until(handled)
                available = {row.sku: row.available for row in await running.assembly.ledger.read(stock_rows, limit=500)}
                assert (available["MUG-01"], available["TEE-S"]) == (47, 28), "order 40 was counted before the opening, and only there"

                async def counted() -> bool:
                    return sum(tally.count for tally in await running.assembly.ledger.read(tallies)) >= 10

                await until(counted)

    asyncio.run(story())
