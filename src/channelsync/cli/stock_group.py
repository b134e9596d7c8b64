"""`stock` and all of its commands, which are written in rooms of their own."""

from channelsync.cli import claims, goods, statistics
from channelsync.cli.carts import change
from channelsync.cli.costing import cost
from channelsync.cli.holds import holds
from channelsync.cli.policy import backorder
from channelsync.cli.reordering import low, reorder
from channelsync.cli.stock import group

goods.add_to(group)
claims.add_to(group)
statistics.add_to(group)
group.command("backorder")(backorder)
group.command("cost")(cost)
group.command("reorder")(reorder)
group.command("low")(low)
group.command("change")(change)
group.command("holds")(holds)
