"""Where orders are shipped from, over the API: read, said, chosen anew, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api.conftest import Api
from channelsync.engine.housekeeping import RELIEVE_EVERY, Housekeeping
from channelsync.ledger.database import open_database
from channelsync.ledger.tokens import Scope
from support.clock import ManualClock

SECTIONS: dict[str, Any] = {
    "routing": {"enabled": True},
    "locations": {
        "main": {"name": "Main", "latitude": 48.14, "longitude": 11.58},
        "annex": {"name": "Annex", "priority": 1, "latitude": 52.52, "longitude": 13.40},
        "store": {"name": "Shelf", "priority": 2, "latitude": 52.40, "longitude": 13.06, "countries": ["FR"]},
    },
}


@pytest.fixture
def routed(database_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Api, str]]:
    """A shop with 10 of A at main and 5 at annex, and an order of 2 for Berlin."""
    monkeypatch.setattr("channelsync.shell.assemble.open_database", partial(open_database, durable=False))
    made = Api(tmp_path, database_url, clock, **SECTIONS)
    made.open_shop(A=10)
    made.post("/inventory", {"sku": "A", "location": "annex", "quantity": 5})
    ref = made.shop.buy({"A": 2})
    made.shop.send_to(ref, "DE", "BE", "10115")
    made.post("/channels/shop/sync", {})
    yield made, ref
    made.close()


def available(api: Api, location: str) -> int:
    return int(api.get(f"/inventory/skus/A/locations/{location}")["available"])


def test_a_route_tells_where_and_why(routed: tuple[Api, str]) -> None:
    api, ref = routed
    told = api.get(f"/orders/shop/{ref}/route")
    (line,) = told["lines"]
    assert (line["location"], line["way"], line["held"], line["summary"]) == ("annex", "rule", 2, "one parcel, from annex")
    assert [(each["location"], each["chosen"]) for each in line["considered"]] == [("annex", True), ("main", False), ("store", False)]
    assert line["considered"][2]["why"] == "is 26 km away, but does not ship there: it lists FR"
    assert told["to"] == {"country": "DE", "region": "BE", "postcode": "10115", "latitude": 52.53, "longitude": 13.38}
    assert (available(api, "annex"), available(api, "main")) == (3, 10)
    assert api.ask("GET", "/orders/shop/none/route").json()["code"] == "unknown_order"
    assert api.ask("GET", f"/orders/none/{ref}/route").json()["code"] == "unknown_channel"


def test_a_person_says_where_and_has_it_chosen_anew(routed: tuple[Api, str]) -> None:
    api, ref = routed
    path = f"/orders/shop/{ref}/route"
    line = api.get(path)["lines"][0]["line"]
    done = api.post(path, {"location": "main", "lines": [line], "reason": "van"}, key="r1")
    assert [(each["before"], each["location"], each["units"]) for each in done["lines"]] == [("annex", "main", 2)]
    assert (available(api, "annex"), available(api, "main")) == (5, 8)
    assert api.post(path, {"location": "main", "lines": [line], "reason": "van"}, key="r1")["repeat"] is True
    assert api.post(path, {"location": "annex"}, key="r1", status=422)["code"] == "key_reused"
    assert api.post(path, {})["lines"][0]["location"] == "annex"
    told = api.get(path)
    assert [(each["way"], each["location"]) for each in told["decisions"]] == [("rule", "annex"), ("hand", "main"), ("anew", "annex")]
    assert told["decisions"][1]["actor"] and told["decisions"][1]["why"] == "by hand: van"


def test_what_cannot_be_is_refused(routed: tuple[Api, str]) -> None:
    api, ref = routed
    path = f"/orders/shop/{ref}/route"
    refused = api.post(path, {"location": "store"}, status=409)
    assert (refused["code"], refused["available"]) == ("insufficient_stock", 0)
    assert "lacks 2 A" in api.post(path, {"location": "store", "anyway": True})["lines"][0]["why"]
    assert api.post(path, {"location": "atlantis"}, status=404)["code"] == "unknown_location"
    assert api.post(path, {"location": "main", "lines": ["none"]}, status=422)["code"] == "not_allowed"
    assert api.post("/orders/shop/none/route", {"location": "main"}, status=404)["code"] == "unknown_order"
    assert api.post(path, {"location": "x" * 65}, status=422)
    reader = api.make_token(Scope.READ)
    assert api.ask("POST", path, json={"location": "main"}, token=reader).status_code == 403
    assert api.ask("GET", path, token=reader).status_code == 200


def test_nothing_moves_after_shipping_and_the_address_is_forgotten(routed: tuple[Api, str]) -> None:
    api, ref = routed
    api.shop.ship(ref)
    api.post("/channels/shop/sync", {})
    assert api.get("/inventory/skus/A/locations/annex")["on_hand"] == 3
    assert api.post(f"/orders/shop/{ref}/route", {"location": "main"}, status=422)["code"] == "not_allowed"
    told = api.get(f"/orders/shop/{ref}/route")
    assert (told["lines"][0]["shipped"], told["lines"][0]["location"], told["to"]["postcode"]) == (2, "annex", "")
    assert (told["lines"][0]["considered"], told["lines"][0]["forgotten"]) == ([], True)


def test_a_count_that_leaves_too_few_sends_the_order_elsewhere_by_itself(routed: tuple[Api, str]) -> None:
    api, ref = routed
    housekeeping = Housekeeping(api.store)
    api.post("/inventory/count", {"sku": "A", "location": "annex", "quantity": 1})
    api._run(housekeeping.run_once())
    assert api.get(f"/orders/shop/{ref}/route")["lines"][0]["location"] == "annex"
    api.clock.advance(RELIEVE_EVERY)
    api._run(housekeeping.run_once())
    (line,) = api.get(f"/orders/shop/{ref}/route")["lines"]
    assert (line["location"], line["way"], line["summary"]) == ("main", "auto", "annex has run out; one parcel, from main")
    assert (available(api, "annex"), available(api, "main")) == (1, 8)
