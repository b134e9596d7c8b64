"""The past from the log: what was there, who held it, what a book said, at any instant; and what nobody wrote down is said to be unknown."""

from __future__ import annotations

from dataclasses import astuple
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from channelsync.contract import Outcome
from channelsync.ledger import explaining, past, stock
from channelsync.ledger.bundling import Define, Part, define
from channelsync.ledger.fulfilment import Fulfil, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.past import Past
from channelsync.ledger.refusals import UnknownSku
from channelsync.ledger.reservations import Release, release, reserve
from channelsync.ledger.stock import Change
from support.pushing import open_outgoing
from support.stock import NOW, open_locations, put, want
from support.story import live_a_day

MINUTE = timedelta(minutes=1)


def at(conn: Connection, sku: str, then: datetime) -> Past:
    return past.past(conn, sku, then, NOW + timedelta(hours=1))


def test_levels_and_holds_at_every_step(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "A", 10)
    stock.receive(conn, [Change("A", "main", 5)], NOW + MINUTE)
    reserve(conn, [want("A", 4)], NOW + 2 * MINUTE)
    release(conn, [Release(Which(reference="cart"), quantity=1)], NOW + 3 * MINUTE)
    fulfil(conn, [Fulfil(Which(reference="cart"))], NOW + 4 * MINUTE)

    def seen(minutes: float) -> tuple[int, int, int] | None:
        levels = at(conn, "A", NOW + minutes * MINUTE).levels
        return (levels[0].on_hand, levels[0].soft, levels[0].available) if levels else None

    assert seen(-0.1) is None
    assert [seen(n) for n in range(5)] == [(10, 0, 10), (15, 0, 15), (15, 4, 11), (15, 3, 12), (12, 0, 12)]
    assert seen(2.9) == seen(2)
    [hold] = at(conn, "A", NOW + 2 * MINUTE).holds
    assert (hold.kind, hold.units, hold.location, hold.by, hold.reference) == ("soft", 4, "main", "reservation", "cart")
    assert at(conn, "A", NOW + 4 * MINUTE).holds == ()


def test_the_past_of_this_moment_is_the_present(conn: Connection) -> None:
    live_a_day(conn)
    for sku in ("A", "B"):
        now, then = explaining.explain(conn, sku), at(conn, sku, NOW)
        assert [level for level in now.levels if any(astuple(level)[1:])] == [level for level in then.levels if any(astuple(level)[1:])]
        assert sorted((h.kind, h.units, h.location, h.by, h.reference, h.channel) for h in now.holds) == sorted(
            (h.kind, h.units, h.location, h.by, h.reference, h.channel) for h in then.holds
        )
        for shelf, before in zip(now.shelves, then.shelves, strict=True):
            assert shelf.statement is not None
            assert before.book == shelf.statement.book == before.opening + before.writes - before.took + before.gave_back + before.corrected


def test_an_orders_hold_names_its_channel(conn: Connection) -> None:
    live_a_day(conn)
    assert {(h.by, h.channel) for h in at(conn, "A", NOW).holds} == {("order", "shop"), ("reservation", None)}


def test_books_and_pushes_as_they_were(conn: Connection) -> None:
    shop = open_outgoing(conn)
    shop.later(minutes=1)
    shop.count(A=7)
    call = shop.send(raises=True)
    shop.later(minutes=1)
    shop.settle(call, [Outcome.OK])
    shop.later(minutes=1)
    shop.sell("1001", "a", 2)

    def seen(minutes: float) -> tuple[int | None, str | None]:
        [shelf] = at(conn, "A", NOW + minutes * MINUTE).shelves
        return shelf.book, shelf.last_push.state if shelf.last_push else None

    assert [seen(n) for n in (-1, 0, 1, 2, 3)] == [(None, None), (5, None), (5, "on its way"), (7, "ok"), (5, "ok")]


def test_what_is_not_known_is_said(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "A", 10)
    always = {past.RULES, past.READINGS, past.LINKS, past.UNTIL}
    assert set(at(conn, "A", NOW).unknown) == always
    assert set(at(conn, "A", NOW - MINUTE).unknown) == always | {past.BEFORE}
    assert any("90 days" in each for each in past.past(conn, "A", NOW, NOW + timedelta(days=91)).unknown)
    define(conn, [Define("SET", (Part("A", 2),))], NOW)
    bundle = at(conn, "SET", NOW)
    assert past.RECIPE in bundle.unknown
    assert [(sku, quantity, levels[0].on_hand) for sku, quantity, levels in bundle.parts] == [("A", 2, 10)]
    with pytest.raises(UnknownSku):
        at(conn, "NOPE", NOW)
