"""Two processes route two orders at the same moment, and one unit lies near: one of them gets it, the other leaves from elsewhere."""

from __future__ import annotations

from sqlalchemy import Engine

from support.racing import together
from support.routing import open_store
from support.stock import NOW, level

ROUTER = """
import json, sys
from datetime import datetime
from channelsync.contract import OrderLine, OrderSnapshot, OrderState, ShipTo
from channelsync.ledger import orders
from channelsync.ledger.database import open_database
from channelsync.ledger.orders import Sighting
url, channel, ref, now = sys.argv[1:]
at = datetime.fromisoformat(now)
engine = open_database(url, durable=False)
print("ready", flush=True)
sys.stdin.readline()
with engine.begin() as conn:
    told = OrderSnapshot(ref, OrderState.OPEN, at, at, (OrderLine("1", "a", 1, "A"),), ship_to=ShipTo("DE", "BE", "10115", 52.53, 13.38))
    (result,) = orders.apply(conn, [Sighting(int(channel), told, 1)], at)
print(json.dumps(result.verdict.value), flush=True)
"""


def test_the_last_unit_near_goes_to_one_of_two(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        store = open_store(conn, A=(5, 1, 5))
    told = together(ROUTER, *([database_url, str(store.channel), ref, NOW.isoformat()] for ref in ("100", "101")))
    assert told == ["applied", "applied"]
    with engine.begin() as conn:
        store.conn = conn
        held = sorted(place for ref in ("100", "101") for (_, _, place) in store.held(ref))
        assert held == ["berlin", "hamburg"]
        assert [level(conn, "A", code).available for code in ("main", "berlin", "hamburg")] == [5, 0, 4]
        store.proven()
