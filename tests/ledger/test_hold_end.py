"""The end of an unpaid checkout's hold: the shop may tidy up late and its clock may differ, so units come back on sale a little later, never earlier."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from channelsync.ledger import expiry
from channelsync.ledger.net_effect import HOLD_GRACE
from support.stock import NOW, level
from support.story import live_a_day

HOLD = timedelta(hours=1)
"""How long the story's unpaid checkout is held; its cart, a reservation of our own, ends by itself after half of that."""


def sweep(conn: Connection, after: timedelta) -> None:
    expiry.end_holds(conn, [100], NOW + after)


def test_a_hold_outlives_its_shops_word_by_the_grace(conn: Connection) -> None:
    live_a_day(conn)
    sweep(conn, HOLD - timedelta(seconds=1))
    held = level(conn, "A").soft
    sweep(conn, HOLD + HOLD_GRACE - timedelta(seconds=1))
    assert level(conn, "A").soft == held
    sweep(conn, HOLD + HOLD_GRACE)
    assert level(conn, "A").soft == held - 1
