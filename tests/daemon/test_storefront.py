"""A storefront and a running daemon: one claim from the cart to the order, and everybody who watches hears of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from channelsync.ledger.audit import audit
from channelsync.shell.token_text import mint
from shell.storefront_scene import PAGE, Watcher
from support.store import Scene, two_shops, until, until_shown, up


def open_to_the_public(scene: Scene) -> None:
    with scene.file.open("a") as file:
        file.write(f'\n[availability]\nenabled = true\ndetail = "exact"\norigins = ["{PAGE}"]\n')


async def till(scene: Scene) -> dict[str, str]:
    text, public_id, digest = mint()
    await scene.ask("token.create", public_id=public_id, name="till", secret_hash=digest, scopes=["reserve", "read"])
    return {"authorization": f"Bearer {text}"}


def test_a_cart_and_the_order_it_becomes_are_one_claim(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running:
            await scene.ask("apply")
            await until_shown(scene, "west", "SKU-1", 8)
            async with httpx.AsyncClient(base_url=f"{running.private.url}/api/v1", headers=await till(scene)) as api:
                body = {"reference": "cart-7", "sku": "SKU-1", "location": "main", "quantity": 3}
                assert (await api.post("/inventory/change", json=body)).json()["change"] == 3
                await until_shown(scene, "west", "SKU-1", 5)
                scene.shops["east"].buy({"SKU-1": 3}, reservation_ref="cart-7")

                async def taken_over() -> bool:
                    sku: Any = (await api.get("/inventory/skus/SKU-1")).json()
                    [level] = sku["levels"]
                    assert level["soft"] + level["hard"] == 3, "never both, and never neither"
                    return bool(level["hard"] == 3)

                await until(taken_over)
                assert (await api.get("/inventory/skus/SKU-1")).json()["available"] == 7
                late = await api.post("/inventory/change", json={**body, "quantity": 5})
                assert (late.status_code, late.json()["code"]) == (409, "already_resolved")
                gone = await api.post("/inventory/release", json={"reference": "cart-7"})
                assert gone.json()["already"] == "committed"
            await until_shown(scene, "east", "SKU-1", 5)
            assert await running.assembly.ledger.read(audit) == []

    asyncio.run(story())


def test_fifty_pages_hear_of_a_sale_in_a_shop(tmp_path: Path) -> None:
    async def story() -> float:
        async with two_shops(tmp_path) as scene:
            open_to_the_public(scene)
            async with up(scene) as running, AsyncExitStack() as stack:
                await scene.ask("apply")
                url = running.public.url
                web = await stack.enter_async_context(httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=30))
                assert (await web.get(f"{url}/availability/SKU-1")).json() == {"sku": "SKU-1", "state": "in_stock", "left": 10}
                assert (await web.get(f"{url}/availability/NONE")).status_code == 404
                assert (await web.get(f"{url}/healthz")).status_code == 200
                watchers = [Watcher(web, url, ["SKU-1", "SKU-2"]) for _ in range(50)]
                tasks = [asyncio.create_task(each.run()) for each in watchers]
                await asyncio.gather(*(each.until(sku="SKU-1", left=10) for each in watchers))
                began = asyncio.get_running_loop().time()
                await scene.ask("stock.receive", sku="SKU-1", location="main", quantity=5)
                heard = await asyncio.gather(*(each.until(sku="SKU-1", left=15) for each in watchers))
                scene.shops["east"].buy({"SKU-2": 4})
                await asyncio.gather(*(each.until(sku="SKU-2", left=6) for each in watchers))
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                return max(heard) - began

    assert asyncio.run(story()) < 1.0


def test_without_the_word_nothing_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running, httpx.AsyncClient() as web:
            for path in ("/availability", "/availability/SKU-1", "/availability/stream?sku=SKU-1", "/availability/embed.js"):
                answer = await web.get(running.public.url + path)
                assert (answer.status_code, answer.content) == (404, b"")

    asyncio.run(story())


def test_a_stop_does_not_wait_for_those_who_watch(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            open_to_the_public(scene)
            async with httpx.AsyncClient(timeout=30) as web:
                async with up(scene) as running:
                    await scene.ask("apply")
                    watcher = Watcher(web, running.public.url, ["SKU-1"])
                    task = asyncio.create_task(watcher.run())
                    await watcher.until(left=10)
                await asyncio.wait_for(watcher.ended.wait(), 1)
                await task  # ended in order, not cut off

    asyncio.run(story())
