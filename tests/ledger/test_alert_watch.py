"""States and findings of the ledger as alerts: once per opening, ended by what ends the state; who hears of them, and what is summed up."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select, update

from channelsync.contract import Listing
from channelsync.ledger import alert_pages, alert_watch, aside, channels, cursors, findings, listings, matching, stock
from channelsync.ledger.alert_pages import Filter
from channelsync.ledger.alert_rules import EVENTS, Feed, Kind, Route, Rules, Severity
from channelsync.ledger.alert_watch import Look, Looked
from channelsync.ledger.channels import Pause, PauseEnd, PauseKind
from channelsync.ledger.pages import STREAM
from channelsync.ledger.schema import alert_messages, alerts, shelves
from channelsync.ledger.schema import channels as channel_table
from support.alerts import ALL, MINUTE, RULES, look, queued, sell, stocked, told
from support.stock import NOW, open_channel, open_locations, put


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")


@pytest.fixture
def shop(conn: Connection) -> int:
    return open_channel(conn)


def titles(conn: Connection) -> list[str]:
    return list(conn.scalars(select(alerts.c.title).order_by(alerts.c.id)))


def test_an_oversell_is_told_with_its_number_and_ends_with_it(conn: Connection) -> None:
    stocked(conn, 20)
    sell(conn, "A", 4)
    look(conn)
    findings.record(conn, "oversell", None, 1, "", {"location_id": 1, "available": -2}, NOW)
    assert look(conn) == 1
    findings.record(conn, "oversell", None, 1, "", {"location_id": 1, "available": -3}, NOW)
    assert look(conn) == 0, "the same matter"
    assert titles(conn) == ["A is oversold at main: -2 available"]
    findings.resolve(conn, "oversell", None, 1, "", NOW)
    look(conn)
    assert told(conn) == [("oversell", "over")]
    assert queued(conn, "event", "title")[-1] == ("resolved", "Over: A is oversold at main: -2 available")
    findings.record(conn, "oversell", None, 1, "", {"location_id": 1, "available": -1}, NOW)
    assert look(conn) == 1, "a new opening"


def test_an_oversell_that_the_ledger_itself_records_is_told(conn: Connection) -> None:
    """By the ledger's own verb: units that were promised are counted away."""
    stocked(conn, 20)
    sell(conn, "A", 10)
    stock.count(conn, [stock.Change("A", "main", 7)], NOW)
    look(conn)
    assert sorted(told(conn)) == [("out-of-stock", "open"), ("oversell", "open")]
    stock.count(conn, [stock.Change("A", "main", 40)], NOW)
    look(conn)
    assert {state for _, state in told(conn)} == {"over"}


@pytest.mark.parametrize(
    ("kind", "alert"),
    [
        ("shortage", Kind.SHORTAGE),
        ("drift", Kind.DRIFT),
        ("foreign_writer", Kind.FOREIGN),
        ("guard", Kind.GUARD),
        ("stale_numbers", Kind.STALE),
    ],
)
def test_findings_that_are_alerts(conn: Connection, shop: int, kind: str, alert: Kind) -> None:
    findings.record(conn, kind, shop, None, "7@", {"units": 2, "count": 3, "reason": "much"}, NOW)
    findings.record(conn, "renamed", shop, None, "", {}, NOW)
    assert look(conn) == 1
    assert told(conn) == [(alert, "over" if alert is Kind.SHORTAGE else "open")]
    assert look(conn) == 0
    assert look(conn, now=NOW + 5 * MINUTE) == 0, "once, also when it is far behind the mark"
    assert "None" not in titles(conn)[0].replace("for None", "")


def test_a_sale_that_was_set_aside_is_told_until_it_is_applied(conn: Connection, shop: int) -> None:
    aside.put(conn, shop, "line", "1001/1", "no SKU is linked to listing 42", "MUG", NOW)
    aside.put(conn, shop, "listing", "42", "no SKU", "", NOW)
    assert look(conn) == 1
    assert titles(conn) == ["shop: a sale could not be applied (1001/1): no SKU is linked to listing 42"]
    aside.resolve(conn, shop, "line", "1001/1", NOW)
    look(conn)
    assert told(conn) == [("unmapped-sale", "over")]
    aside.put(conn, shop, "line", "1001/1", "again", "MUG", NOW)
    assert look(conn) == 1


def test_a_channel_that_needs_new_credentials(conn: Connection, shop: int) -> None:
    channels.pause(conn, [Pause(shop, "needs new credentials: 401", PauseKind.CREDENTIALS)], NOW)
    assert look(conn) == 1
    assert look(conn) == 0
    assert titles(conn) == ["shop is paused: needs new credentials: 401"]
    channels.end_pauses(conn, [PauseEnd(shop, PauseKind.CREDENTIALS)], NOW)
    look(conn)
    assert told(conn) == [("credentials", "over")]
    channels.pause(conn, [Pause(shop, "by me")], NOW)
    assert look(conn) == 0, "who pauses a channel knows it"


def test_a_channel_that_does_not_answer(conn: Connection, shop: int) -> None:
    rules = Rules(routes=(ALL,), down_after=((shop, 15 * MINUTE),))

    def seen(at: int) -> None:
        when = NOW + at * MINUTE
        cursors.advance(conn, shop, STREAM, resume=None, high_water="x", looked_at=when, now=when)

    seen(0)
    assert look(conn, rules, NOW + 15 * MINUTE, slow=True, began=NOW) == 0
    assert look(conn, rules, NOW + 16 * MINUTE, slow=True, began=NOW + 10 * MINUTE) == 0, "we have been away ourselves"
    assert look(conn, rules, NOW + 16 * MINUTE, slow=True, began=NOW) == 1
    assert look(conn, rules, NOW + 17 * MINUTE, slow=True, began=NOW) == 0
    seen(18)
    look(conn, rules, NOW + 18 * MINUTE, slow=True, began=NOW)
    assert told(conn) == [("channel-down", "over")]


def test_a_change_that_is_not_written_for_too_long(conn: Connection, shop: int) -> None:
    rules = Rules(routes=(ALL,), live=(shop,), unsent_after=30 * MINUTE)
    conn.execute(update(channel_table).values(opened_at=NOW - MINUTE))
    put(conn, "A", 10)
    listings.upsert(conn, shop, [Listing("7", "A")], NOW)
    matching.match(conn, shop, NOW)
    conn.execute(update(shelves).values(book=4, target=10, due=True))
    assert look(conn, rules, NOW + 30 * MINUTE, slow=True) == 0
    assert look(conn, Rules(routes=(ALL,), unsent_after=30 * MINUTE), NOW + 31 * MINUTE, slow=True) == 0, "a shadow writes nothing"
    assert look(conn, rules, NOW + 31 * MINUTE, slow=True) == 1
    conn.execute(update(shelves).values(due=False))
    look(conn, rules, NOW + 32 * MINUTE, slow=True)
    assert told(conn) == [("unsent", "over")]


def test_routes_choose_by_kind_severity_and_location(conn: Connection, shop: int) -> None:
    routes = (
        Route("route 1", ("all",)),
        Route("route 2", ("grave",), severity=Severity.CRITICAL),
        Route("route 3", ("annex",), locations=("annex",)),
        Route("route 4", ("kinds", "all"), kinds=(Kind.UNMAPPED,)),
    )
    rules = Rules(routes=routes)
    stocked(conn, 10, rules=rules)
    put(conn, "B", 10, "annex")
    look(conn, rules)
    sell(conn, "A", 6)
    sell(conn, "B", 6, "annex")
    channels.pause(conn, [Pause(shop, "401", PauseKind.CREDENTIALS)], NOW)
    aside.put(conn, shop, "order", "1", "odd", "", NOW)
    look(conn, rules)
    got = {(target, kind) for target, _, kind, _ in queued(conn)}
    everything = {("all", kind) for kind in ("low-stock", "credentials", "unmapped-sale")}
    assert got == everything | {("grave", "credentials"), ("annex", "low-stock"), ("kinds", "unmapped-sale")}
    assert len(queued(conn)) == 4 + 1 + 1 + 1, "two routes to one target are one message"


def test_a_feed_hears_what_it_asked_for_and_the_end_of_it(conn: Connection, shop: int) -> None:
    rules = Rules(feeds=(Feed("erp", ("inventory.*",)), Feed("ops", ("channel.credentials.resolved",))))
    stocked(conn, 10, rules=rules)
    sell(conn, "A", 6)
    channels.pause(conn, [Pause(shop, "401", PauseKind.CREDENTIALS)], NOW)
    look(conn, rules)
    channels.end_pauses(conn, [PauseEnd(shop, PauseKind.CREDENTIALS)], NOW)
    look(conn, rules)
    assert queued(conn, "target", "event", "kind") == [("erp", "opened", "low-stock"), ("ops", "resolved", "credentials")]
    assert EVENTS[Kind.LOW] == "inventory.low-stock"


def test_more_than_a_route_takes_in_an_hour_is_summed_up(conn: Connection, shop: int) -> None:
    rules = Rules(routes=(Route("route 1", ("phone",), max_per_hour=2),))
    look(conn, rules)
    for number in range(6):
        aside.put(conn, shop, "order", str(number), "odd", "", NOW)
    assert look(conn, rules) == 6
    assert [state for _, _, _, state in queued(conn)] == ["waiting", "waiting", "held", "held", "held", "held"]
    look(conn, rules, NOW + 59 * MINUTE)
    assert len(queued(conn)) == 6
    look(conn, rules, NOW + 61 * MINUTE)
    assert [state for _, _, _, state in queued(conn)] == ["waiting", "waiting", "merged", "merged", "merged", "merged", "waiting"]
    assert queued(conn, "event", "title")[-1] == ("summary", "4 more alerts: 4 unmapped-sale")
    data = conn.scalars(select(alert_messages.c.data).order_by(alert_messages.c.id.desc()).limit(1)).one()
    assert data["counts"] == {"unmapped-sale": 4}
    assert len(data["first"]) == 4


def test_the_list_is_paged_and_filtered(conn: Connection, shop: int) -> None:
    for number in range(5):
        aside.put(conn, shop, "order", str(number), "odd", "", NOW)
    channels.pause(conn, [Pause(shop, "401", PauseKind.CREDENTIALS)], NOW)
    look(conn)
    first = alert_pages.page(conn, Filter(kind="unmapped-sale"), None, 3)
    rest = alert_pages.page(conn, Filter(kind="unmapped-sale"), first[-1].id, 3)
    assert [each.data["reference"] for each in (*first, *rest)] == ["4", "3", "2", "1", "0"]
    assert [each.kind for each in alert_pages.page(conn, Filter(severity="critical"), None, 9)] == ["credentials"]
    assert first[0].messages[0].target == "phone"
    aside.resolve(conn, shop, "order", "0", NOW)
    look(conn)
    assert len(alert_pages.page(conn, Filter(kind="unmapped-sale"), None, 9)) == 4
    assert len(alert_pages.page(conn, Filter(kind="unmapped-sale", resolved=True), None, 9)) == 5


def test_what_is_over_is_forgotten_in_time_and_what_is_open_never(conn: Connection, shop: int) -> None:
    for number in range(3):
        aside.put(conn, shop, "order", str(number), "odd", "", NOW)
    look(conn)
    aside.resolve(conn, shop, "order", "0", NOW)
    look(conn)
    conn.execute(update(alert_messages).values(state="sent", done_at=NOW))
    late = NOW + timedelta(days=91)
    assert alert_pages.forget(conn, [2], late) == [2]
    assert alert_pages.forget(conn, [500], late) == [3]
    assert conn.scalar(select(func.count()).select_from(alert_messages)) == 0
    assert told(conn) == [("unmapped-sale", "open")] * 2


def test_the_rules_of_the_tests_route_everything() -> None:
    assert all(list(RULES.receivers(kind, (), resolved=resolved)) for kind in Kind for resolved in (False, True))


def test_a_movement_that_is_committed_late_is_looked_at_however_much_has_moved_since(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL gives it its number before. With a page of newer ones behind it, it was passed over until the SKU moved again."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one process writes")
    monkeypatch.setattr(alert_watch, "MOVEMENTS_MAX", 2)
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "yard")
        for sku in ("A", "B"):
            put(conn, sku, 20, "yard")
        look(conn)
    with engine.connect() as late, late.begin():
        stock.adjust(late, [stock.Change("A", "yard", -18, reason="lost")], NOW)
        for _ in range(3):
            with engine.connect() as conn, conn.begin():
                stock.adjust(conn, [stock.Change("B", "yard", -1, reason="lost") for _ in range(3)], NOW)
                looks(conn, NOW)
    with engine.connect() as conn, conn.begin():
        assert told(conn) == []
        looks(conn, NOW + 3 * MINUTE)
        assert told(conn) == [("low-stock", "open")]


def looks(conn: Connection, now: datetime) -> None:
    """Until there is nothing more to look at."""
    for _ in range(20):
        [looked] = alert_watch.look(conn, [Look(RULES)], now)
        if not looked.more:
            return
    raise AssertionError("the looks do not end")


def test_of_two_processes_one_looks_and_none_waits(engine: Engine) -> None:
    """Both would tell of the same matter, or wait for each other with levels locked."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one process has the ledger")
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "yard")
        shop = open_channel(conn, location="yard")
        look(conn)
        aside.put(conn, shop, "order", "1", "odd", "", NOW)
    with engine.connect() as one, one.begin(), engine.connect() as other, other.begin():
        assert alert_watch.look(one, [Look(RULES)], NOW) == [Looked(1, more=False)]
        other.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
        assert alert_watch.look(other, [Look(RULES)], NOW) == [Looked(0, more=False)]
    with engine.connect() as conn, conn.begin():
        assert alert_watch.look(conn, [Look(RULES)], NOW) == [Looked(0, more=False)]
        assert told(conn) == [("unmapped-sale", "open")]
