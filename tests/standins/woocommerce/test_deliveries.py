"""Webhooks: late, collapsed, signed, never repeated, and switched off after failures."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from channelsync.testing.standins.base import Faults, Item
from support.clock import ManualClock
from support.woocommerce import shop
from support.woocommerce_api import Api, run


@dataclass
class Receiver:
    """What arrived, and the status to answer with."""

    status: int = 200
    calls: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.calls.append((headers, body))
        return self.status


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hooked(clock: ManualClock, receiver: Receiver) -> Api:
    """A shop with one webhook for order.updated whose ping has been received."""
    made = shop(clock, cron_seconds=60.0, deliver=receiver)
    made.stock([Item("MUG", 10)])
    api = Api(made)
    run(api.ask("POST", "/webhooks", {"topic": "order.updated", "delivery_url": "https://x.test/h", "secret": 's&<"'}, expect=201))
    run(made.work())
    return api


def test_a_new_webhook_is_pinged_without_signature(hooked: Api, receiver: Receiver) -> None:
    ((headers, body),) = receiver.calls
    assert body == b"webhook_id=1"
    assert not [name for name in headers if name.startswith("x-wc")]


def test_a_webhook_is_pinged_at_each_save_until_one_ping_was_answered(clock: ManualClock, receiver: Receiver) -> None:
    made = shop(clock, deliver=receiver)
    api = Api(made)
    receiver.status = 500
    run(api.ask("POST", "/webhooks", {"topic": "order.updated", "delivery_url": "https://x.test/h"}, expect=201))
    run(made.work())
    receiver.status = 200
    for _ in range(3):
        run(api.ask("PUT", "/webhooks/1", {}))
        run(made.work())
    assert len(receiver.calls) == 2
    assert made.state.webhooks[1].failures == 0


def test_deliveries_wait_for_the_cron_and_carry_the_last_state_once(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    ref = hooked.standin.buy({"MUG": 1})
    hooked.standin.cancel(ref)
    run(hooked.standin.work())
    assert len(receiver.calls) == 1
    clock.advance(61)
    run(hooked.standin.work())
    headers, body = receiver.calls[1]
    assert len(receiver.calls) == 2
    assert json.loads(body)["status"] == "cancelled"
    signature = base64.b64encode(hmac.digest(b's&<"', body, "sha256")).decode()
    assert headers["x-wc-webhook-signature"] == signature


def test_an_order_deleted_for_good_before_its_delivery_arrives_as_a_signed_error(
    hooked: Api, receiver: Receiver, clock: ManualClock
) -> None:
    ref = hooked.standin.buy({"MUG": 1})
    run(hooked.ask("DELETE", f"/orders/{ref}", force="true"))
    clock.advance(61)
    run(hooked.standin.work())
    assert json.loads(receiver.calls[-1][1])["code"] == "woocommerce_rest_shop_order_invalid_id"


def test_delivery_ids_repeat_within_a_second(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    hooked.standin.buy({"MUG": 1})
    hooked.standin.buy({"MUG": 2})
    clock.advance(61)
    run(hooked.standin.work())
    first, second = (headers["x-wc-webhook-delivery-id"] for headers, _ in receiver.calls[1:])
    assert first == second


@pytest.mark.parametrize(("status", "seventh"), [(500, "disabled"), (303, "disabled"), (302, "active"), (301, "active")])
def test_the_seventh_failure_in_a_row_switches_a_webhook_off(
    hooked: Api, receiver: Receiver, clock: ManualClock, status: int, seventh: str
) -> None:
    receiver.status = status
    ref = hooked.standin.buy({"MUG": 1})
    for expected in ["active"] * 6 + [seventh]:
        run(hooked.ask("PUT", f"/orders/{ref}", {}))
        clock.advance(61)
        run(hooked.standin.work())
        assert run(hooked.ask("GET", "/webhooks/1"))["status"] == expected
    assert len(receiver.calls) == 8  # nothing was sent twice


def test_a_webhook_armed_again_is_switched_off_by_one_more_failure(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    webhook = hooked.standin.state.webhooks[1]
    webhook.status, webhook.failures, receiver.status = "disabled", 6, 500
    run(hooked.ask("PUT", "/webhooks/1", {"status": "active"}))
    hooked.standin.buy({"MUG": 1})
    clock.advance(61)
    run(hooked.standin.work())
    assert webhook.status == "disabled"


def test_lost_and_doubled_deliveries_follow_the_fault_dial(hooked: Api, receiver: Receiver, clock: ManualClock) -> None:
    hooked.standin.faults = Faults(webhook_duplicate=1.0)
    hooked.standin.buy({"MUG": 1})
    clock.advance(61)
    run(hooked.standin.work())
    assert len(receiver.calls) == 3
