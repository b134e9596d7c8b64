"""What one unit costs, said as exact text, and what the stock is worth by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert

from channelsync.ledger import bundling, costs, stock, stock_pages
from channelsync.ledger.bundling import Define, Dissolve, Part
from channelsync.ledger.costs import CostSet, SetCost
from channelsync.ledger.refusals import KeyReused, NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import channels
from channelsync.ledger.stats import By, stats
from channelsync.ledger.stock import Change
from channelsync.ledger.together import LINES_MAX, LineRefused, Together, all_or_none
from support.stock import NOW, open_locations, put


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")


def say(conn: Connection, sku: str, cost: str | None, key: str | None = None) -> CostSet | Refusal:
    (answer,) = costs.set_cost(conn, [SetCost(sku, cost, key=key)], NOW)
    return answer


def worth(conn: Connection, by: By) -> dict[str, tuple[str | None, int | None]]:
    return {row.name: (row.value, row.uncosted) for row in stats(conn, by, NOW - timedelta(days=30))}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("12.50", "12.50"),
        ("12.5", "12.50"),
        ("12", "12.00"),
        ("0", "0.00"),
        ("0.0001", "0.0001"),
        ("1.2300", "1.23"),
        ("007.125", "7.125"),
        ("999999999.9999", "999999999.9999"),
    ],
)
def test_an_amount_is_kept_exactly(conn: Connection, said: str, told: str) -> None:
    put(conn, "A", 1)
    assert say(conn, "A", said) == CostSet("A", told)
    assert stock_pages.one(conn, "A").unit_cost == told
    assert say(conn, "A", told) == CostSet("A", told), "what is told can be said again"


@pytest.mark.parametrize(
    "said", ["", "-1", "+1", "1,50", "1e3", " 1", "1\n", "1.", ".5", "1.00001", "1000000000", "EUR 1", "٣", "nan", "9" * 5000]
)
def test_what_is_no_amount_is_refused_and_changes_nothing(conn: Connection, said: str) -> None:
    put(conn, "A", 1)
    say(conn, "A", "2.00")
    answer = say(conn, "A", said)
    assert isinstance(answer, NotAllowed)
    assert "write it like 12.50" in str(answer)
    assert len(str(answer)) < 250
    assert stock_pages.one(conn, "A").unit_cost == "2.00"


def test_of_a_batch_each_line_is_for_itself_and_the_last_word_on_a_sku_holds(conn: Connection) -> None:
    put(conn, "A", 1)
    put(conn, "B", 1)
    asked = [SetCost("A", "1"), SetCost("NONE", "1"), SetCost("B", "x"), SetCost("A", "3"), SetCost("B", None)]
    answers = costs.set_cost(conn, asked, NOW)
    assert [type(answer) for answer in answers] == [CostSet, UnknownSku, NotAllowed, CostSet, CostSet]
    assert [stock_pages.one(conn, sku).unit_cost for sku in ("A", "B")] == ["3.00", None]


def test_a_thousand_at_once_or_none(conn: Connection) -> None:
    stock.seed(conn, [Change(f"S{number:04}", "main", 1) for number in range(LINES_MAX)], NOW)
    lines = tuple(SetCost(f"S{number:04}", f"{number}.01") for number in range(LINES_MAX))
    (done,) = all_or_none(costs.set_cost)(conn, [Together(lines)], NOW)
    assert not isinstance(done, Refusal)
    assert done[-1] == CostSet("S0999", "999.01")
    (refused,) = all_or_none(costs.set_cost)(conn, [Together((SetCost("S0999", "5"), SetCost("S0998", "-5")))], NOW)
    assert isinstance(refused, LineRefused)
    assert stock_pages.one(conn, "S0999").unit_cost == "999.01"


def test_a_key_does_it_once(conn: Connection) -> None:
    put(conn, "A", 1)
    assert say(conn, "A", "1", key="k") == CostSet("A", "1.00")
    say(conn, "A", "2")
    assert say(conn, "A", "1", key="k") == CostSet("A", "1.00", repeat=True)
    assert stock_pages.one(conn, "A").unit_cost == "2.00", "a repeat does nothing"
    assert isinstance(say(conn, "A", "3", key="k"), KeyReused)


def test_a_bundle_has_none_of_its_own(conn: Connection) -> None:
    put(conn, "A", 4)
    put(conn, "KIT", 0)
    say(conn, "A", "2.50")
    say(conn, "KIT", "9")
    (made,) = bundling.define(conn, [Define("KIT", (Part("A", 2),))], NOW)
    assert not isinstance(made, Refusal)
    answer = say(conn, "KIT", "5")
    assert isinstance(answer, NotAllowed)
    assert "set the cost of its parts" in str(answer)
    assert worth(conn, By.SKU) == {"A": ("10.00", 0), "KIT": (None, 0)}
    bundling.dissolve(conn, [Dissolve("KIT")], NOW)
    assert stock_pages.one(conn, "KIT").unit_cost is None, "what it once cost is not what it costs now"


def test_the_value_by_sku_and_by_location(conn: Connection) -> None:
    conn.execute(insert(channels).values(name="shop", connector="memory", created_at=NOW))
    for sku, units, location in (("A", 3, "main"), ("A", 2, "annex"), ("B", 7, "main"), ("C", 10, "main"), ("FREE", 5, "annex")):
        put(conn, sku, units, location)
    for sku, cost in (("A", "0.3333"), ("C", "0.10"), ("FREE", "0")):
        say(conn, sku, cost)
    assert worth(conn, By.SKU) == {"A": ("1.6665", 0), "B": (None, 7), "C": ("1.00", 0), "FREE": ("0.00", 0)}
    assert worth(conn, By.LOCATION) == {"main": ("1.9999", 7), "annex": ("0.6666", 0)}
    assert worth(conn, By.CHANNEL) == {"shop": (None, None)}
    say(conn, "A", None)
    assert worth(conn, By.LOCATION) == {"main": ("1.00", 10), "annex": ("0.00", 2)}


def test_only_what_is_on_hand_is_worth_something(conn: Connection) -> None:
    put(conn, "A", 3)
    say(conn, "A", "2")
    stock.write_off(conn, [stock.WriteOff("A", "main", 1, reason="broken", bucket="on_hand")], NOW)
    stock.take_back(conn, [Change("A", "main", 5)], NOW)
    assert worth(conn, By.SKU) == {"A": ("4.00", 0)}


def test_a_value_is_exact_beyond_what_a_number_of_the_database_holds(conn: Connection) -> None:
    for sku in ("A", "B"):
        put(conn, sku, 1_000_000_000)
        say(conn, sku, "999999999.9999")
    assert worth(conn, By.SKU)["A"] == ("999999999999900000.00", 0)
    assert worth(conn, By.LOCATION)["main"] == ("1999999999999800000.00", 0)


def test_it_is_part_of_another_verbs_transaction(conn: Connection) -> None:
    """A receipt that sets the cost and is taken back leaves the cost as it was."""
    put(conn, "A", 1)
    say(conn, "A", "1")
    with conn.begin_nested() as receipt:
        assert say(conn, "A", "7", key="receipt") == CostSet("A", "7.00")
        stock.receive(conn, [Change("A", "main", 1)], NOW)
        assert worth(conn, By.SKU) == {"A": ("14.00", 0)}
        receipt.rollback()
    assert worth(conn, By.SKU) == {"A": ("1.00", 0)}
    assert say(conn, "A", "7", key="receipt") == CostSet("A", "7.00"), "its key was taken back with it"
