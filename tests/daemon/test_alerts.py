"""Alerts and events through a running daemon: from a sale to a mail, a signed webhook, the API and the command line."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from channelsync.cli.app import app
from channelsync.config import ConfigError
from channelsync.ledger.tokens import Scope
from channelsync.shell.control import ControlError
from channelsync.shell.daemon import Running
from channelsync.shell.token_text import mint
from support.receivers import SECRET, Mailbox, Receiver, verify
from support.store import Scene, in_background, two_shops, until, up

TOML = """
[alerts]
low_stock = 5
routes = [{{ to = ["mail"], severity = "info", resolved = true }}]

[alerts.targets.mail]
url = "mailto://127.0.0.1:{mail}?smtp=127.0.0.1&mode=insecure&from=stock@acme.test&to=owner@acme.test"
allow_private_hosts = true

[alerts.webhooks.erp]
url = "http://127.0.0.1:{hook}/events"
secrets = ["{secret}"]
events = ["inventory.*"]
allow_private_hosts = true
"""


@dataclass
class Told:
    scene: Scene
    running: Running
    mailbox: Mailbox
    erp: Receiver
    daemon: AsyncExitStack

    def subjects(self) -> list[str]:
        return [str(mail["subject"]) for mail in self.mailbox.mails]


@asynccontextmanager
async def store(folder: Path) -> AsyncIterator[Told]:
    """Two shops, their daemon (which a test may stop), a mail server and a receiver of events."""
    async with AsyncExitStack() as stack:
        mailbox, erp = await stack.enter_async_context(Mailbox().open()), await stack.enter_async_context(Receiver().open())
        scene = await stack.enter_async_context(two_shops(folder))
        scene.file.write_text(scene.file.read_text() + TOML.format(mail=mailbox.port, hook=erp.port, secret=SECRET))
        daemon = await stack.enter_async_context(AsyncExitStack())
        running = await daemon.enter_async_context(up(scene))
        await scene.ask("apply")
        alerts = running.assembly.engine.alerts
        assert alerts is not None
        await alerts.watch()
        yield Told(scene, running, mailbox, erp, daemon)


async def _came(of: Any, count: int) -> None:
    async def there() -> bool:
        return len(of) >= count

    await until(there)


def test_a_sale_is_told_by_mail_and_as_an_event(tmp_path: Path) -> None:
    async def story() -> None:
        async with store(tmp_path) as told:
            told.scene.shops["east"].buy({"SKU-1": 6})
            await _came(told.mailbox.mails, 1)
            await _came(told.erp.got, 1)
            assert told.subjects() == ["[acme] SKU-1 is low: 4 left, the level is 5"]
            (event,) = told.erp.got
            known = verify(SECRET, event.headers, event.body, datetime.now(UTC))
            assert (known["type"], known["data"]["sku"], known["data"]["available"]) == ("inventory.low-stock", "SKU-1", 4)
            await told.scene.ask("stock.receive", sku="SKU-1", location="main", quantity=20)
            await _came(told.mailbox.mails, 2)
            await _came(told.erp.got, 2)
            assert told.subjects()[1] == "[acme] Over: SKU-1 is low: 4 left, the level is 5"
            assert told.erp.got[1].json()["type"] == "inventory.low-stock.resolved"
            await told.scene.ask("alerts.test")
            assert told.subjects()[2] == "[acme] This is a test"
            assert told.erp.got[2].json()["type"] == "summary"

    asyncio.run(story())


def test_what_waits_when_the_daemon_stops_is_sent_after_the_next_start(tmp_path: Path) -> None:
    async def story() -> None:
        async with store(tmp_path) as told:
            told.erp.status = 503
            await told.scene.ask("stock.adjust", sku="SKU-2", location="main", quantity=-10, reason="lost")
            await _came(told.erp.all, 1)
            await told.scene.ask("stock.adjust", sku="SKU-3", location="main", quantity=-7, reason="lost")
            await _came(told.mailbox.mails, 2)
            scene, erp = told.scene, told.erp
            await told.daemon.aclose()
            erp.status = 204
            async with up(scene):
                await scene.ask("alerts.retry", target="erp")
                await _came(erp.got, 2)
                await asyncio.sleep(1.5)
            assert [each.json()["data"]["sku"] for each in erp.got] == ["SKU-2", "SKU-3"]
            assert [each.json()["type"] for each in erp.got] == ["inventory.out-of-stock", "inventory.low-stock"]

    asyncio.run(story())


def test_the_api_shows_what_is_low_and_who_was_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with store(tmp_path) as told:
            text, public_id, digest = mint()
            token = {"public_id": public_id, "name": "t", "secret_hash": digest, "scopes": [Scope.ADMIN]}
            await told.scene.ask("token.create", **token)
            base = f"{told.running.private.url}/api/v1"
            async with httpx.AsyncClient(headers={"authorization": f"Bearer {text}"}) as client:

                async def asked(path: str) -> Any:
                    return (await client.get(f"{base}{path}")).json()

                set_to = {"sku": "SKU-2", "low": 9, "reorder": 24}
                assert (await client.post(f"{base}/inventory/reorder", json=set_to, headers={"idempotency-key": "1"})).status_code == 200
                sold = {"sku": "SKU-2", "location": "main", "quantity": -2, "reason": "lost"}
                await client.post(f"{base}/inventory/adjust", json=sold)

                async def sent() -> bool:
                    rows = (await asked("/alerts"))["items"]
                    return bool(rows) and {each["state"] for each in rows[0]["messages"]} == {"sent"}

                await until(sent)
                (row,) = (await asked("/inventory/low-stock"))["items"]
                assert (row["sku"], row["available"], row["level"], row["reorder"], row["location"]) == ("SKU-2", 8, 9, 24, None)
                assert (await asked("/inventory/low-stock?location=nowhere"))["code"] == "unknown_location"
                assert (await asked("/alerts?kind=oversell"))["items"] == []
                assert {each["target"] for each in (await asked("/alerts"))["items"][0]["messages"]} == {"mail", "erp"}

    asyncio.run(story())


def test_the_command_line_lists_tests_and_retries(tmp_path: Path) -> None:
    with in_background(store(tmp_path)) as told:

        def said(*words: str, code: int = 0) -> Any:
            result = CliRunner().invoke(app, [*words, "--json", "-c", str(told.scene.file)])
            assert result.exit_code == code, result.output
            return json.loads(result.stdout)

        assert said("stock", "reorder", "SKU-1", "--low", "9") == {
            "sku": "SKU-1",
            "location": None,
            "low": 9,
            "reorder": None,
            "repeat": False,
        }
        said("stock", "adjust", "SKU-1", "-1", "--reason", "lost")
        asyncio.run(_came(told.mailbox.mails, 1))
        assert [row["sku"] for row in said("stock", "low")] == ["SKU-1"]
        listed = said("alerts", "list")
        assert [each["title"] for each in listed["alerts"]] == ["SKU-1 is low: 9 left, the level is 9"]
        assert {each["name"]: each["waiting"] for each in listed["targets"]} == {"mail": 0, "erp": 0}
        assert said("alerts", "test", "mail") == {"mail": {"said": "sent", "reason": "", "wait": None}}
        assert (
            "alerts: 1 low-stock open (channelsync alerts list)\n" in CliRunner().invoke(app, ["status", "-c", str(told.scene.file)]).stdout
        )
        told.erp.status = 410
        assert said("alerts", "test", "erp", code=1)["erp"]["said"] == "gone"
        assert said("alerts", "retry") == {"waiting": 0}
        said("stock", "adjust", "SKU-2", "-6", "--reason", "lost")
        asyncio.run(_came(told.erp.all, 3))
        counted = said("status")["alerts"]
        assert [(each["kind"], each["severity"], each["count"]) for each in counted["open"]] == [("low-stock", "info", 2)]
        (waits,) = [queue for queue in counted["queues"] if queue["target"] == "erp"]
        assert (waits["waiting"], waits["given_up"]) == (1, 0)
        asyncio.run(_came(told.mailbox.mails, 3))
        told_of = CliRunner().invoke(app, ["status", "-c", str(told.scene.file)]).stdout
        assert re.search(r"alerts: 2 low-stock open; \d messages? waiting, the oldest since \d+ s", told_of), told_of
        for words in (("stock", "low"), ("alerts", "list"), ("stock", "reorder", "SKU-1", "--low", "3"), ("alerts", "retry", "erp")):
            shown = CliRunner().invoke(app, [*words, "-c", str(told.scene.file)])
            assert shown.exit_code == 0, shown.output


def test_targets_that_are_not_there_are_said_by_name(tmp_path: Path) -> None:
    async def story() -> None:
        async with store(tmp_path) as told:
            with pytest.raises(ControlError, match="known: erp, mail"):
                await told.scene.ask("alerts.test", target="phone")

    asyncio.run(story())


def test_an_address_that_cannot_be_used_stops_the_start_without_being_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            scene.file.write_text(scene.file.read_text() + '\n[alerts.targets.odd]\nurl = "odd-scheme-canary4711"\n')
            with pytest.raises(ConfigError) as refused:
                async with up(scene):
                    pass
            assert "alerts.targets.odd.url" in str(refused.value)
            assert "canary" not in str(refused.value)

    asyncio.run(story())
