"""`[alerts]`: what is refused, with its place; and that the addresses, which are secrets, are known as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from channelsync.config import Config, ConfigError, parse
from channelsync.config.alerts import secret_parts
from channelsync.ledger.alert_rules import Kind
from channelsync.registry import Registry

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TELEGRAM = "tgram://123456789:canary_Token/12315544/"
HOOK = "https://erp.acme.test/webhooks/inventory/T0canary4711?key=canary-key-1"
GOOD: dict[str, Any] = {
    "routes": [{"to": ["phone"], "kinds": ["low-stock", "oversell"], "severity": "warning", "locations": ["main"]}],
    "targets": {"phone": {"url": TELEGRAM}},
    "webhooks": {"erp": {"url": HOOK, "secrets": [SECRET], "events": ["inventory.*", "channel.guard", "channel.credentials.resolved"]}},
}


def config(**alerts: Any) -> Config:
    tables = {"store": {"id": "acme"}, "locations": {"main": {}, "annex": {}}, "alerts": alerts}
    return parse(tables, Registry.installed(), file=Path("/nowhere/acme.toml"), environ={})


def problems(**alerts: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as error:
        config(**alerts)
    return {problem.key: problem.message for problem in error.value.problems}


def test_it_is_understood() -> None:
    said = config(**GOOD, low_stock_at={"annex": 2}).alerts
    assert (said.low_stock, said.low_stock_at, said.routes[0].kinds) == (5, {"annex": 2}, (Kind.LOW, Kind.OVERSELL))
    assert config().alerts.low_stock == 5


@pytest.mark.parametrize(
    ("changed", "key", "words"),
    [
        ({"routes": [{"to": ["pager"]}]}, "alerts.routes[0].to", "no such target 'pager'; known: phone"),
        ({"routes": [{"to": []}]}, "alerts.routes[0].to", ""),
        ({"routes": [{"to": ["phone"], "locations": ["moon"]}]}, "alerts.routes[0].locations", "no such ledger location 'moon'"),
        ({"routes": [{"to": ["phone"], "kinds": ["fire"]}]}, "alerts.routes[0].kinds[0]", "low-stock"),
        ({"routes": [{"to": ["phone"], "colour": "red"}]}, "alerts.routes[0].colour", ""),
        ({"low_stock_at": {"moon": 1}}, "alerts.low_stock_at.moon", "no such ledger location"),
        ({"low_stock": -1}, "alerts.low_stock", ""),
        ({"webhooks": {"phone": GOOD["webhooks"]["erp"]}}, "alerts.webhooks.phone", "is the name of a target"),
        ({"webhooks": {"erp": {**GOOD["webhooks"]["erp"], "secrets": []}}}, "alerts.webhooks.erp.secrets", ""),
        ({"webhooks": {"erp": {**GOOD["webhooks"]["erp"], "secrets": ["short"]}}}, "alerts.webhooks.erp.secrets[0]", "whsec_"),
        ({"webhooks": {"erp": {**GOOD["webhooks"]["erp"], "url": "erp.test"}}}, "alerts.webhooks.erp.url", "https address"),
        ({"webhooks": {"erp": {**GOOD["webhooks"]["erp"], "events": ["stock.*"]}}}, "alerts.webhooks.erp.events[0]", "no such event"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(changed: dict[str, Any], key: str, words: str) -> None:
    found = problems(**{**GOOD, **changed})
    assert list(found) == [key]
    assert words in found[key]


def test_addresses_and_their_parts_are_secrets() -> None:
    known = config(**GOOD).secrets
    assert {TELEGRAM, HOOK, SECRET, "canary_Token", "123456789", "T0canary4711", "canary-key-1"} <= known
    assert not known & {"webhooks", "inventory", "erp.acme.test", "https"}, "words would be blotted out wherever they stand"
    assert "canary" not in repr(config(**GOOD))
    assert {warning.key for warning in config(**GOOD).warnings} == {
        "alerts.targets.phone.url",
        "alerts.webhooks.erp.url",
        "alerts.webhooks.erp.secrets[0]",
    }


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("mailtos://stock:p4ss%40w@mail.acme.test?to=owner@acme.test", {"p4ss%40w", "p4ss@w"}),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#stock", {"T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ"}),
        ("https://hooks.test/events/channelsync", set()),
        ("https://[broken", set()),
    ],
)
def test_the_parts_of_an_address_that_tell_its_secret(url: str, secrets: set[str]) -> None:
    assert set(secret_parts(url)) == secrets
