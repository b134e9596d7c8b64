"""What no shop means to say is never taken for an answer, whatever it costs to read."""

from __future__ import annotations

import random
from collections import Counter

import httpx
import pytest

from channelsync.contract.http import HttpRequest, HttpResponse
from channelsync.errors import ChannelError
from channelsync.shell.http_client import HttpClient
from channelsync.testing.simulation.garbage import LARGE, SMALL, Garbage, Made
from channelsync.testing.virtual_clock import VirtualClock


def answered(made: Made) -> HttpResponse | ChannelError:
    clock = VirtualClock()

    def shop(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=list(made.headers), stream=httpx.ByteStream(made.body))

    async def ask() -> HttpResponse | ChannelError:
        client = HttpClient(clock, transport=httpx.MockTransport(shop))
        try:
            return await client.send(HttpRequest("GET", "https://shop.test/orders"))
        except ChannelError as error:
            return error
        finally:
            await client.aclose()

    return clock.run(ask())


@pytest.mark.parametrize("make", LARGE, ids=lambda make: make().kind)
def test_a_swollen_answer_is_refused_before_it_is_held_whole(make: object) -> None:
    assert callable(make)
    assert isinstance(answered(make()), ChannelError)


def test_garbage_comes_as_often_as_it_is_drawn_and_of_every_kind() -> None:
    source = Garbage(random.Random(1))
    kinds = Counter(made.kind for _ in range(2_000) if (made := source.instead(0.5)))
    assert 900 < kinds.total() < 1_100
    assert set(kinds) == {make().kind for make in (*SMALL, *LARGE)}
    assert Garbage(random.Random(1)).instead(0.0) is None
