"""What answers mean: errors of both API versions, pages of strangers, the rate limit's headers, and the vendor's order examples."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.contract import HttpResponse
from channelsync.errors import ChannelError, Misunderstood, Unauthorized, Unavailable
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector, Settings
from channelsync_bigcommerce.answers import OVERLOADED_SECONDS, StoreRefused, learn, refusal, understand
from channelsync_bigcommerce.lines import lines_of
from channelsync_bigcommerce.rules import Rules
from channelsync_bigcommerce.snapshot import Habits, RawLine, snapshot
from support.bigcommerce import SAMPLES, sample, tell

LIMITS = {
    "x-rate-limit-time-window-ms": "30000",
    "x-rate-limit-time-reset-ms": "15000",
    "x-rate-limit-requests-quota": "150",
    "x-rate-limit-requests-left": "35",
}


def answer(status: int, body: bytes, **headers: str) -> HttpResponse:
    return HttpResponse(
        status, {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}, body
    )


def test_no_content_is_an_empty_list() -> None:
    assert understand(answer(204, b"")).rows() == []
    with pytest.raises(Unavailable):
        understand(answer(200, b""))
    with pytest.raises(Misunderstood):
        understand(answer(200, b'{"strange": true}')).rows()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"status":401,"title":"Unauthorized"}', Unauthorized),
        (403, b'[{"status":403,"message":"You don\'t have a required scope"}]', Unauthorized),
        (404, b'[{"status":404,"message":"The requested resource was not found."}]', StoreRefused),
        (404, b"<html>404</html>", Unavailable),
        (404, b'{"error":"no such route"}', Misunderstood),
        (422, b'{"status":422,"title":"Location not found, identities: [3,2]","errors":{}}', StoreRefused),
        (423, b'{"status":423,"title":"Locked"}', Unavailable),
        (503, b'{"status":503,"title":"Maintenance"}', Unavailable),
        (500, b"", Unavailable),
    ],
)
def test_errors_say_what_happens_next(status: int, body: bytes, error: type[ChannelError]) -> None:
    with pytest.raises(error) as raised:
        understand(answer(status, body))
    assert type(raised.value) is error


def test_a_503_waits_as_long_as_it_says() -> None:
    with pytest.raises(Unavailable) as raised:
        understand(answer(503, b'{"status":503,"title":"Maintenance"}', x_retry_after="90"))
    assert raised.value.retry_after == 90


def test_a_429_waits_for_the_window_or_longer_where_nothing_is_said() -> None:
    assert refusal(HttpResponse(429, LIMITS, b"")) == 15
    assert refusal(HttpResponse(429, {**LIMITS, "x-retry-after": "7"}, b"")) == 7
    assert refusal(HttpResponse(429, {}, b"")) == OVERLOADED_SECONDS


def test_the_budget_learns_the_stores_own_window() -> None:
    told: list[dict[str, float | None]] = []

    class Budget:
        def learn(
            self, *, remaining: float, maximum: float, per_second: float, resets_in: float | None = None, sliding: bool = False
        ) -> None:
            told.append({"remaining": remaining, "maximum": maximum, "per_second": per_second, "resets_in": resets_in})

    learn(Budget(), LIMITS)
    learn(Budget(), {"x-rate-limit-requests-quota": "150"})
    learn(Budget(), {name: value for name, value in LIMITS.items() if "reset" not in name})
    known = {"remaining": 35, "maximum": 150, "per_second": 5}
    assert told == [{**known, "resets_in": 15}, {**known, "resets_in": None}]


def test_the_vendors_429_headers_are_the_ones_we_read() -> None:
    sample("v2_orders_list.json")
    lines = (SAMPLES / "http_429_headers.txt").read_text().splitlines()[1:]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if value}
    assert refusal(HttpResponse(429, headers, b"")) == 15


def test_the_vendors_orders_are_understood() -> None:
    habits = Habits(frozenset({7, 11}), partial_shipment_lowers=False, default_location="1")
    rules = Rules(on_placed=True, edits=True, gives_back=True)
    rows: list[dict[str, Any]] = sample("v2_order_products.json")
    lines = [RawLine(row, None) for row in rows]
    for raw in [*sample("v2_orders_list.json"), sample("v2_order_get.json")]:
        found = snapshot(raw, lines, rules, habits)
        assert found.reservation_ref == "external-order-id"
        assert all(line.adds_up() and line.channel_took == line.quantity for line in found.lines if line.stocked)
    assert found.lines[0].listing == "p:77", "a line without a variant is known by its product"


def test_pointers_in_consignments_are_followed(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    """Without the include that brings them, line items are addresses."""
    order = standin.buy({"CUP": 2}, pickup=2)

    async def story(bc: BigCommerceConnector) -> None:
        raw = {"id": int(order), "items_total": 2, "consignments": sample("v2_order_consignments_pickup.json")}
        line = standin.state.orders[int(order)].lines[0]
        raw["consignments"]["pickups"][0]["line_items"][0]["resource"] = f"/orders/{order}/products/{line.id}"
        (found,) = await lines_of(bc._api, raw)
        assert (found.raw["sku"], found.raw["quantity"], found.location) == ("CUP", 2, "1")

    tell(clock, standin, story)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"api_url": "http://api.test"}, "https"),
        ({"visibility_lag_seconds": 600}, "overlap_seconds"),
        ({"write_visible_seconds": 400}, "write_drains_seconds"),
        ({"require_signature": True}, "client_secret"),
        ({"store_hash": "../x"}, "store_hash"),
        ({"placed_statuses": [15]}, "placed_statuses"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_settings_that_cannot_work_are_refused(table: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings.model_validate({"store_hash": "abc", "access_token": "t", **table})
