"""Moysklad's parsers: as a channel, and as the system that owns the stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from channelsync.contract import Claim, ClaimLine, Cursor, Role, ShelfRef
from channelsync.testing.fuzz import Target
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_moysklad import connector
from fuzz import lives, verbs
from fuzz.scene import Facts, Scene


async def opened(shop: Any, clock: VirtualClock) -> None:
    shop.add_store("Window")
    await lives.opened(shop, clock)
    shop.add_good("MUG-RED", "variant", parent=shop.good("MUG").id)
    shop.add_good("SET", "bundle", components={shop.good("MUG").id: 2})
    shop.add_good("BATCH", "consignment", parent=shop.good("MUG").id)


async def sold(shop: Any, clock: VirtualClock) -> None:
    """One document of each kind."""
    shop.till_sale({"CUP": 2})
    back, gone = shop.buy({"MUG": 1}), shop.buy({"TEE": 2})
    await clock.sleep(5)
    shop.ship(back)
    shop.refund(back, "MUG", 1)
    shop.delete(gone)
    shop.foreign_reserve("MUG", 1, store=None)
    await clock.sleep(5)


async def traded(shop: Any, clock: VirtualClock) -> None:
    shop.till_sale({"MUG": 1, "CUP": 2})
    gone = shop.buy({"TEE": 2})
    shop.receive("MUG-RED", 5)
    shop.foreign_reserve("MUG", 1, store=None)
    shop.unlinked_demand({"CUP": 1})
    await lives.traded(shop, clock)
    shop.delete(gone)
    shop.archive("JAR")
    await clock.sleep(5)


async def physical(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return [page async for page in connector.physical(facts.marks["physical"])]


async def all_physical(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    found = [page async for page in connector.physical(Cursor(), full=True)]
    return [*found, *[page async for page in connector.physical(Cursor(found[-1].high_water))]]


async def physical_of(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    shop = facts.shop
    return list(
        await connector.physical_of([*facts.shelves, *(ShelfRef(shop.good(sku).id, shop.state.main_store) for sku in ("MUG", "CUP"))])
    )


def a_claim(facts: Facts, document: str | None = None, held: int = 2) -> Claim:
    shop = facts.shop
    places = list(shop.state.stores)[:2]
    lines = (ClaimLine("1", shop.good("MUG").id, places[0], 2, held), ClaimLine("2", shop.good("CUP").id, places[1], 1, 1))
    return Claim("o1", "#1", lines, document)


async def export(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    """Made, then made smaller."""
    told = await connector.export(a_claim(facts))
    return [told, await connector.export(a_claim(facts, told.document, held=1))]


async def claims(connector: Any, facts: Facts, _: Any) -> Sequence[Any]:
    return [page async for page in connector.claims(facts.marks["claims"])]


async def exported(connector: Any, facts: Facts, _: Any) -> None:
    """Documents of ours: one that was shipped in part, one in the bin, one deleted for good."""
    shipped = await connector.export(a_claim(facts))
    facts.shop.demand(shipped.document.split(",")[0], {"MUG": 1})
    for key, end in (("o2", facts.shop.trash), ("o3", facts.shop.hard_delete)):
        told = await connector.export(replace(a_claim(facts), key=key))
        end(told.document.split(",")[0])


def targets() -> list[Target]:
    channel = Scene("moysklad", connector, MoyskladStandIn, opened, sold, {"corrections": "enter_loss"})
    orders = Scene("moysklad", connector, MoyskladStandIn, opened, traded)
    owner = Scene(
        "moysklad_owner", connector, MoyskladStandIn, opened, lives.few, role=Role.AUTHORITY, streams=("listings", "physical", "claims")
    )
    return [
        orders.verify(),
        orders.parse(),
        channel.target("check", verbs.check),
        channel.target("first_orders", verbs.first_orders),
        channel.target("changed_orders", verbs.changed_orders),
        orders.target("order", verbs.order, lambda facts: facts.orders),
        channel.target("listings", verbs.all_listings),
        channel.target("changed_listings", verbs.changed_listings),
        channel.target("stock", verbs.stock),
        channel.target("push", verbs.push),
        channel.target("locations", verbs.locations),
        channel.target("subscriptions", verbs.subscriptions, before=verbs.subscribe),
        channel.target("subscribe", verbs.subscribe),
        channel.target("diagnose", verbs.diagnose),
        owner.parse(),
        owner.target("listings", verbs.all_listings),
        owner.target("physical", physical),
        owner.target("all_physical", all_physical),
        owner.target("physical_of", physical_of),
        owner.target("export", export),
        owner.target("claims", claims, before=exported),
        owner.target("diagnose", verbs.diagnose),
    ]
