"""Webhooks: unsigned, with a request id; repeated at once after a wrong answer, dropped for good after silence."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.moysklad import Api

HOOK = "https://us.test/webhooks/ms/secret"


class Outside:
    """Answers each delivery with the next of `answers` (the last one for ever), after `seconds`."""

    def __init__(self, clock: VirtualClock, *answers: int, seconds: float = 0.0) -> None:
        self.clock, self.answers, self.seconds = clock, list(answers), seconds
        self.seen: list[tuple[str, bytes]] = []

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.seen.append((url, body))
        await self.clock.sleep(self.seconds)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def opened(clock: VirtualClock, outside: Outside) -> MoyskladStandIn:
    shop = MoyskladStandIn(clock, random.Random(1), deliver=outside)
    shop.stock([Item("MUG", 10)])
    shop.state.events.clear()
    shop.state.stock_moved = None
    return shop


async def deliver(shop: MoyskladStandIn, clock: VirtualClock, rounds: int = 10) -> None:
    for _ in range(rounds):
        await shop.work()
        await clock.sleep(0.1)


@pytest.mark.parametrize(("answers", "tries"), [((204,), 1), ((500, 500, 200), 3), ((500,), 4), ((302,), 4)])
def test_a_wrong_answer_is_asked_again_three_times(answers: tuple[int, ...], tries: int) -> None:
    clock = VirtualClock()
    outside = Outside(clock, *answers)
    shop = opened(clock, outside)

    async def story() -> None:
        await Api(shop).ask("POST", "/entity/webhook", {"url": HOOK, "action": "CREATE", "entityType": "customerorder"})
        order = shop.buy({"MUG": 1})
        await deliver(shop, clock)
        assert len(outside.seen) == tries
        assert len({url for url, _ in outside.seen}) == 1, "the request id is the same"
        assert outside.seen[0][0].startswith(f"{HOOK}?requestId=")
        (event,) = json.loads(outside.seen[0][1])["events"]
        assert (event["action"], event["meta"]["href"].endswith(order)) == ("CREATE", True)

    clock.run(story())


def test_silence_for_a_second_and_a_half_is_never_asked_again() -> None:
    clock = VirtualClock()
    outside = Outside(clock, 200, seconds=1.6)
    shop = opened(clock, outside)

    async def story() -> None:
        await Api(shop).ask("POST", "/entity/webhook", {"url": HOOK, "action": "CREATE", "entityType": "customerorder"})
        shop.buy({"MUG": 1})
        await deliver(shop, clock, rounds=40)
        assert (len(outside.seen), shop.courier.late) == (1, 1)

    clock.run(story())


def test_the_stock_hook_tells_of_physical_stock_in_batches_and_of_no_reserve() -> None:
    clock = VirtualClock()
    outside = Outside(clock, 200)
    shop = opened(clock, outside)

    async def story() -> None:
        body = {"url": HOOK, "reportType": "bystore", "stockType": "stock", "enabled": True}
        await Api(shop).ask("POST", "/entity/webhookstock", body)
        await Api(shop).ask("POST", "/entity/webhookstock", body, expect=400)
        shop.foreign_reserve("MUG", 1)
        await deliver(shop, clock)
        assert outside.seen == []
        shop.receive("MUG", 1)
        shop.receive("MUG", 1)
        await deliver(shop, clock)
        ((_, told),) = outside.seen
        assert json.loads(told)["reportUrl"].startswith("https://api.moysklad.ru/api/remap/1.2/report/stock/bystore/current?changedSince=")

    clock.run(story())


def test_a_prefix_keeps_our_own_writes_from_being_told() -> None:
    clock = VirtualClock()
    outside = Outside(clock, 200)
    shop = opened(clock, outside)

    async def story() -> None:
        api = Api(shop)
        await api.ask("POST", "/entity/webhook", {"url": HOOK, "action": "UPDATE", "entityType": "customerorder"})
        order = shop.buy({"MUG": 1})
        muted = {"x-lognex-webhook-disablebyprefix": "https://us.test/webhooks"}
        await api.raw("PUT", f"/entity/customerorder/{order}", {"description": "x"}, headers=muted)
        await deliver(shop, clock)
        assert outside.seen == []
        await api.raw("PUT", f"/entity/customerorder/{order}", {"description": "y"})
        await deliver(shop, clock)
        assert len(outside.seen) == 1

    clock.run(story())


def test_hooks_need_an_administrator_and_a_plan() -> None:
    clock = VirtualClock()
    shop = opened(clock, Outside(clock, 200))
    body = {"url": HOOK, "action": "CREATE", "entityType": "demand"}

    async def story() -> None:
        shop.dials.paid_plan = False
        assert (await Api(shop).ask("POST", "/entity/webhook", body, expect=403))["errors"][0]["code"] == 30006
        shop.dials.admin = False
        assert (await Api(shop).ask("GET", "/entity/webhook", expect=403))["errors"][0]["code"] == 30004

    clock.run(story())
