"""JSON that nests without end: in a delivery, in an answer, and in one row of a page. A declared error, never a RecursionError."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from channelsync.contract import Context, Delivery, ReceivesWebhooks, decoded
from channelsync.contract.decoding import DEPTH_MAX, NotJson
from channelsync.contract.http import HttpResponse
from channelsync.errors import ChannelError, Misunderstood
from channelsync.registry import Registry
from channelsync.shell.http import shop_http
from channelsync.shell.retry import RetryRules
from channelsync.testing.virtual_clock import START, VirtualClock
from support.asking import ARGUMENTS, TABLES, asked, config_of


def _nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


@pytest.mark.parametrize("depth", [DEPTH_MAX, 1])
def test_what_nests_no_deeper_than_anything_real_is_read(depth: int) -> None:
    assert decoded(_nested(depth)) is not None


@pytest.mark.parametrize(
    "body", [_nested(DEPTH_MAX + 1), _nested(900), _nested(100_000), b'{"a":' * 200 + b"1" + b"}" * 200, b"[" * 5_000_000]
)
def test_what_nests_deeper_is_no_json(body: bytes) -> None:
    with pytest.raises(NotJson):
        decoded(body)
    with pytest.raises(Misunderstood):
        HttpResponse(200, {}, body).json()


def test_brackets_in_texts_do_not_count() -> None:
    assert decoded(b'{"a": "' + b"[" * 1000 + b'", "b": "' + b"]" * 1000 + b'"}')
    with pytest.raises(NotJson):
        decoded(b'["' + b"]" * 1000 + b'", ' + _nested(1000) + b"]")


DEPTHS = (DEPTH_MAX + 1, 150, 900, 100_000)
AROUND = {
    "a list": lambda nested: nested,
    "rows": lambda nested: b'[{"id": 1, "x": ' + nested + b"}]",
    "data": lambda nested: b'{"data": [{"id": 1, "x": ' + nested + b'}], "rows": [{"id": "1", "x": ' + nested + b"}]}",
    "errors": lambda nested: b'{"errors": [{"message": ' + nested + b'}], "message": ' + nested + b"}",
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", TABLES)
def test_an_answer_that_nests_without_end_is_misunderstood(name: str, around: str) -> None:
    channel, clock = config_of(name).channels["shop"], VirtualClock()
    met: list[str] = []

    async def meet(body: bytes, status: int) -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(status, content=body))
        for verb in ARGUMENTS:
            async with shop_http(
                "shop", clock=clock, source=random.Random(1), transport=transport, rules=RetryRules(tries=1, refusals=0)
            ) as http:
                kind = Registry.installed().connector(channel.connector)
                connector = kind.connect(channel.settings, Context("shop", http, clock, channel.role))
                if hasattr(connector, verb):
                    try:
                        met.append(repr(await asked(connector, verb)))
                    except (ChannelError, ValueError) as error:
                        met.append(str(error))

    async def main() -> None:
        for depth in DEPTHS:
            for status in (200, 422):
                await meet(AROUND[around](_nested(depth)), status)

    clock.run(main())
    assert met


@pytest.mark.parametrize("name", TABLES)
def test_a_delivery_that_nests_without_end_is_set_aside(name: str) -> None:
    channel, clock = config_of(name).channels["shop"], VirtualClock()

    async def main() -> Any:
        transport = httpx.MockTransport(lambda request: httpx.Response(500))
        async with shop_http("shop", clock=clock, source=random.Random(1), transport=transport) as http:
            kind = Registry.installed().connector(channel.connector)
            return kind.connect(channel.settings, Context("shop", http, clock, channel.role))

    connector = clock.run(main())
    assert isinstance(connector, ReceivesWebhooks)
    topics = {"x-shopify-topic": "orders/updated", "x-wc-webhook-topic": "order.updated"}
    for depth in DEPTHS:
        for around in (
            b"%s",
            b'{"id": %s}',
            b'{"topic": "order.changed", "order": %s}',
            b'{"events": [%s]}',
            b'{"scope": "store/order/x", "data": %s}',
        ):
            with pytest.raises(Misunderstood):
                connector.parse(Delivery("shop", topics, around % _nested(depth), START))
