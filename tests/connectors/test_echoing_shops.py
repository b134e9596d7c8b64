"""The canary, at the connectors' doors: a shop that repeats everything it was sent, in every kind of answer; where hooks are asked for also the
secrets that hooks carry, as BigCommerce (headers) and Moysklad (addresses) really do.

Whatever a connector makes of it, results and errors alike, is stored, shown and logged, so none of it may tell a secret.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from channelsync.contract import Context
from channelsync.errors import ChannelError
from channelsync.registry import Registry
from channelsync.shell.http import shop_http
from channelsync.shell.hush import VERBS, hushed
from channelsync.shell.redact import Redactor
from channelsync.shell.retry import RetryRules
from channelsync.testing.virtual_clock import VirtualClock
from support.asking import ARGUMENTS, TABLES, asked, config_of


def _told(request: httpx.Request, secrets: list[str]) -> str:
    """All of the request, as a debug page prints it."""
    given = request.headers.get("authorization", "")
    pair = base64.b64decode(given[6:]).decode() if given.startswith("Basic ") else ""
    known = " ".join(secrets) if "hook" in request.url.path else ""
    return f"{known} {request.url} {dict(request.headers)} {request.content.decode()} {pair}"


def _object(told: str) -> dict[str, Any]:
    error = {"message": told, "title": told, "error": told, "error_message": told, "detail": told, "code": 1002, "status": 422}
    row = {**error, "id": told, "name": told, "sku": told, "url": told, "delivery_url": told, "destination": told, "topic": told}
    return {**error, "code": told, "errors": [error], "data": [row], "rows": [row], "items": [row], "meta": {"href": told}, "ref": told}


def _answer(status: int, told: str, *, as_json: bool) -> httpx.Response:
    return httpx.Response(status, json=_object(told)) if as_json else httpx.Response(status, html=told)


STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 500, 503)
MODES: dict[str, Callable[[str], httpx.Response]] = {
    "an object": lambda told: httpx.Response(200, json=_object(told)),
    "a list": lambda told: httpx.Response(200, json=[_object(told)]),
    "a text": lambda told: httpx.Response(200, json={"errors": f"Invalid access token {told}", "data": told, "error": told}),
    "a debug page": lambda told: httpx.Response(200, html=told),
    "a redirect": lambda told: httpx.Response(302, headers={"location": told.replace("\n", " ")}, html=told),
    **{f"{status} in JSON": partial(_answer, status, as_json=True) for status in STATUSES},
    **{f"{status} in HTML": partial(_answer, status, as_json=False) for status in STATUSES},
}


def _met(name: str, mode: str) -> str:
    """Everything that comes out of the connector, as text."""
    config, clock = config_of(name), VirtualClock()
    channel = config.channels["shop"]
    secrets = sorted(config.secrets)

    async def main() -> str:
        transport = httpx.MockTransport(lambda request: MODES[mode](_told(request, secrets)))
        rules = RetryRules(tries=1, refusals=0)
        said = []
        for verb in ARGUMENTS:
            redactor = Redactor(config.secrets)
            async with shop_http("shop", clock=clock, source=random.Random(1), transport=transport, rules=rules, redactor=redactor) as http:
                kind = Registry.installed().connector(channel.connector)
                connector = hushed(kind.connect(channel.settings, Context("shop", http, clock, channel.role)), redactor)
                if not hasattr(connector, verb):
                    continue
                try:
                    said.append(repr(await asked(connector, verb)))
                except (ChannelError, ValueError) as error:
                    said.append(f"{verb}: {error}")
        return "\n".join(said)

    return clock.run(main())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TABLES)
def test_nothing_that_a_shop_repeats_comes_out_of_a_connector(name: str, mode: str) -> None:
    said = _met(name, mode)
    assert said
    leaks = [line for line in said.splitlines() if "canary" in line]
    assert not leaks, leaks[0][:600]


def test_every_verb_that_asks_the_shop_isasked() -> None:
    assert {*ARGUMENTS, "verify", "parse"} == set(VERBS)
