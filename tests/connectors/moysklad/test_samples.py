"""Every published sample payload is understood, or set aside with a reason that people can read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channelsync.contract import Delivery, HttpResponse, Role
from channelsync.errors import ChannelError, Misunderstood, RateLimited, Unauthorized
from channelsync.testing.virtual_clock import START
from channelsync_moysklad.answers import Answer, ShopRefused, refusal, understand
from channelsync_moysklad.listings import listing
from channelsync_moysklad.snapshot import Positions, order_snapshot, sale_snapshot
from channelsync_moysklad.stock import rows_of
from channelsync_moysklad.webhooks import parse
from support.moysklad import SAMPLES, sample

NAMES = sorted(path.name.removesuffix(".json") for path in SAMPLES.glob("*.json")) or ["none"]
GOOD, STORE = "12345678-5838-aaeb-0a80-003a003ef439", "12345678-b123-aaee-0a80-012b0001bb10"


def read(name: str, body: Any) -> object:
    """By the reader that meets such a payload; one for each name, so that no sample is passed over."""
    if name.startswith(("webhook_notification", "webhookstock_notification", "webhook_async")):
        return parse(Delivery("ms", {}, json.dumps(body).encode(), START), Role.CHANNEL)
    if name.startswith(("error_", "bulk_")):
        status = body.get("status", 403)
        return understand(HttpResponse(status, {}, json.dumps(body.get("body", body)).encode()))
    if name.startswith(("stock_all_", "stock_bystore_", "stock_byslot_")):
        kind = next((kind for kind in ("freeStock", "inTransit", "reserve", "quantity") if kind in name), "stock")
        return rows_of(Answer(body, None), kind)
    if name.startswith("assortment"):
        return [listing(row, "code", ()) for row in Answer(body, None).rows()]
    if name.startswith(("customerorder_list", "report_")):
        return [order(row) for row in Answer(body, None).rows()]
    if name.startswith("customerorder_positions"):
        return order_snapshot(Positions(HEAD, Answer(body, None).rows()), [], [], (), "code")
    bodies = body if isinstance(body, list) else [body]
    return [sale_snapshot("demand", Positions(row, []), [], "code") if name.startswith("demand") else order(row) for row in bodies]


HEAD = {"id": GOOD, "updated": "2026-11-20 10:00:00.000", "externalCode": "x"}


def order(raw: Any) -> object:
    return order_snapshot(Positions(raw, []), raw.get("demands", []), [], (), "code")


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_is_read_or_refused_with_a_reason(name: str) -> None:
    try:
        assert read(name, sample(name)) is not None
    except ChannelError as error:
        assert len(str(error)) > 15, "people must know what was wrong with it"


def test_what_the_important_ones_say() -> None:
    assert (
        rows_of(Answer(sample("stock_bystore_current_withRecalculate.response"), None), "stock")[
            "12345678-2346-aaeb-0a80-003a003ef439", STORE
        ]
        is None
    )
    reserves = rows_of(Answer(sample("stock_bystore_current_reserve.response"), None), "reserve")
    assert (reserves["12345678-279c-aaeb-0a80-00d6001f847c", None], reserves[GOOD, STORE]) == (5, 3)
    with pytest.raises(Misunderstood):  # the number of another stockType must never pass for stock
        rows_of(Answer(sample("stock_bystore_current_freeStock.response"), None), "stock")
    kinds = [listing(row, "code", ()) for row in Answer(sample("assortment_without_stock.response"), None).rows()]
    assert [(found.tracked, found.problem is None) for found in kinds if found] == [(True, True), (False, True), (False, False)]
    lines = read("customerorder_positions", sample("customerorder_positions.response"))
    assert [line.quantity for line in lines.lines] == [1, 1, 1, 1]  # type: ignore[attr-defined]


def test_errors_are_told_apart_by_code_and_header() -> None:
    rate, parallel = sample("error_429_rate.RECONSTRUCTED"), sample("error_429_parallel.RECONSTRUCTED")
    answers = [
        HttpResponse(429, {k.lower(): v for k, v in row["headers"].items()}, json.dumps(row["body"]).encode()) for row in (rate, parallel)
    ]
    waits = [refusal(answer) for answer in answers]
    assert waits[0] == 1.0
    assert waits[1] is not None
    assert 0 < waits[1] < 1
    for answer in answers:
        with pytest.raises(RateLimited):
            understand(answer)
    with pytest.raises(Unauthorized):
        understand(HttpResponse(403, {}, json.dumps(sample("error_1016.response")).encode()))
    with pytest.raises(ShopRefused):
        understand(HttpResponse(412, {}, json.dumps(sample("error_3000.response")).encode()))
    with pytest.raises(Misunderstood, match="gzip"):
        understand(HttpResponse(415, {}, b""))
