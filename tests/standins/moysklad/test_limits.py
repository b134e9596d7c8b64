"""What the platform refuses at its door, and what it switches a user off for."""

from __future__ import annotations

import asyncio
import json

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.moysklad import Api, account

EMPLOYEE = "/context/employee"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"accept-encoding": "identity"}, 415, None),
        ({"accept-encoding": "gzip, deflate"}, 415, None),
        ({"accept": "application/json"}, 400, 1062),
        ({"authorization": "Bearer nobody"}, 401, 1056),
        ({"authorization": "Basic bm9ib2R5Om5vdGhpbmc="}, 401, 1056),
        ({}, 200, None),
    ],
)
def test_the_door(virtual: VirtualClock, api: Api, headers: dict[str, str], status: int, code: int | None) -> None:
    answered, _, body = virtual.run(api.raw("GET", EMPLOYEE, headers=headers))
    assert answered == status
    if status == 415:
        assert body == b""
    if code:
        assert json.loads(body)["errors"][0]["code"] == code


@pytest.mark.parametrize(
    ("credential", "path", "calls"),
    [("user", EMPLOYEE, 15), ("solution", EMPLOYEE, 45), ("draft", EMPLOYEE, 11), ("solution", "/report/stock/all", 9)],
)
def test_45_units_in_three_seconds_by_weight(virtual: VirtualClock, credential: str, path: str, calls: int) -> None:
    shop = account(virtual, credential=credential)

    async def story() -> None:
        api = Api(shop)
        for _ in range(calls):
            assert (await api.raw("GET", path))[0] == 200
        status, headers, body = await api.raw("GET", path)
        assert (status, json.loads(body)["errors"][0]["code"]) == (429, 1049)
        assert headers["x-lognex-auth"] == "429002"
        await virtual.sleep(int(headers["x-lognex-retry-after"]) / 1000)
        assert (await api.raw("GET", path))[0] == 200

    virtual.run(story())


def test_five_at_once(virtual: VirtualClock) -> None:
    shop = account(virtual, credential="solution", request_seconds=1.0)

    async def story() -> None:
        api = Api(shop)
        answers = await asyncio.gather(*(api.raw("GET", EMPLOYEE) for _ in range(6)))
        (refused,) = [answer for answer in answers if answer[0] == 429]
        assert json.loads(refused[2])["errors"][0]["code"] == 1073
        assert refused[1]["x-lognex-auth"] == "429005"
        assert "x-lognex-retry-after" not in refused[1]

    virtual.run(story())


def test_200_equal_errors_a_minute_cost_the_access_until_the_support_restores_it(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    api = Api(shop)

    async def story() -> None:
        for _ in range(201):
            await api.raw("GET", "/entity/customerorder/lost")
            await virtual.sleep(0.25)
        assert shop.switched_off == 1
        status, _, body = await api.raw("GET", EMPLOYEE)
        assert (status, json.loads(body)["errors"][0]["code"]) == (403, 1061)
        shop.support_restores()
        assert (await api.raw("GET", EMPLOYEE))[0] == 200

    virtual.run(story())


def test_200_refusals_a_minute_too(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    async def story() -> None:
        for _ in range(300):
            await Api(shop).raw("GET", EMPLOYEE)
        assert shop.switched_off == 1

    virtual.run(story())


def test_and_100_puts_to_one_order(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    shop.stock([Item("HAT", 500)])
    order = shop.buy({"HAT": 1})
    place = shop.document(order).positions[0].id

    async def story() -> None:
        api = Api(shop, pause=0.3)
        for _ in range(100):
            await api.ask("PUT", f"/entity/customerorder/{order}/positions/{place}", {"reserve": 1})
        assert shop.switched_off == 0
        await api.ask("PUT", f"/entity/customerorder/{order}/positions/{place}", {"reserve": 1})
        assert shop.switched_off == 1

    virtual.run(story())
