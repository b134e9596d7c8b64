"""What staff do that no other person of a world does: they change orders, rename, delete and enter articles, have refused numbers tried again, and
link what no SKU text can tell. They have dice of their own.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from channelsync.ledger import aside_groups, matching
from channelsync.ledger.aside import Aside
from channelsync.ledger.aside_groups import Wanted
from channelsync.ledger.matching import Link
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.routing import rerouting
from channelsync.ledger.routing.rerouting import Reroute
from channelsync.ledger.schema import listings, skus
from channelsync.testing.standins.abilities import Amends, Relists, Renames
from channelsync.testing.standins.base import SoldOut

if TYPE_CHECKING:
    from channelsync.testing.simulation.stage import Stage

LAST = 40
"""Orders that somebody still calls about."""

AWAY_SECONDS = (1.0, 8.0)
MERGED = 0.5


class Staff:
    """Deeds are counted in the people's `acted`."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._plan, self._shops, self.acted = stage, stage.plan, stage.shops, stage.people.acted
        self._dice = random.Random(f"staff {stage.plan.seed}")
        self._off: set[tuple[str, str]] = set()
        self._names = self._routings = 0

    def jobs(self) -> dict[Callable[[], Awaitable[None]], float]:
        """Every kind of action and how often a second it happens."""
        rates = self._plan.rates
        return {
            self.retry: rates.retry,
            self.amend: rates.amend,
            self.rename: rates.rename,
            self.relist: rates.relist,
            self.route: rates.route,
        }

    async def retry(self) -> None:
        """Whoever looks at what was set aside has the refused numbers written again."""
        with self._stage.database.connect() as conn, conn.begin():
            found = refused(conn)
        for each in found:
            await self._stage.ask(aside_groups.retry, each)
            self.acted["had a refused write tried again"] += 1

    async def amend(self) -> None:
        """A customer calls: one piece more, or one less."""
        shop = self._dice.choice(list(self._shops.values()))
        if not isinstance(shop, Amends):
            return
        found = [
            (order.ref, line) for order in list(shop.orders.values())[-LAST:] if not order.pending for line in order.lines if line.open
        ]
        if not found:
            return
        ref, line = self._dice.choice(found)
        units = -1 if line.open > 1 and self._dice.random() < 0.8 else 1
        try:
            shop.amend(ref, line.sku, units)
        except (SoldOut, ValueError):
            return
        self.acted["raised an order" if units > 0 else "lowered an order"] += 1

    async def route(self) -> None:
        """Somebody says where an order is shipped from, or has it chosen anew. Most have nothing that can still be moved."""
        name, shop = self._dice.choice(list(self._shops.items()))
        if not shop.orders:
            return
        order, place = self._dice.choice(list(shop.orders)[-LAST:]), self._dice.choice((None, *self._plan.places))
        self._routings += 1
        anyway = place is not None and self._dice.random() < 0.3
        wanted = Reroute(order, name, place, anyway=anyway, key=f"route-{self._routings}")
        try:
            await self._stage.ask(rerouting.reroute, wanted)
            self.acted["routed an order"] += 1
        except Refusal:
            self.acted["refused to route"] += 1

    async def rename(self) -> None:
        """An article gets another SKU text, or its own one back."""
        plan = self._dice.choice(self._plan.shops)
        shop, item = self._shops[plan.name], self._dice.choice(self._plan.items(plan))
        if not isinstance(shop, Renames):
            return
        self._names += 1
        text = item if self._dice.random() < 0.4 else f"{item} as of {self._names}"
        self._stage.goods.called[plan.name, text] = item
        shop.rename(item, text)
        self.acted["renamed an article"] += 1

    async def relist(self) -> None:
        """An article is deleted. A second listing of the same unit may stay away for good: the two were merged. Any other is entered again."""
        plan = self._dice.choice(self._plan.shops)
        shop, item = self._shops[plan.name], self._dice.choice(self._plan.items(plan))
        if not isinstance(shop, Relists) or (plan.name, item) in self._off:
            return
        self._off.add((plan.name, item))
        shop.take_off(item)
        if item in plan.packs and plan.packs[item][1] == 1 and self._dice.random() < MERGED:
            self.acted["merged two listings"] += 1
            return
        self.acted["deleted an article"] += 1
        await self._stage.clock.sleep(self._dice.uniform(*AWAY_SECONDS))
        shop.enter_again(item)
        self._off.discard((plan.name, item))
        self.acted["entered an article again"] += 1
        await self._stage.clock.sleep(self._dice.uniform(*AWAY_SECONDS))
        with self._stage.database.connect() as conn, conn.begin():
            wanted = to_link(conn, self._stage)
        for link in wanted:
            await self._stage.ask(matching.link, link)


def refused(conn: Connection) -> list[Aside]:
    """The numbers that were set aside because a shop refused them."""
    return aside_groups.matching(conn, Wanted(kind="shelf"))


def to_link(conn: Connection, stage: Stage) -> list[Link]:
    """What was entered again and no SKU text tells: what a pack is made of, and an article that has another text now, though the shop that makes
    SKUs may have made one of that text.
    """
    packs = {channel.id: shop for channel, shop in zip(stage.channels, stage.plan.shops, strict=False)}
    query = select(listings.c.channel_id, listings.c.ref, listings.c.sku_text, skus.c.sku).outerjoin(skus, skus.c.id == listings.c.sku_id)
    query = query.where(listings.c.removed_at.is_(None), listings.c.sku_text.is_not(None))
    found = []
    for row in conn.execute(query.order_by(listings.c.id)):
        shop = packs.get(row.channel_id)
        if shop is None:
            continue
        item = stage.goods.name(shop.name, row.sku_text)
        sku, units = shop.packs.get(item, (item, 1))
        if row.sku != sku and (row.sku is not None or item in shop.packs or item != row.sku_text):
            found.append(Link(row.channel_id, row.ref, sku, units, key=f"link {row.channel_id} {row.ref} {row.sku}"))
    return found
