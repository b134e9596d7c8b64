"""The end of an unpaid checkout's hold: the shop may tidy up late and its clock may differ, so units come back on sale a little later, never earlier."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from channelsync.ledger import expiry
from channelsync.ledger.net_effect import HOLD_GRACE
from channelsync.ledger.schema import orders
from support.stock import NOW, level
from support.story import live_a_day

HOLD = timedelta(hours=1)
"""How long the story's unpaid checkout is held; its cart, a reservation of our own, ends by itself after half of that."""


def sweep(conn: Connection, after: timedelta) -> None:
    expiry.end_holds(conn, [expiry.Ending(100)], NOW + after)


def test_a_hold_outlives_its_shops_word_by_the_grace(conn: Connection) -> None:
    live_a_day(conn)
    sweep(conn, HOLD - timedelta(seconds=1))
    held = level(conn, "A").soft
    sweep(conn, HOLD + HOLD_GRACE - timedelta(seconds=1))
    assert level(conn, "A").soft == held
    sweep(conn, HOLD + HOLD_GRACE)
    assert level(conn, "A").soft == held - 1


def test_a_hold_ends_by_its_shops_clock_and_not_by_ours(conn: Connection) -> None:
    live_a_day(conn)
    over = NOW + HOLD + HOLD_GRACE
    sweep(conn, HOLD)
    held = level(conn, "A").soft
    channel_id = conn.scalars(select(orders.c.channel_id).where(orders.c.ref == "101")).one()
    for there, ours, left in ((over - timedelta(seconds=1), over + timedelta(days=1), held), (over, NOW, held - 1)):
        expiry.end_holds(conn, [expiry.Ending(100, ((channel_id, there),))], ours)
        assert level(conn, "A").soft == left
