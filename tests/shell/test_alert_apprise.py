"""Alerts to people through apprise's own plug-ins, against servers on loopback: mail, Telegram, Slack; and nowhere they may not go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from channelsync.clock import SystemClock
from channelsync.engine.alerts import Sent
from channelsync.ledger.alert_queue import Message, Said
from channelsync.shell import alert_apprise
from channelsync.shell.alert_apprise import AppriseTarget, NotUnderstood
from channelsync.shell.reach import is_public
from channelsync.shell.redact import Redactor
from support.receivers import Mailbox, Receiver

AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MESSAGE = Message(7, 3, "opened", "low-stock", "info", "MUG is low: 4 left", {"sku": "MUG", "available": 4, "location": "main"}, AT)
TOKEN = "123456789:canary_telegram-token_abcdefghijkl"


@pytest.fixture(autouse=True)
def _as_new() -> Iterator[None]:
    """The logger as a new process has it. pytest listens at a logger itself that already keeps its records from the root."""
    logger = logging.getLogger("apprise")
    kept = (logger.level, logger.propagate, logger.handlers)
    logger.propagate, logger.handlers = True, []
    yield
    logger.level, logger.propagate, logger.handlers = kept


def target(url: str, *, private: bool = True) -> AppriseTarget:
    return AppriseTarget("acme", url, SystemClock(), Redactor([TOKEN]), private_hosts=private)


def test_a_mail_arrives() -> None:
    mailbox = Mailbox()

    async def story() -> Sent:
        async with mailbox.open():
            url = f"mailto://127.0.0.1:{mailbox.port}?smtp=127.0.0.1&mode=insecure&from=stock@acme.test&to=owner@acme.test"
            return await target(url).send(MESSAGE)

    assert asyncio.run(story()) == Sent(Said.SENT)
    (mail,) = mailbox.mails
    assert mailbox.recipients == ["owner@acme.test"]
    assert mail["subject"] == "[acme] MUG is low: 4 left"
    assert "sku: MUG" in mail.as_string()


def test_telegram_and_slack_are_spoken_to_in_their_own_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    telegram, slack = Receiver(200, text=b'{"ok": true, "result": {}}'), Receiver(200, text=b"ok")

    async def story() -> list[Sent]:
        async with telegram.open(), slack.open():
            monkeypatch.setattr(NotifyTelegram, "notify_url", f"{telegram.url}/bot")
            monkeypatch.setattr(NotifySlack, "webhook_url", f"{slack.url}/services")
            urls = (f"tgram://{TOKEN}/12315544/", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#stock")
            return [await target(url).send(MESSAGE) for url in urls]

    assert asyncio.run(story()) == [Sent(Said.SENT), Sent(Said.SENT)]
    (came,) = [each for each in telegram.got if each.path.endswith("/sendMessage")]
    assert came.path == f"/bot{TOKEN}/sendMessage"
    assert str(came.json()["chat_id"]) == "12315544"
    assert "MUG is low: 4 left" in came.json()["text"]
    assert "MUG is low: 4 left" in slack.got[0].body.decode()


def test_a_target_in_trouble_is_asked_again_and_its_address_is_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    telegram = Receiver(401, echo=True)

    async def story() -> list[Sent]:
        async with telegram.open():
            monkeypatch.setattr(NotifyTelegram, "notify_url", f"{telegram.url}/bot")
            first = await target(f"tgram://{TOKEN}/12315544/").send(MESSAGE)
        return [first, await target(f"tgram://{TOKEN}/12315544/").send(MESSAGE)]

    refused, away = asyncio.run(story())
    assert (refused.said, away.said) == (Said.LATER, Said.LATER)
    assert refused.reason
    assert TOKEN not in f"{refused.reason} {away.reason} {caplog.text}"
    assert not [record for record in caplog.records if record.name == "apprise"]


@pytest.mark.parametrize(
    "url",
    ["json://127.0.0.1:{port}/", "json://localhost:{port}/", "mailto://localhost:{port}?from=a@acme.test&to=b@acme.test&mode=insecure"],
)
def test_a_host_of_our_own_network_hears_nothing(url: str) -> None:
    inside = Receiver()

    async def story() -> Sent:
        async with inside.open():
            return await target(url.format(port=inside.port), private=False).send(MESSAGE)

    answer = asyncio.run(story())
    assert (answer.said, inside.all) == (Said.LATER, [])
    assert "not on the public internet" in answer.reason


def test_a_redirect_into_our_own_network_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plug-ins follow redirects: what counts is where each connection goes. The first host passes as a public one here."""
    inside, outside = Receiver(200), Receiver(302)
    judged = is_public

    async def story() -> Sent:
        async with inside.open(), outside.open():
            outside.headers = {"location": f"{inside.url}/admin"}
            allowed = iter([True])
            monkeypatch.setattr("channelsync.shell.alert_apprise.is_public", lambda address: next(allowed, False) or judged(address))
            return await target(f"json://127.0.0.1:{outside.port}/", private=False).send(MESSAGE)

    answer = asyncio.run(story())
    assert (answer.said, len(outside.all), inside.all) == (Said.LATER, 1, [])


def test_a_target_that_never_ends_is_left_to_itself_and_not_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_apprise, "TIMEOUT", timedelta(seconds=0.3))
    silent = Receiver()

    async def story() -> tuple[Sent, Sent]:
        over = asyncio.Event()

        async def wait(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()

        server = await asyncio.start_server(wait, "127.0.0.1", 0)
        async with server:
            silent.port = server.sockets[0].getsockname()[1]
            slow = target(f"json://127.0.0.1:{silent.port}/")
            try:
                return await slow.send(MESSAGE), await slow.send(MESSAGE)
            finally:
                over.set()

    first, second = asyncio.run(story())
    assert (first.said, "no end within" in first.reason) == (Said.LATER, True)
    assert second == Sent(Said.LATER, "the try before has not ended yet")


def test_an_address_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(NotUnderstood):
        target("nonsense").load()
