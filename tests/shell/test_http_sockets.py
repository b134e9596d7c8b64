"""The door on real sockets: the ways in which a network really fails."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from channelsync.clock import SystemClock
from channelsync.contract.http import HttpRequest, HttpResponse
from channelsync.engine.leasing import may_leave
from channelsync.errors import NotReached, Unavailable
from channelsync.shell.http import shop_http


def _text(response: HttpResponse) -> str:
    return response.body.decode()


async def _write(url: str, timeout: float = 2.0) -> str:
    async with shop_http("shop", clock=SystemClock(), source=random.Random(1), timeout=timeout, private_hosts=True) as http:
        return await http.write(HttpRequest("POST", url, body=b"x"), _text)


async def _served(handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], timeout: float = 2.0) -> str:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await _write(f"http://127.0.0.1:{port}/", timeout)


def test_a_right_that_ends_while_the_connection_is_made_sends_no_byte() -> None:
    came = list[bytes]()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read())
        writer.close()

    asked = iter([True, False])
    before = may_leave.set(lambda: next(asked))
    try:
        with pytest.raises(NotReached, match="about to end"):
            asyncio.run(_served(listen))
    finally:
        may_leave.reset(before)
    assert (list(asked), came) == ([], [b""]), "the connection stood, and nothing came over it"


def test_a_closed_port_is_not_reached() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(NotReached):
            asyncio.run(_write(f"http://127.0.0.1:{port}/"))


def test_a_name_that_does_not_resolve_is_not_reached() -> None:
    with pytest.raises(NotReached):
        asyncio.run(_write("http://shop.invalid/"))


def test_a_connection_that_is_reset_after_the_request_leaves_the_outcome_open() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    with pytest.raises(Unavailable) as error:
        asyncio.run(_served(reset))
    assert not isinstance(error.value, NotReached)


def test_silence_is_cut_off() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with pytest.raises(Unavailable, match="within 0.2 s"):
        asyncio.run(_served(silent, timeout=0.2))


def test_an_answer_that_breaks_off_is_unavailable() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    with pytest.raises(Unavailable, match="broke"):
        asyncio.run(_served(half))
