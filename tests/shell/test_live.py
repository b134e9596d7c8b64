"""Live availability on a real listener: everybody hears in time, nobody waits for the slow one, and it ends when we stop."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from channelsync.clock import SystemClock
from channelsync.ledger import policies, skus
from channelsync.ledger.database import open_database
from channelsync.ledger.door import Ledger
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.skus import Backorder
from channelsync.shell.serve import DeadlineProtocol
from channelsync.shell.storefront import live
from shell.storefront_scene import PAGE, Watcher, allow, fill, listening, receive
from support.stock import NOW


@pytest.fixture(autouse=True)
def _filled(engine: Engine) -> None:
    fill(engine, MUG=3, TEE=0)


async def watching(stack: AsyncExitStack, client: httpx.AsyncClient, url: str, count: int, *skus: str) -> list[Watcher]:
    watchers = [Watcher(client, url, skus) for _ in range(count)]
    tasks = [asyncio.create_task(each.run()) for each in watchers]

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stack.push_async_callback(end)
    return watchers


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=30)


def test_fifty_clients_hear_of_a_commit_within_a_second(engine: Engine) -> None:
    async def story() -> float:
        async with listening(engine) as (address, ledger, _), client() as web, AsyncExitStack() as stack:
            watchers = await watching(stack, web, address.url, 50, "MUG", "TEE")
            await asyncio.gather(*(each.until(sku="TEE", state="out") for each in watchers))
            await ledger.run(*receive("TEE", 1))
            committed = asyncio.get_running_loop().time()
            heard = await asyncio.gather(*(each.until(sku="TEE", left=1) for each in watchers))
            assert all(sorted(told["sku"] for told in each.seen) == ["MUG", "TEE", "TEE"] for each in watchers), (
                "what has not changed is not told"
            )
            return max(heard) - committed

    assert asyncio.run(story()) < 1.0


def test_what_is_not_known_any_more_is_out(engine: Engine) -> None:
    """A preorder that was taken back was silence: open pages went on offering it. Who has heard nothing of a SKU hears nothing now."""
    with engine.connect() as conn, conn.begin():
        skus.ensure(conn, ["NEW"], NOW)
    allow(engine, "NEW", Backorder.PREORDER)

    async def story() -> list[dict[str, Any]]:
        async with listening(engine) as (address, ledger, _), client() as web, AsyncExitStack() as stack:
            [watcher] = await watching(stack, web, address.url, 1, "NEW", "NEVER")
            await watcher.until(sku="NEW", state="preorder")
            await ledger.run(policies.set_policy, SetPolicy("NEW", Backorder.DENY))
            await watcher.until(sku="NEW", state="out")
            return watcher.seen

    assert asyncio.run(story()) == [{"sku": "NEW", "state": "preorder"}, {"sku": "NEW", "state": "out"}]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_another_node_commits_is_heard_too(engine: Engine, database_url: str) -> None:
    async def story() -> float:
        other = open_database(database_url, durable=False)
        node = Ledger(other, SystemClock())
        await node.start()
        try:
            async with listening(engine) as (address, _, _), client() as web, AsyncExitStack() as stack:
                [watcher] = await watching(stack, web, address.url, 1, "MUG")
                await watcher.until(left=3)
                await node.run(*receive("MUG", 1))
                committed = asyncio.get_running_loop().time()
                return await watcher.until(left=4) - committed
        finally:
            await node.close()
            other.dispose()

    assert asyncio.run(story()) < 2.0


def test_a_policy_and_a_new_sku_are_found_without_a_movement_of_theirs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channelsync.shell.storefront.feed.WHOLE_SECONDS", 0.3)

    async def story() -> None:
        async with listening(engine) as (address, ledger, _), client() as web, AsyncExitStack() as stack:
            [watcher] = await watching(stack, web, address.url, 1, "TEE", "NEW")
            await watcher.until(state="out")
            await ledger.run(policies.set_policy, SetPolicy("TEE", Backorder.PREORDER, text="soon"))
            await watcher.until(sku="TEE", state="preorder", text="soon")
            await ledger.run(policies.set_policy, SetPolicy("TEE", Backorder.DENY))
            with engine.connect() as conn, conn.begin():
                from support.stock import put

                put(conn, "NEW", 2)
            await watcher.until(sku="NEW", left=2)

    asyncio.run(story())


def test_the_head_says_that_it_is_a_stream_and_keeps_proxies_from_holding_it_back(engine: Engine) -> None:
    async def story() -> None:
        async with listening(engine) as (address, _, _), client() as web:
            async with web.stream("GET", f"{address.url}/availability/stream?sku=MUG", headers={"origin": PAGE}) as answer:
                head = answer.headers
                assert head["content-type"].startswith("text/event-stream")
                assert (head["x-accel-buffering"], head["access-control-allow-origin"]) == ("no", PAGE)
                assert "no-store" in head["cache-control"]
                lines = answer.aiter_lines()
                assert [await anext(lines) for _ in range(3)] == ["retry: 3000", "", 'data: {"sku":"MUG","state":"low","left":3}']
            for wrong in ("", "?sku=", "?sku=" + ",".join(f"S{n}" for n in range(101))):
                assert (await web.get(f"{address.url}/availability/stream{wrong}")).status_code == 400

    asyncio.run(story())


def test_only_so_many_at_once_and_a_place_is_free_again(engine: Engine) -> None:
    async def story() -> None:
        async with listening(engine, clients=2) as (address, _, _), client() as web:
            async with AsyncExitStack() as stack:
                watchers = await watching(stack, web, address.url, 2, "MUG")
                await asyncio.gather(*(each.until(left=3) for each in watchers))
                full = await web.get(f"{address.url}/availability/stream?sku=MUG")
                assert (full.status_code, full.headers["retry-after"]) == (503, "60")
                assert (await web.get(f"{address.url}/availability/MUG")).status_code == 200
            async with AsyncExitStack() as stack:
                for _ in range(100):
                    [again] = await watching(stack, web, address.url, 1, "MUG")
                    await asyncio.wait(
                        (asyncio.create_task(again.ended.wait()), asyncio.create_task(again.until(left=3))), return_when="FIRST_COMPLETED"
                    )
                    if again.seen:
                        return
                    await asyncio.sleep(0.05)
                raise AssertionError("no place became free")

    asyncio.run(story())


def test_a_quiet_stream_is_pinged_and_outlives_the_deadlines_of_slow_requests(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PING_SECONDS", 0.2)
    monkeypatch.setattr(live.Streams.__init__, "__kwdefaults__", {"ping": 0.2, "slow": live.SLOW_SECONDS})
    monkeypatch.setattr(DeadlineProtocol, "head_seconds", 0.3)
    monkeypatch.setattr(DeadlineProtocol, "body_seconds", 0.3)

    async def story() -> None:
        async with listening(engine) as (address, ledger, _), client() as web, AsyncExitStack() as stack:
            answer = await stack.enter_async_context(web.stream("GET", f"{address.url}/availability/stream?sku=MUG"))
            lines = answer.aiter_lines()
            pings = 0
            while pings < 6:  # four times what a slow request gets
                pings += (await anext(lines)) == ": ping"
            await ledger.run(*receive("MUG", 1))
            while '"left":4' not in await anext(lines):
                pass

    asyncio.run(story())


def test_a_client_that_does_not_read_is_cut_off_and_the_others_hear_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.Streams.__init__, "__kwdefaults__", {"ping": live.PING_SECONDS, "slow": 0.5})

    async def story() -> None:
        async with listening(engine) as (address, ledger, shop), client() as web, AsyncExitStack() as stack:
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.connect((address.host, address.port))
                deaf.sendall(b"GET /availability/stream?sku=MUG HTTP/1.1\r\nHost: shop\r\n\r\n")
                [watcher] = await watching(stack, web, address.url, 1, "MUG")
                await watcher.until(left=3)
                for number in range(2_000):  # far more than what lies in the sockets between us
                    if shop.streams.dropped:
                        break
                    shop.streams.tell({"MUG": json.dumps({"sku": "MUG", "pad": "x" * 20_000, "n": number})})
                    await asyncio.sleep(0.005)
                assert shop.streams.dropped == 1
                deaf.settimeout(5)
                with pytest.raises(ConnectionResetError):
                    while deaf.recv(65536):
                        pass
                    raise ConnectionResetError("closed after what had been sent")
            await ledger.run(*receive("MUG", 1))
            await watcher.until(left=4)
            assert shop.streams.watched == {"MUG"}

    asyncio.run(story())


def test_streams_end_when_we_stop(engine: Engine) -> None:
    async def story() -> float:
        async with client() as web, AsyncExitStack() as stack:
            async with listening(engine) as (address, _, shop):
                watchers = await watching(stack, web, address.url, 5, "MUG")
                await asyncio.gather(*(each.until(left=3) for each in watchers))
                began = asyncio.get_running_loop().time()
            took = asyncio.get_running_loop().time() - began
            await asyncio.gather(*(each.ended.wait() for each in watchers))
            assert not shop.streams.has_room
            return took

    assert asyncio.run(story()) < 1.5, "the listener's grace is 2 s: it had to be waited for"


def test_a_gap_in_the_log_larger_than_the_window_is_seen_all_the_same(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """More movements than are looked at, of another SKU, came after ours."""
    monkeypatch.setattr("channelsync.shell.storefront.feed.WINDOW", 4)
    monkeypatch.setattr("channelsync.shell.storefront.feed.WHOLE_SECONDS", 3600.0)

    async def story() -> None:
        async with listening(engine) as (address, ledger, _), client() as web, AsyncExitStack() as stack:
            [watcher] = await watching(stack, web, address.url, 1, "MUG")
            await watcher.until(left=3)
            done: list[Any] = [ledger.run(*receive("MUG", 1)), *(ledger.run(*receive("TEE", 1)) for _ in range(40))]
            await asyncio.gather(*done)
            await watcher.until(left=4)

    asyncio.run(story())
