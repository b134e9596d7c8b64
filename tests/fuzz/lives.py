"""What happens in a shop before it is asked: some of everything that an order can go through."""

from __future__ import annotations

from typing import Any

from channelsync.testing.standins.base import Item
from channelsync.testing.virtual_clock import VirtualClock

ITEMS = [Item("MUG", 40, "Mug"), Item("CUP", 50, "Cup"), Item("TEE", 60, "Tee")]


async def opened(shop: Any, clock: VirtualClock) -> None:
    shop.stock(ITEMS)
    waiting = shop.buy({"MUG": 2, "CUP": 1})
    await clock.sleep(60)
    shop.refund(waiting, "MUG", 1)


async def few(shop: Any, clock: VirtualClock) -> None:
    """What a page of orders needs, so that ten thousand of them are soon read."""
    shop.stock([Item("JAR", 70, "Jar")])
    back, off = shop.buy({"MUG": 3, "CUP": 2}, reservation_ref="r-1"), shop.buy({"TEE": 1})
    shop.buy({"CUP": 1}, paid=False)
    await clock.sleep(5)
    shop.ship(back)
    shop.cancel(off, restock=False)
    await clock.sleep(5)
    shop.refund(back, "CUP", 1)
    await clock.sleep(120)


async def traded(shop: Any, clock: VirtualClock) -> None:
    """Orders in every state, each with its own time of change."""
    shop.stock([Item("JAR", 70, "Jar")])
    await clock.sleep(5)
    returned, cut, dropped, kept = (shop.buy({"MUG": 3, "CUP": 2}, reservation_ref=f"r-{number}") for number in range(4))
    shop.buy({"TEE": 1, "MUG": 1}, paid=False)
    shop.buy({"JAR": 2})
    await clock.sleep(5)
    shop.ship(returned)
    shop.refund(cut, "MUG", 1)
    shop.cancel(dropped)
    shop.cancel(kept, restock=False)
    await clock.sleep(5)
    shop.refund(returned, "CUP", 1)
    shop.refund(returned, "MUG", 2, restock=False)
    await clock.sleep(120)
