"""What the listener of the rigs holds against a ledger that lies, forgets or says things out of turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from channelsync.ledger import stock
from channelsync.ledger.schema import alert_messages, low_stock, skus
from channelsync.ledger.stock import Change
from channelsync.testing.siege.listener import MARGIN, NAME, Listener
from support.stock import NOW, open_locations, put

LEVEL = 10


@pytest.fixture
def listener() -> Listener:
    return Listener("siege", LEVEL)


def message(conn: Connection, number: int, state: str) -> None:
    said = {"event": "opened", "kind": "low-stock", "severity": "info", "title": "", "data": {}, "created_at": NOW, "queued_at": NOW}
    conn.execute(insert(alert_messages).values(id=number, alert_id=number, target=NAME, state=state, **said))


def hear(listener: Listener, number: int) -> list[Any]:
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(part: dict[str, Any]) -> None:
        answers.append(part)

    asyncio.run(listener({"headers": [(b"webhook-id", f"siege-{number}".encode())]}, receive, send))
    return answers


def test_what_is_said_and_heard_is_no_lie(conn: Connection, listener: Listener) -> None:
    message(conn, 1, "sent")
    message(conn, 2, "waiting")
    assert hear(listener, 1)[0]["status"] == 204
    hear(listener, 2)
    hear(listener, 1)
    assert (list(listener.heard), listener.repeats) == ([1, 2], 1)
    assert listener.lies(conn, listener.heard) == []
    assert listener.unsaid(conn) == ["message 2 waits"], "it was heard, and the ledger does not know it yet"


def test_a_message_that_was_sent_and_never_came(conn: Connection, listener: Listener) -> None:
    message(conn, 1, "sent")
    assert listener.lies(conn, ()) == ["message 1 is said to be sent and was never heard"]


def test_a_message_that_nobody_knows(conn: Connection, listener: Listener) -> None:
    hear(listener, 3)
    assert listener.lies(conn, (3,)) == ["message 3 was heard and is not known"]
    assert listener.lies(conn, ()) == [], "it was heard after the look began"


def test_messages_out_of_turn(conn: Connection, listener: Listener) -> None:
    for number in (2, 1):
        message(conn, number, "sent")
        hear(listener, number)
    assert listener.lies(conn, (2, 1)) == ["messages were heard out of turn"]


def test_a_sku_whose_state_is_not_what_it_shows(conn: Connection, listener: Listener) -> None:
    open_locations(conn, "main")
    put(conn, "A", LEVEL)
    assert listener.unsaid(conn) == ["A: 10 left, and it is not known as low"]
    [sku] = conn.scalars(skus.select().with_only_columns(skus.c.id)).all()
    conn.execute(insert(low_stock).values(sku_id=sku, location_id=0, available=LEVEL, level=LEVEL, since=NOW))
    assert listener.unsaid(conn) == []
    stock.receive(conn, [Change("A", "main", MARGIN)], NOW)
    assert listener.unsaid(conn) == [], "within the band both are right"
    stock.receive(conn, [Change("A", "main", 1)], NOW)
    assert listener.unsaid(conn) == ["A: 14 left, and it is known as low"]
