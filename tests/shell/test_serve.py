"""Real sockets, short deadlines."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from channelsync.shell.serve import BODY_SECONDS, HEAD_SECONDS, Address, CannotListen, DeadlineProtocol, serving

HEAD = b"POST / HTTP/1.1\r\nhost: us\r\ncontent-length: 10\r\n\r\n"


class Quick(DeadlineProtocol):
    head_seconds = 0.2
    body_seconds = 0.4


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body's length, once it is complete."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    text = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(text)).encode())]})
    await send({"type": "http.response.body", "body": text})


async def _until_closed(reader: asyncio.StreamReader) -> tuple[bytes, float]:
    began = asyncio.get_running_loop().time()
    try:
        data = await reader.read()
    except ConnectionError:
        data = b""
    return data, asyncio.get_running_loop().time() - began


def _talk(say: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with serving(echo, "127.0.0.1", 0, protocol=Quick, stop_seconds=1) as address:
            reader, writer = await asyncio.open_connection(*address)
            try:
                return await asyncio.wait_for(say(reader, writer), 5)
            finally:
                writer.close()

    return asyncio.run(main())


def test_what_a_proxy_says_about_the_caller_is_not_believed() -> None:
    """Nothing of ours goes by the caller's address, so no header of anybody can change it."""
    seen: list[tuple[str, str]] = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["client"][0], scope["scheme"]))
        await echo(scope, receive, send)

    async def main() -> None:
        async with serving(look, "127.0.0.1", 0, stop_seconds=1) as address, httpx.AsyncClient() as client:
            forged = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "forwarded": "for=203.0.113.7;proto=https"}
            await client.get(address.url, headers=forged)

    asyncio.run(main())
    assert seen == [("127.0.0.1", "http")]


def test_a_bug_behind_a_listener_tells_the_caller_nothing() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("canary: SELECT secret FROM here")

    async def main() -> httpx.Response:
        async with serving(broken, "127.0.0.1", 0, stop_seconds=1) as address, httpx.AsyncClient() as client:
            return await client.get(address.url)

    answer = asyncio.run(main())
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert "server" not in answer.headers


def test_the_deadlines_are_the_promised_ones() -> None:
    assert (HEAD_SECONDS, BODY_SECONDS) == (10, 20)
    assert (DeadlineProtocol.head_seconds, DeadlineProtocol.body_seconds) == (10, 20)


def test_it_serves_on_a_free_port_and_stops() -> None:
    async def main() -> None:
        async with serving(echo, "127.0.0.1", 0) as address, httpx.AsyncClient() as client:
            assert (await client.post(address.url, content=b"x" * 100_000)).text == "100000"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    asyncio.run(main())


def test_answers_are_sent_at_once() -> None:
    """In two parts, the second waited for the receipt of the first: 40 ms for every answer on a kept connection."""
    at_once: list[int] = []

    class Noted(DeadlineProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            at_once.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def main() -> None:
        async with serving(echo, "127.0.0.1", 0, protocol=Noted, stop_seconds=1) as address, httpx.AsyncClient() as client:
            assert (await client.post(address.url, content=b"12")).text == "2"

    asyncio.run(main())
    assert at_once == [1]


def test_an_address_names_its_url() -> None:
    assert Address("127.0.0.1", 80).url == "http://127.0.0.1:80"
    assert Address("::1", 80).url == "http://[::1]:80"


def test_a_taken_port_says_what_to_do() -> None:
    async def main() -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            with pytest.raises(CannotListen, match=r"Address already in use.*\[listen\]"):
                async with serving(echo, "127.0.0.1", other.getsockname()[1]):
                    raise AssertionError

    asyncio.run(main())


def test_it_leaves_the_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def main() -> None:
        async with serving(echo, "127.0.0.1", 0):
            assert signal.getsignal(signal.SIGTERM) is before

    asyncio.run(main())


def test_silence_is_cut_off() -> None:
    _, seconds = _talk(lambda reader, writer: _until_closed(reader))
    assert 0.1 < seconds < 1


@pytest.mark.parametrize("first", [b"POST /", b"POST / HTTP/1.1\r\nhost: us\r\nx: "])
def test_a_head_that_drips_is_cut_off(first: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, float]:
        async def drip() -> None:
            writer.write(first)
            while not writer.is_closing():
                await asyncio.sleep(0.05)
                writer.write(b"x")

        dripping = asyncio.create_task(drip())
        result = await _until_closed(reader)
        dripping.cancel()
        return result

    data, seconds = _talk(say)
    assert data == b""
    assert 0.1 < seconds < 1


def test_a_body_that_drips_is_cut_off() -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, float]:
        writer.write(HEAD + b"12345")
        return await _until_closed(reader)

    data, seconds = _talk(say)
    assert data == b""
    assert 0.3 < seconds < 1


def test_a_second_request_on_the_connection_has_deadlines_too() -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, float]:
        writer.write(HEAD + b"1234567890" + b"POST / HT")
        return await _until_closed(reader)

    data, seconds = _talk(say)
    assert data.endswith(b"\r\n\r\n10")
    assert 0.1 < seconds < 1


def test_empty_lines_do_not_keep_a_connection_alive() -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, float]:
        writer.write(HEAD + b"1234567890")
        await reader.readuntil(b"10")

        async def knock() -> None:
            while not writer.is_closing():
                writer.write(b"\r\n")
                await asyncio.sleep(0.05)

        knocking = asyncio.create_task(knock())
        result = await _until_closed(reader)
        knocking.cancel()
        return result

    assert 0.1 < _talk(say)[1] < 1


def test_a_slow_but_honest_request_is_served() -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for part in (HEAD[:20], HEAD[20:], b"12345", b"67890"):
            writer.write(part)
            await asyncio.sleep(0.08)
        return await reader.readuntil(b"10")

    assert _talk(say).startswith(b"HTTP/1.1 200 OK")


def test_an_answer_may_take_longer_than_the_deadlines() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.7)
        await echo(scope, receive, send)

    async def main() -> None:
        async with serving(slow, "127.0.0.1", 0, protocol=Quick) as address, httpx.AsyncClient() as client:
            assert (await client.post(address.url, content=b"abc")).text == "3"

    asyncio.run(main())


def test_an_endless_head_is_cut_off_by_its_size() -> None:
    class Patient(Quick):
        head_seconds = 60.0

    async def main() -> int:
        async with serving(echo, "127.0.0.1", 0, protocol=Patient) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET / HTTP/1.1\r\nx: ")
            sent = 0
            try:
                while sent < 50_000_000:
                    writer.write(b"x" * 65536)
                    sent += 65536
                    await writer.drain()
                    await asyncio.sleep(0)
            except ConnectionError:
                pass
            writer.close()
            return sent

    assert asyncio.run(main()) < 50_000_000


def test_stopping_does_not_wait_for_ever_for_a_hung_request() -> None:
    cancelled: list[bool] = []

    async def hung(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.append(True)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with serving(hung, "127.0.0.1", 0, stop_seconds=1) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(HEAD + b"1234567890")
            await asyncio.sleep(0.1)
            began = loop.time()
        seconds = loop.time() - began
        await _until_closed(reader)
        writer.close()
        return seconds

    assert asyncio.run(main()) < 2.5
    assert cancelled == [True]


def test_stopping_lets_a_running_request_finish() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.3)
        await echo(scope, receive, send)

    async def main() -> str:
        async with httpx.AsyncClient() as client:
            async with serving(slow, "127.0.0.1", 0, stop_seconds=5) as address:
                call = asyncio.create_task(client.post(address.url, content=b"abc"))
                await asyncio.sleep(0.1)
            return (await call).text

    assert asyncio.run(main()) == "3"
