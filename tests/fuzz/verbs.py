"""The verbs of the contract as the rig asks them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from channelsync.contract import Call, Cursor, Switch, Write
from fuzz.scene import HOOK_URL, Facts

CAN_BE_HALVED = 6


async def check(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return [await connector.check()]


async def first_orders(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return [page async for page in connector.orders(Cursor())]


async def changed_orders(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    """And what the marks they leave are good for."""
    found = [page async for page in connector.orders(facts.marks["orders"], widen=timedelta(minutes=1))]
    return [*found, await anext(connector.orders(Cursor(found[-1].high_water, found[-1].resume)))]


async def order(connector: Any, facts: Facts, ref: str) -> Sequence[Any]:
    return [await connector.order(ref)]


async def all_listings(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return [page async for page in connector.listings(Cursor())]


async def changed_listings(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    found = [page async for page in connector.listings(facts.marks["listings"])]
    return [*found, await anext(connector.listings(Cursor(found[-1].high_water, found[-1].resume)))]


async def stock(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return list(await connector.stock(facts.shelves))


async def push(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    """One result per write, by id, or an error."""
    shelves = list(dict.fromkeys(facts.shelves))[:CAN_BE_HALVED]
    call = Call("0b5f3c1e-7a5d", tuple(Write(f"w{number}", shelf, 30, 40, -10) for number, shelf in enumerate(shelves)))
    results = list(await connector.push(call))
    assert sorted(result.id for result in results) == [write.id for write in call.writes]
    return results


async def turn(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    """At most one result per switch, of those that were named, or an error."""
    refs = sorted({shelf.listing for shelf in facts.shelves})
    results = list(await connector.turn([Switch(ref, True) for ref in refs]))
    assert sorted({result.listing for result in results}) == sorted(result.listing for result in results)
    assert {result.listing for result in results} <= set(refs)
    return results


async def locations(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return list(await connector.locations())


async def subscriptions(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return list(await connector.subscriptions())


async def subscribe(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return list(await connector.subscribe(HOOK_URL))


async def diagnose(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return list(await connector.diagnose(facts.setup))
