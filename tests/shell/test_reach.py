"""Nothing of ours goes to a host inside our own network, or in plain text, unless the channel's config says so."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from channelsync.clock import SystemClock
from channelsync.contract.http import HttpRequest
from channelsync.shell.http import ShopHttp, shop_http
from channelsync.shell.reach import OutOfReach, is_public
from support.store import two_shops, up


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.5",
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_addresses_inside_a_network_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["23.227.38.65", "2620:127:f00f:5::", "::ffff:23.227.38.65", "64:ff9b::17e3:2641"])
def test_addresses_on_the_internet_are(address: str) -> None:
    assert is_public(address)


class Inside:
    """A service of our own network: what was sent to it."""

    def __init__(self) -> None:
        self.connections = 0
        self.got = bytearray()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.got += await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()


async def _meet(inside: Inside, scheme: str, host: str, *, download: bool = False, private_hosts: bool = False) -> bytes:
    async def use(http: ShopHttp, url: str) -> bytes:
        if download:
            async with http.download(url, limit=100) as lines:
                return b"".join(lines)
        return await http.read(HttpRequest("GET", url, {"authorization": "Bearer canary"}), lambda response: response.body)

    server = await asyncio.start_server(inside.answer, "127.0.0.1", 0)
    async with server, shop_http("shop", clock=SystemClock(), source=random.Random(1), timeout=5, private_hosts=private_hosts) as http:
        return await use(http, f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}/")


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("download", [False, True])
def test_a_host_of_our_own_network_hears_nothing(download: bool, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    inside = Inside()
    refused = pytest.raises(OutOfReach, match="127.0.0.1, which is not on the public internet.*allow_private_hosts")
    with refused, asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_meet(inside, "https", "127.0.0.1", download=download))
    assert inside.connections == 1, "it is not asked again"
    assert inside.got == b"", "not even the beginning of TLS"


def test_a_public_name_that_resolves_to_the_inside_is_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: what counts is where the connection leads, not what the name said before."""
    real = asyncio.BaseEventLoop.getaddrinfo

    async def rebound(self: Any, host: Any, port: Any, **hints: Any) -> Any:
        return await real(self, "127.0.0.1" if host in ("shop.example", b"shop.example") else host, port, **hints)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", rebound)
    inside = Inside()
    with pytest.raises(OutOfReach, match="GET shop.example/: leads to 127.0.0.1"):
        asyncio.run(_meet(inside, "https", "shop.example"))
    assert inside.got == b""


@pytest.mark.parametrize("download", [False, True])
def test_plain_http_does_not_even_connect(download: bool) -> None:
    inside = Inside()
    with pytest.raises(OutOfReach, match="not https"):
        asyncio.run(_meet(inside, "http", "127.0.0.1", download=download))
    assert inside.connections == 0


@pytest.mark.parametrize("download", [False, True])
def test_the_config_may_allow_it(download: bool) -> None:
    inside = Inside()
    assert asyncio.run(_meet(inside, "http", "127.0.0.1", download=download, private_hosts=True)) == b"ok"


def test_a_store_reaches_no_private_host_by_default(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            scene.file.write_text(scene.file.read_text().replace("allow_private_hosts = true", "", 1))
            async with up(scene) as running:
                assert "not https" in str(running.assembly.store.named("east").trouble)
                assert running.assembly.store.named("west").trouble is None

    asyncio.run(story())
