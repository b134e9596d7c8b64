"""Day one of a world: the daemon looks at everything, a person links what no SKU text can tell, the plan is applied."""

from __future__ import annotations

from sqlalchemy import select

from channelsync.contract import RegistersWebhooks, Role
from channelsync.engine.operator import Operator
from channelsync.errors import ChannelError
from channelsync.ledger import matching
from channelsync.ledger.group import DatabaseAway
from channelsync.ledger.matching import Link
from channelsync.ledger.schema import listings, shelves
from channelsync.testing.simulation.node import Node
from channelsync.testing.simulation.report import Broken
from channelsync.testing.simulation.stage import Stage
from channelsync.testing.simulation.steps import Crash

HUB = "https://hub.test/webhooks"
OPENING_SECONDS = 120.0


async def open_business(stage: Stage) -> None:
    """Whatever the daemon, its database or a shop does meanwhile: a person tries again. Raises Broken if not every number is read in time."""
    subscribed: set[str] = set()
    until = stage.clock.monotonic() + OPENING_SECONDS
    while stage.clock.monotonic() < until:
        try:
            if (node := stage.living()) is not None and await _opened(stage, node, subscribed):
                return
        except (Crash, DatabaseAway, ChannelError):
            pass
        stage.bugs()
        await stage.clock.sleep(1.0)
    raise Broken(f"not every number was read within {OPENING_SECONDS:.0f} s of the start")


async def _opened(stage: Stage, node: Node, subscribed: set[str]) -> bool:
    """False: something is still to be read."""
    for channel in node.store.channels.values():
        silent = channel.settings.role is Role.AUTHORITY and not (stage.plan.depot and stage.plan.depot.hooks)
        if silent or channel.name in subscribed:
            continue
        assert isinstance(channel.connector, RegistersWebhooks)
        await channel.connector.subscribe(f"{HUB}/{channel.name}")
        subscribed.add(channel.name)
    operator = Operator(node.engine, opening=stage.opens, running=True)
    if await operator.look() or not await _link(stage) or _unread(stage):
        return False
    await operator.apply()
    return True


async def _link(stage: Stage) -> bool:
    """What no SKU text can tell a person does: which SKU a pack is made of. False: not every listing is there yet."""
    pairs = zip(stage.channels, stage.plan.shops, strict=False)
    wanted = [(channel.id, item, sku, units) for channel, shop in pairs for item, (sku, units) in shop.packs.items()]
    with stage.database.connect() as conn, conn.begin():
        query = select(listings.c.channel_id, listings.c.sku_text, listings.c.ref).where(listings.c.sku_text.is_not(None))
        refs = {(row.channel_id, row.sku_text): row.ref for row in conn.execute(query)}
    if not all((channel_id, item) in refs for channel_id, item, _, _ in wanted):
        return False
    for channel_id, item, sku, units in wanted:
        await stage.ask(matching.link, Link(channel_id, refs[channel_id, item], sku, units, key=f"link {channel_id} {item}"))
    return True


def _unread(stage: Stage) -> bool:
    plan = stage.plan
    with stage.database.connect() as conn, conn.begin():
        found = conn.execute(select(shelves.c.book)).scalars().all()
    return len(found) < sum(len(plan.items(shop)) * len(shop.places) for shop in plan.shops) or None in found
