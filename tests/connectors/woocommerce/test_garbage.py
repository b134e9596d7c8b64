"""Whatever a shop or a stranger sends, only declared errors come out."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from channelsync.contract import Call, Cursor, Delivery, Outcome, ShelfRef, Write
from channelsync.errors import ChannelError, Misunderstood
from channelsync_woocommerce.listings import listing
from channelsync_woocommerce.snapshot import snapshot, unshipped_refunds
from channelsync_woocommerce.webhooks import parse
from support.clock import ManualClock
from support.woocommerce import ScriptedHttp, answer, connected

STAMPS = {
    "date_created_gmt": "2026-11-21T09:00:00",
    "date_modified_gmt": "2026-11-21T12:00:00",
    "date_paid_gmt": None,
    "date_completed_gmt": None,
}
META = [{"id": 1, "key": "_reduced_stock", "value": "2"}, {"id": 2, "key": "_restock_refunded_items", "value": 1}]
LINE = {"id": 1, "product_id": 32, "variation_id": 33, "quantity": 3, "sku": "TEE", "name": "Tee", "meta_data": META}
ORDER = {
    "id": 40,
    "number": "40",
    "status": "processing",
    "created_via": "checkout",
    "line_items": [LINE],
    "refunds": [],
    "meta_data": META,
    **STAMPS,
}
PRODUCT = {"id": 33, "parent_id": 32, "type": "variation", "name": "S", "sku": "TEE", "manage_stock": True, "stock_quantity": 4, **STAMPS}
REFUND = {
    "date_created_gmt": "2026-11-21T11:00:00",
    "line_items": [{"quantity": -1, "meta_data": [{"key": "_refunded_item_id", "value": "1"}]}],
}

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["9999-12-31T23:59:59", "0001-01-01T00:00:00", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def places(thing: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a document."""
    keys = thing if isinstance(thing, dict) else range(len(thing)) if isinstance(thing, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(thing[key], (*path, key))


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """The document with junk in one or two places, or a part missing."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(list(places(changed))))
        target = changed
        for key in way:
            target = target[key]
        if draw(st.booleans()) and isinstance(target, dict):
            del target[last]
        else:
            target[last] = draw(junk)
        if not list(places(changed)):
            break
    return changed


@given(spoiled(ORDER))
def test_orders(raw: Any) -> None:
    with suppress(Misunderstood):
        assert all(line.quantity >= 0 for line in snapshot(raw, 60).lines)


@given(spoiled(REFUND))
def test_refunds(raw: Any) -> None:
    with suppress(Misunderstood):
        assert all(units >= 0 for units in unshipped_refunds(ORDER, [raw]).values())


@given(spoiled(PRODUCT))
def test_listings(raw: Any) -> None:
    with suppress(Misunderstood):
        assert listing(raw).ref
        assert listing(raw, {"id": 32}).ref.startswith("32:")


@given(st.sampled_from(["order.updated", "product.updated", "product.created", "product.deleted", "x", ""]), spoiled(PRODUCT) | junk)
def test_deliveries(topic: str, raw: Any) -> None:
    sent = Delivery("woo", {"x-wc-webhook-topic": topic}, json.dumps(raw).encode(), datetime(2026, 11, 21, tzinfo=UTC))
    with suppress(Misunderstood):
        assert len(parse(sent)) == 1


@given(
    spoiled({"update": [PRODUCT, {"id": 34, "error": {"code": "x", "message": "y", "data": {"status": 400}}}]}) | junk,
    st.sampled_from([200, 400, 404, 500]),
)
def test_answers_to_a_push(body: Any, status: int) -> None:
    """Each write has an outcome, and none is OK without its product in the answer."""
    http = ScriptedHttp(*([answer(body, status)] * 3))
    writes = tuple(Write(f"w{number}", ShelfRef(f"32:{number}"), 4, 5, -1) for number in (33, 34))
    try:
        results = asyncio.run(connected(http, ManualClock()).push(Call("k", writes)))
    except ChannelError:
        assert status != 200
        return
    assert sorted(result.id for result in results) == ["w33", "w34"]
    for result in results:
        if result.outcome is Outcome.OK:
            assert status == 200
            assert any(
                row["id"] == int(result.id[1:]) and row["manage_stock"] is True
                for row in body["update"]
                if isinstance(row, dict) and "id" in row
            )


@given(
    spoiled([ORDER]) | junk,
    spoiled([PRODUCT]) | junk,
    spoiled({"endpoints": [{"args": {"status": {"enum": ["a"], "items": {"enum": ["b"]}}}}]}) | junk,
)
def test_whole_streams(orders: Any, products: Any, options: Any) -> None:
    async def run() -> None:
        with suppress(ChannelError):
            woo = connected(ScriptedHttp(answer(options), *[answer(orders)] * 3), ManualClock())
            async for page in woo.orders(Cursor()):
                assert all(reason for _, reason, _ in page.refused)
        with suppress(ChannelError):
            woo = connected(ScriptedHttp(*[answer(products)] * 2), ManualClock())
            async for found in woo.listings(Cursor()):
                assert all(reason for _, reason, _ in found.refused)
        with suppress(ChannelError):
            await connected(ScriptedHttp(answer(products)), ManualClock()).stock([ShelfRef("32:33")])
        with suppress(ChannelError):
            await connected(ScriptedHttp(answer(products)), ManualClock()).subscriptions()
        with suppress(ChannelError):
            await connected(ScriptedHttp(*[answer(options)] * 4), ManualClock()).check()

    asyncio.run(run())
