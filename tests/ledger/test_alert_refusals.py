"""What was refused for good, as alerts: one per channel and kind, the dangerous numbers apart, told again when they grow, over when none is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Listing, Outcome, Page, Physical
from channelsync.ledger import alert_refusals, aside, aside_groups, authority_import, cataloguing, exports, vanished
from channelsync.ledger.alert_rules import Kind, Rules, Severity, severity_of
from channelsync.ledger.authority_import import PhysicalRead
from channelsync.ledger.cataloguing import ListingsRead
from channelsync.ledger.guard import Guarded, Limits, configure
from channelsync.ledger.schema import alerts
from channelsync.ledger.vanished import Vanished
from support.alerts import ALL, MINUTE, look, queued, told
from support.authority import LISTING, PLACE, open_owned
from support.pushing import Outgoing, open_outgoing
from support.stock import NOW

RULES = Rules(low=0, routes=(ALL,))


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    return open_outgoing(conn)


def refuse(out: Outgoing, **units: int) -> None:
    """So many of each SKU are there; the shop refuses every number that follows."""
    out.count(**units)
    for raises in (False, True):
        call = out.arm(raises=raises)
        if call is not None:
            out.release(call.key)
            out.settle(call, [Outcome.REFUSED for _ in call.writes])


def slow(out: Outgoing) -> int:
    return look(out.conn, RULES, out.now, slow=True)


def latest(conn: Connection, kind: Kind) -> dict[str, Any]:
    row = conn.execute(select(alerts).where(alerts.c.kind == kind.value).order_by(alerts.c.id.desc()).limit(1)).mappings().one()
    return dict(row)


def told_again(out: Outgoing, *refs: str) -> None:
    """The shop tells of these listings as changed, which takes them back from aside."""
    told = tuple(Listing(ref, ref.upper(), title=f"changed {out.now}") for ref in refs)
    cataloguing.take_page(out.conn, [ListingsRead(out.channel, Page(told, high_water="1"), out.now)], out.now)


def test_a_refused_number_that_is_too_high_is_grave_and_says_what_to_do(out: Outgoing) -> None:
    refuse(out, A=2)
    assert slow(out) == 1
    assert told(out.conn) == [("refused-high", "open")]
    alert = latest(out.conn, Kind.REFUSED_HIGH)
    assert alert["title"] == (
        "shop refuses a lower number of 1 listing and goes on selling what is not there: A (a) shows 5 and should show 2: because. "
        "Lower it in the shop by hand, then repair the cause and run `channelsync aside retry shop --kind shelf`"
    )
    assert alert["severity"] == severity_of(Kind.REFUSED_HIGH) == Severity.CRITICAL
    assert (alert["data"]["channel"], alert["data"]["count"]) == ("shop", 1)
    assert alert["data"]["first"] == [{"listing": "a", "location": "", "sku": "A", "shows": 5, "target": 2, "reason": "because"}]


def test_a_refused_number_that_is_too_low_sells_nothing_that_is_not_there(out: Outgoing) -> None:
    refuse(out, A=9)
    assert slow(out) == 1
    assert told(out.conn) == [("refused", "open")]
    title = "shop refuses the numbers of 1 listing, none of which is too high: A (a) shows 5 and should show 9: because. Repair"
    assert latest(out.conn, Kind.REFUSED)["title"].startswith(title)
    assert severity_of(Kind.REFUSED) == Severity.WARNING


def test_a_number_that_was_harmless_turns_grave_when_its_units_are_sold_elsewhere(out: Outgoing) -> None:
    refuse(out, A=9)
    slow(out)
    out.count(A=1)
    assert slow(out) == 1
    assert told(out.conn) == [("refused", "over"), ("refused-high", "open")]


def test_it_is_told_once_and_ends_when_the_shop_takes_the_number(out: Outgoing) -> None:
    refuse(out, A=2)
    assert slow(out) == 1
    assert slow(out) == 0
    told_again(out, "a")
    assert slow(out) == 0
    assert told(out.conn) == [("refused-high", "over")]
    assert queued(out.conn, "event", "kind") == [("opened", "refused-high"), ("resolved", "refused-high")]


def test_it_ends_when_a_person_has_it_tried_again(out: Outgoing) -> None:
    refuse(out, A=2)
    slow(out)
    aside_groups.retry(out.conn, aside.listed(out.conn), out.now)
    slow(out)
    assert told(out.conn) == [("refused-high", "over")]


def test_many_are_one_alert_that_counts_them_and_names_the_first(out: Outgoing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_refusals, "SHOWN", 2)
    refuse(out, A=2, B=1, C=1)
    assert slow(out) == 1
    alert = latest(out.conn, Kind.REFUSED_HIGH)
    assert "of 3 listings" in alert["title"]
    assert [each["listing"] for each in alert["data"]["first"]] == ["a", "b"]
    assert "and 1 more" in alert["title"]


def test_what_comes_on_top_is_told_again_at_most_once_an_hour(out: Outgoing) -> None:
    """An alert that stands for one listing for weeks must not hide the next one."""
    refuse(out, A=2)
    slow(out)
    out.later(minutes=50)
    refuse(out, B=2)
    assert slow(out) == 0, "too soon"
    out.later(minutes=11)
    assert slow(out) == 1
    assert told(out.conn) == [("refused-high", "over"), ("refused-high", "open")]
    assert latest(out.conn, Kind.REFUSED_HIGH)["data"]["count"] == 2
    assert queued(out.conn, "event") == [("opened",), ("opened",)], "nothing is over"
    out.later(hours=2)
    assert slow(out) == 0, "nothing new"


def test_the_open_alert_says_how_many_are_left(out: Outgoing) -> None:
    refuse(out, A=2, B=2)
    slow(out)
    told_again(out, "a")
    assert slow(out) == 0
    alert = latest(out.conn, Kind.REFUSED_HIGH)
    assert (alert["data"]["count"], alert["resolved_at"]) == (1, None)
    assert "of 1 listing" in alert["title"]
    out.later(hours=2)
    refuse(out, C=1)
    assert slow(out) == 1, "one more than were left"


def test_a_listing_that_is_gone_shows_nothing_to_anybody(out: Outgoing) -> None:
    refuse(out, A=2)
    slow(out)
    vanished.remove(out.conn, [Vanished(out.channel, ("a",))], out.now)
    slow(out)
    assert told(out.conn) == [("refused-high", "over")]


def test_more_refused_numbers_than_are_looked_at_are_counted_all_the_same(out: Outgoing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_refusals, "LOOKED_AT", 1)
    refuse(out, A=9, B=2)
    assert slow(out) == 2
    assert told(out.conn) == [("refused-high", "open"), ("refused", "open")]
    assert latest(out.conn, Kind.REFUSED)["data"]["count"] == 1


def test_a_sale_that_an_authority_was_not_told_of(conn: Connection) -> None:
    owned = open_owned(conn)
    owned.order("1", 3)
    armed = owned.arm()
    assert armed is not None
    owned.answer(armed, refused="the period is closed")
    assert look(conn, RULES, owned.now, slow=True) == 1
    alert = latest(conn, Kind.UNTOLD)
    assert alert["title"] == (
        "house was not told of 1 sale of ours and takes the units for free: shop/1: the authority refuses it: the period is closed. "
        "Repair the cause, then run `channelsync aside retry house --kind export`"
    )
    exports.retry_aside(conn, [(owned.house, "shop/1")], owned.now)
    assert owned.export() == 1
    look(conn, RULES, owned.now, slow=True)
    assert told(conn) == [("untold-sale", "over")]


def test_a_physical_number_that_could_not_be_read_is_told_until_it_comes(conn: Connection) -> None:
    owned = open_owned(conn)
    page: Page[Physical] = Page((), high_water="now", refused=((LISTING, "its number is no number: 'ten'", "{}"),))
    read = PhysicalRead(owned.house, page, owned.ask(), owned.now, {PLACE: owned.location})
    authority_import.import_physical(conn, [read], owned.now)
    assert look(conn, RULES, owned.now, slow=True) == 1
    title = f"house: 1 physical number could not be read, and the ledger keeps what it knew: {LISTING}: its number is no number: 'ten'."
    assert latest(conn, Kind.UNREAD)["title"].startswith(title)
    owned.read(replace(owned.physical(), units=None))
    look(conn, RULES, owned.now, slow=True)
    assert told(conn) == [("unread-number", "open")], "it is still being worked out there"
    owned.read()
    look(conn, RULES, owned.now, slow=True)
    assert told(conn) == [("unread-number", "over")]
    assert aside.listed(conn) == []


def test_a_delivery_that_could_not_be_used(out: Outgoing) -> None:
    aside.put(out.conn, out.channel, "delivery", "d-1", "no JSON", "x", NOW)
    assert slow(out) == 1
    assert latest(out.conn, Kind.DELIVERY)["title"].startswith(
        "shop: 1 webhook could not be used; orders are found by polling all the same: d-1: no JSON. Repair"
    )
    aside.resolve(out.conn, out.channel, "delivery", "d-1", NOW)
    slow(out)
    assert told(out.conn) == [("unread-delivery", "over")]


def test_half_a_catalogue_that_is_gone_is_told_until_it_is_right(out: Outgoing) -> None:
    configure(out.conn, [Guarded(out.channel, Limits(least=1))], NOW)
    vanished.remove(out.conn, [Vanished(out.channel, ("a", "b"))], NOW)
    assert look(out.conn) == 1
    assert latest(out.conn, Kind.VANISHED)["title"].startswith("shop: 2 of 3 listings are gone from the shop at once: look whether")
    vanished.remove(out.conn, [Vanished(out.channel, ())], NOW)
    look(out.conn, now=NOW + MINUTE)
    assert told(out.conn) == [("listings-vanished", "over")]
