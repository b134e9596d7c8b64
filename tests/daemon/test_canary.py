"""The canary: a whole store in good days and bad ones, and no secret of its config in anything it writes, shows or answers."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import structlog
from apprise.plugins.telegram import NotifyTelegram
from typer.testing import CliRunner

from channelsync.cli.app import app
from channelsync.clock import SystemClock
from channelsync.config import Config, load
from channelsync.registry import Registry
from channelsync.shell.control import ControlError
from channelsync.shell.daemon import daemon
from channelsync.shell.log import configure
from channelsync.shell.redact import Redactor
from channelsync.testing.demo.tables import tables
from channelsync.testing.standins.base import Item, StandIn
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.serving import Courier, shop_open
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from support.receivers import Receiver
from support.store import Scene, in_background, memory_shop, until, write_config

ALERTS = """
[alerts]
low_stock = 8
routes = [{{ to = ["people"] }}]

[alerts.targets.people]
url = "tgram://987654321:canary_telegram-Token_4711abcdef/12315544/"
allow_private_hosts = true

[alerts.webhooks.program]
url = "http://user:canary-Password-4711@127.0.0.1:{port}/in/canary-path-4711?key=canary-query-4711"
secrets = ["whsec_Y2FuYXJ5LW9mLXRoaXJ0eS10d28tYnl0ZXMtNDcxMSE="]
allow_private_hosts = true
"""
CANARIES = ("Token_4711abcdef", "Password-4711", "canary-path-4711", "canary-query-4711", "Y2FuYXJ5LW9mL")
"""Pieces of the addresses above, each of them a secret even where the rest of it is masked."""

EACH = ("woocommerce", "shopify", "bigcommerce", "moysklad", "memory")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    kept = (root.handlers, root.level, sys.excepthook, logging.raiseExceptions)
    yield
    root.handlers, root.level, sys.excepthook, logging.raiseExceptions = kept
    logging.captureWarnings(False)
    structlog.reset_defaults()


class Echoing:
    """A shop in front of which a debug page may stand: it repeats the whole request with some status."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.status: int | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.status is None:
            await self._inner(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        sent = headers.get("authorization", "")
        pair = base64.b64decode(sent[6:]).decode() if sent.startswith("Basic ") else ""
        first = [sent, headers.get("x-auth-token", ""), headers.get("x-shopify-access-token", ""), pair]  # who quotes it may cut it short
        told = f"{' '.join(filter(None, first))} {scope['path']}?{scope['query_string'].decode()} {headers}"
        body = json.dumps({"message": told, "error": told, "errors": [{"error": told, "message": told, "code": 1}], "title": told}).encode()
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})


def _shops(courier: Courier) -> dict[str, StandIn]:
    def made(kind: Any, seed: int) -> Any:
        return kind(SystemClock(), random.Random(seed), deliver=courier.deliver)

    kinds = (WooCommerceStandIn, ShopifyStandIn, BigCommerceStandIn, MoyskladStandIn)
    shops: dict[str, StandIn] = {name: made(kind, seed) for seed, (name, kind) in enumerate(zip(EACH, kinds, strict=False), start=1)}
    for shop in shops.values():
        shop.stock([Item(f"SKU-{number}", 10) for number in range(1, 4)])
    return {**shops, "memory": memory_shop(courier, "memory")}


@asynccontextmanager
async def _store(folder: Path, log: io.StringIO, patch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Scene, dict[str, Echoing], Config]]:
    """All five shops and their daemon, whose log goes to `log`."""
    async with AsyncExitStack() as stack:
        courier = Courier()
        stack.push_async_callback(courier.close)
        shops, pages = _shops(courier), {}
        for name, shop in shops.items():
            pages[name] = Echoing(shop.app)
            shop.app = pages[name]
        urls = {name: await stack.enter_async_context(shop_open(shop)) for name, shop in shops.items()}
        channels = tables(shops, urls, safety_stock=2)["channels"]
        channels["memory"].pop("on_edit")
        scene = Scene(write_config(folder, channels, opening="moysklad"), shops)
        people, program = [await stack.enter_async_context(Receiver(503, echo=True).open()) for _ in range(2)]
        patch.setattr(NotifyTelegram, "notify_url", f"{people.url}/bot")
        scene.file.write_text(f"{scene.file.read_text()}\n{ALERTS.format(port=program.port)}")
        registry = Registry.installed()
        config = load(scene.file, registry)
        redactor = Redactor(config.secrets)
        configure(clock=SystemClock(), redactor=redactor, stream=log, level="debug")
        running = daemon(config, registry, clock=SystemClock(), source=random.Random(1), redactor=redactor)
        await stack.enter_async_context(running)
        yield scene, pages, config


def _spellings(config: Config) -> set[bytes]:
    secrets = {secret for secret in config.secrets if len(secret) >= 8}
    pairs = {f"{one}:{two}" for one in secrets for two in secrets if one.startswith("ck_")}
    encoded = {base64.b64encode(text.encode()).decode() for text in (*secrets, *pairs)}
    return {spelling.encode() for text in (*secrets, *encoded) for spelling in (text, quote(text, safe=""))}


def _said_by(scene: Scene, *commands: str) -> str:
    return "\n".join(CliRunner().invoke(app, [*command.split(), "--json", "-c", str(scene.file)]).output for command in commands)


@pytest.mark.slow
def test_no_secret_is_written_shown_or_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, said = io.StringIO(), []
    with in_background(_store(tmp_path, log, monkeypatch)) as (scene, pages, config):

        async def asked(verb: str, **args: Any) -> Any:
            try:
                answer = await scene.ask(verb, **args)
            except ControlError as error:
                answer = str(error)
            said.append(str(answer))
            return answer

        async def sold(shop: str, left: int) -> None:
            async def shown() -> bool:
                return scene.shops[shop].shows("SKU-1") == left

            await until(shown, seconds=30)

        async def good_days() -> None:
            await asked("apply")
            scene.shops["memory"].buy({"SKU-1": 3})
            await sold("woocommerce", 5)
            await sold("shopify", 5)

        async def a_stranger() -> None:
            public = config.listen.public_url
            async with httpx.AsyncClient() as client:
                for path in (*(f"/webhooks/{name}" for name in EACH), "/webhooks/moysklad/guess", "/webhooks/nobody", "/%00", "/healthz"):
                    answer = await client.post(f"{public}{path}", content=b"[" * 1000, headers={"x-shopify-hmac-sha256": "x"})
                    said.append(f"{answer.status_code} {dict(answer.headers)} {answer.text}")

        async def bad_days(status: int) -> None:
            for page in pages.values():
                page.status = status
            await asyncio.sleep(2.5)  # every shop is polled meanwhile
            await asked("live")

        async def a_bug() -> None:
            def broken(item: Any) -> Any:
                raise RuntimeError(f"bug with {sorted(config.secrets)}")

            monkeypatch.setattr("channelsync_memory.shapes.listing", broken)
            await asked("listings.match", channel="memory")
            await asked("nonsense", token="x")

        asyncio.run(good_days())
        for target in ("people", "program"):
            asyncio.run(asked("alerts.test", target=target))
            asyncio.run(asked("alerts.retry", target=target))
        said.append(
            _said_by(scene, "status", "doctor", "check", "listings list", "aside list", "orders", "drift list", "alerts list", "stock low")
        )
        asyncio.run(a_stranger())
        asyncio.run(a_bug())
        for status in (200, 422, 401):
            asyncio.run(bad_days(status))
        said.append(_said_by(scene, "status", "doctor", "check", "aside list"))

    assert "low-stock" in "".join(said), "there was something to tell"
    assert "token" in "".join(said), "the shops' words did come through"
    written = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file != scene.file and file.is_file()}
    assert {"acme.db"} <= set(written)
    everything = {**written, "the log": log.getvalue().encode(), "answers": "\n".join(said).encode()}
    wanted = _spellings(config) | {canary.encode() for canary in CANARIES}
    found = {(place, spelling) for place, text in everything.items() for spelling in wanted if spelling in text}
    assert not found
