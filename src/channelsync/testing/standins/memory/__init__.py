"""The memory shop: a stand-in without a platform. It has every carrier and every own habit a shop can have, each behind a dial."""

from channelsync.testing.standins.memory.dials import Dials
from channelsync.testing.standins.memory.gate import Gate, Held, Stage
from channelsync.testing.standins.memory.shop import MemoryStandIn
from channelsync.testing.standins.memory.warehouse import MemoryWarehouse
from channelsync.testing.standins.memory.writes import WriteSeen

__all__ = ["Dials", "Gate", "Held", "MemoryStandIn", "MemoryWarehouse", "Stage", "WriteSeen"]
