"""Settings: what is refused, and that keys travel where they are told to and never show."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from pydantic import ValidationError

from channelsync.contract import Carrier, Connector, ConnectorType, ReceivesWebhooks, RegistersWebhooks
from channelsync_woocommerce import Settings, connector
from support.clock import ManualClock
from support.woocommerce import ScriptedHttp, answer, connected

GOOD: dict[str, Any] = {"url": "https://shop.test/", "consumer_key": "ck_1", "consumer_secret": "cs_1"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "shop.test"},
        {"url": "http://shop.test"},
        {"url": "https://shop.test/wp-json/wc/v3"},
        {"url": "https://me:pw@shop.test"},
        {"url": "https://shop.test/?a=1"},
        {"consumer_key": "cs_1"},
        {"consumer_secret": "ck_1"},
        {"webhook_secrets": [""]},
        {"overlap_seconds": 30, "visibility_lag_seconds": 60},
        {"batch_size": 101},
        {"batch_size": 0},
        {"auth": "oauth"},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(GOOD | wrong)


def test_http_is_for_test_shops_only() -> None:
    assert Settings.model_validate(GOOD | {"url": "http://shop.test", "allow_http": True}).url == "http://shop.test"
    assert Settings.model_validate(GOOD).url == "https://shop.test"


def test_secrets_do_not_show() -> None:
    shown = repr(
        Settings.model_validate(GOOD | {"consumer_key": "ck_canary", "consumer_secret": "cs_canary", "webhook_secrets": ["canary"]})
    )
    assert "canary" not in shown


def test_the_connector_offers_the_contract() -> None:
    made = connected(ScriptedHttp(), ManualClock())
    assert isinstance(connector, ConnectorType)
    assert isinstance(made, Connector)
    assert isinstance(made, ReceivesWebhooks)
    assert isinstance(made, RegistersWebhooks)


def test_the_carrier_follows_the_setting_and_is_never_atomic() -> None:
    for stock_write, carrier in (("delta", Carrier.ADJUST), ("absolute", Carrier.SET)):
        traits = connected(ScriptedHttp(), ManualClock(), stock_write=stock_write).traits
        assert (traits.carrier, traits.atomic, traits.key_memory, traits.serial_writes) == (carrier, False, None, True)


def test_keys_travel_in_the_header_or_in_the_query() -> None:
    for auth in ("basic", "query"):
        http = ScriptedHttp(answer([]))
        asyncio.run(connected(http, ManualClock(), auth=auth).subscriptions())
        (request,) = http.requests
        if auth == "basic":
            assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"ck_1:cs_1"
            assert "consumer_key" not in request.params
        else:
            assert (request.params["consumer_key"], request.params["consumer_secret"]) == ("ck_1", "cs_1")
            assert "authorization" not in request.headers
