"""Files that a shop points to: from any host, line by line, bounded, with nothing of ours in the request."""

from __future__ import annotations

import gzip
import random
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from channelsync.contract import Downloads
from channelsync.errors import ChannelError, Misunderstood, Refused, Unavailable
from channelsync.shell import http as door
from channelsync.shell.http import shop_http
from channelsync.testing.virtual_clock import VirtualClock

URL = "https://storage.example/file.jsonl?Signature=canary"


def downloaded(answer: Callable[[httpx.Request], httpx.Response], *, limit: int = 1_000_000) -> list[bytes]:
    clock = VirtualClock()

    async def main() -> list[bytes]:
        async with shop_http("shop", clock=clock, source=random.Random(1), transport=httpx.MockTransport(answer)) as http:
            assert isinstance(http, Downloads)
            async with http.download(URL, limit=limit) as lines:
                return list(lines)

    return clock.run(main())


def test_a_file_comes_line_by_line_and_nothing_of_ours_goes_with_the_request() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b'{"a":1}\n{"b":2}\r\n{"c":3}'))

    assert downloaded(answer) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert {"host", "user-agent", "accept", "accept-encoding", "connection"} >= set(seen[0].headers)


def test_a_compressed_file_is_taken_and_its_bomb_is_not() -> None:
    def packed(content: bytes) -> Callable[[httpx.Request], httpx.Response]:
        return lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(gzip.compress(content)))

    assert downloaded(packed(b"one\ntwo\n")) == [b"one", b"two"]
    with pytest.raises(Misunderstood, match="larger than 1000000 bytes"):
        downloaded(packed(bytes(5_000_000)))


def test_a_broken_download_begins_again() -> None:
    tries = 0

    class Torn(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"half of "
            raise httpx.ReadError("reset")

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        return httpx.Response(200, stream=Torn() if tries == 1 else httpx.ByteStream(b"whole\n"))

    assert downloaded(answer) == [b"whole"]
    assert tries == 2


@pytest.mark.parametrize(("status", "kind"), [(403, Refused), (410, Refused), (500, Unavailable), (429, Unavailable), (302, Misunderstood)])
def test_what_is_no_file_is_an_error_that_keeps_the_signature_to_itself(status: int, kind: type[ChannelError]) -> None:
    with pytest.raises(kind) as error:
        downloaded(lambda _: httpx.Response(status, headers={"location": "https://elsewhere.example"}))
    assert "canary" not in str(error.value)
    assert str(status) in str(error.value)


def test_a_piece_that_never_comes_is_cut_off() -> None:
    clock = VirtualClock()

    class Silent(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"one\n"
            await clock.sleep(1e9)

    async def main() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Silent()))
        async with shop_http("shop", clock=clock, source=random.Random(1), timeout=5, transport=transport) as http:
            with pytest.raises(Unavailable, match="within 5 s"):
                async with http.download(URL, limit=1000):
                    raise AssertionError("there is no file")

    clock.run(main())


def test_a_line_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "LINE_MAX", 10)
    with pytest.raises(Misunderstood, match="longer than 10 bytes"):
        downloaded(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"short\n" + b"x" * 11 + b"\n")))
