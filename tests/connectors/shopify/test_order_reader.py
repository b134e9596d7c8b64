"""Reading the order list and single orders: bounds, marks, pages, and that nothing is cut in silence."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Cursor, Gone, OrderSnapshot, Page
from channelsync.errors import Misunderstood, Unavailable
from channelsync_shopify import documents
from channelsync_shopify.order_places import OrderPlaces
from support.shopify import Replay, answer, health, page, replayed, run
from support.shopify_orders import UPDATED, line, order, refund, refund_line

LATER = Cursor(high_water="2026-01-15T10:30:00+00:00")


def read(shop: Any, cursor: Cursor | None = None, **more: Any) -> list[Page[OrderSnapshot]]:
    async def drain() -> list[Page[OrderSnapshot]]:
        return [each async for each in shop.orders(cursor or Cursor(), **more)]

    return run(drain())


def orders(*nodes: Any, end_cursor: str | None = None, **more: Any) -> Any:
    return answer({"orders": page(nodes, end_cursor)}, **more)


def asked(http: Replay) -> list[str]:
    names = {operation.text: operation.name for operation in vars(documents).values() if isinstance(operation, documents.Operation)}
    return [names[http.body(index)["query"]] for index in range(len(http.asked))]


def test_a_first_run_reads_what_can_still_change_and_leaves_the_shops_clock() -> None:
    shop, http = replayed(
        orders(order(number=1), end_cursor="c1", date="Thu, 15 Jan 2026 12:00:00 GMT"),
        orders(order(number=2, updatedAt="2026-01-15T12:00:03Z"), date="Thu, 15 Jan 2026 12:00:05 GMT"),
        orders(order(number=3), date="Thu, 15 Jan 2026 12:00:06 GMT"),
        orders(date="Thu, 15 Jan 2026 12:00:07 GMT"),
    )
    pages = read(shop)
    searches = [(http.variables(index)["query"], http.variables(index)["after"]) for index in range(4)]
    archived = "status:closed fulfillment_status:"
    assert searches == [("status:open", None), ("status:open", "c1"), (f"{archived}unshipped", None), (f"{archived}partial", None)]
    assert [[each.ref.rpartition("/")[2] for each in one.items] for one in pages] == [["1"], ["2"], ["3"], []]
    assert [one.high_water for one in pages] == [None, None, None, "2026-01-15T12:00:00+00:00"], (
        "before the first answer, whatever came later"
    )


def test_a_first_run_that_broke_goes_on_with_the_search_it_was_at() -> None:
    shop, _ = replayed(orders(order(number=1)), Unavailable("gone"))

    async def first_page() -> Page[OrderSnapshot]:
        return await anext(shop.orders(Cursor()))

    resume = run(first_page()).resume
    shop, http = replayed(orders(order(number=2)), orders())
    assert read(shop, Cursor(resume=resume))[-1].high_water == "2026-01-15T12:00:00+00:00"
    assert [http.variables(index)["query"].rpartition(":")[2] for index in range(2)] == ["unshipped", "partial"]


def test_an_empty_shop_leaves_a_mark_too() -> None:
    shop, _ = replayed(orders(), orders(), orders())
    last = read(shop)[-1]
    assert last == Page((), high_water="2026-01-15T12:00:00+00:00")


def test_a_later_run_looks_back_by_the_overlap_with_a_closed_bound() -> None:
    shop, http = replayed(orders())
    read(shop, Cursor(high_water="2026-01-15T12:00:00+00:00"))
    assert http.variables()["query"] == "updated_at:>='2026-01-15T11:50:00Z'"


def test_widen_looks_further_back() -> None:
    shop, http = replayed(orders())
    read(shop, Cursor(high_water="2026-01-15T12:00:00+00:00"), widen=timedelta(days=2))
    assert http.variables()["query"] == "updated_at:>='2026-01-13T11:50:00Z'"


def test_the_mark_is_the_newest_change_seen_and_never_goes_back() -> None:
    before = "2026-01-15T10:30:00+00:00"
    shop, _ = replayed(orders(order(number=1, updatedAt="2026-01-15T11:00:00Z"), order(number=2, updatedAt="2026-01-15T10:59:00Z")))
    assert read(shop, Cursor(high_water=before))[-1].high_water == "2026-01-15T11:00:00+00:00"
    shop, _ = replayed(orders(order(updatedAt="2026-01-15T10:00:00Z")))
    assert read(shop, Cursor(high_water=before))[-1].high_water == before
    shop, _ = replayed(orders())
    assert read(shop, Cursor(high_water=before))[-1].high_water == before


def test_a_broken_run_goes_on_with_the_same_search() -> None:
    shop, _ = replayed(orders(order(number=1), end_cursor="c1"), Unavailable("gone"))

    async def first_half() -> Page[OrderSnapshot]:
        pages = shop.orders(Cursor(high_water="2026-01-15T10:30:00+00:00"))
        first = await anext(pages)
        with pytest.raises(Unavailable):
            await anext(pages)
        return first

    first = run(first_half())
    shop, http = replayed(orders(order(number=2, updatedAt="2026-01-15T10:45:00Z")))
    last = read(shop, Cursor(resume=first.resume), widen=timedelta(days=9))[-1]
    assert http.variables() == {"first": documents.ORDERS_PAGE, "after": "c1", "query": "updated_at:>='2026-01-15T10:20:00Z'"}
    assert last.high_water == "2026-01-15T11:00:00+00:00", "what the first half had seen counts"


@pytest.mark.parametrize("cursor", [Cursor(resume="x"), Cursor(resume="[]"), Cursor(resume='{"page": 3}'), Cursor(high_water="yesterday")])
def test_a_mark_that_is_not_ours_is_said_to_be_so(cursor: Cursor) -> None:
    shop, http = replayed()
    with pytest.raises(Misunderstood):
        read(shop, cursor)
    assert http.asked == []


def test_one_bad_order_is_set_aside_and_the_page_goes_on() -> None:
    bad = order(line(gone=0), number=2, refunds=(refund(refund_line(9, "CANCEL")),))
    shop, _ = replayed(orders(order(number=1), bad, {"id": "gid://shopify/Order/3"}, order(number=4)))
    (only,) = read(shop, LATER)
    assert [each.ref for each in only.items] == ["gid://shopify/Order/1", "gid://shopify/Order/4"]
    assert [ref for ref, _, _ in sorted(only.refused)] == ["gid://shopify/Order/2", "gid://shopify/Order/3"]
    _, reason, raw = min(only.refused)
    assert "does not add up" in reason
    assert json.loads(raw) == bad


def test_a_page_without_its_parts_is_no_page() -> None:
    answers: list[dict[str, Any]] = [
        {},
        {"orders": None},
        {"orders": {"nodes": []}},
        {"orders": {"nodes": None, "pageInfo": {"hasNextPage": False}}},
    ]
    for data in answers:
        shop, _ = replayed(answer(data))
        with pytest.raises(Misunderstood):
            read(shop)


def test_a_cursor_that_does_not_move_ends_in_an_error() -> None:
    shop, _ = replayed(orders(order(), end_cursor="c1"), orders(order(), end_cursor="c1"))
    with pytest.raises(Misunderstood, match="no way on"):
        read(shop)


def test_more_lines_than_fit_are_read_to_the_end() -> None:
    lines = [line(number) for number in range(1, 400)]
    whole = order(*lines[:100], more="l100")
    part = answer({"order": {"updatedAt": UPDATED, "lineItems": page(lines[100:350], "l350")}})
    rest = answer({"order": {"updatedAt": UPDATED, "lineItems": page(lines[350:])}})
    shop, http = replayed(orders(order(*lines[:10], more="l10")), answer({"order": whole}), part, rest)
    (only,) = read(shop, LATER)
    assert [each.ref.partition("@")[0] for each in only.items[0].lines] == [each["id"] for each in lines]
    assert asked(http) == ["orders", "order", "order_lines", "order_lines"]
    assert http.variables(2) == {"id": "gid://shopify/Order/1", "after": "l100"}


def test_as_many_refunds_as_asked_for_may_have_been_cut() -> None:
    three = tuple(refund(refund_line(1, "CANCEL"), number=number) for number in range(1, 4))
    four = (*three, refund(refund_line(1, "CANCEL"), number=4))
    shop, http = replayed(
        orders(order(line(quantity=9, gone=4), refunds=three)), answer({"order": order(line(quantity=9, gone=4), refunds=four)})
    )
    (only,) = read(shop, LATER)
    assert only.items[0].lines[0].cancelled == 4
    assert asked(http) == ["orders", "order"]


def test_refunds_beyond_twenty_are_listed_and_read_one_by_one() -> None:
    refunds = tuple(refund(refund_line(1, "CANCEL"), number=number) for number in range(1, 21))
    stubs = [{"id": each["id"], "createdAt": each["createdAt"]} for each in refunds]
    stubs.append({"id": "gid://shopify/Refund/21", "createdAt": "2026-01-15T10:40:00Z"})
    head = order(line(quantity=30, gone=22), refunds=refunds)
    shop, http = replayed(
        answer({"order": head}),
        answer({"order": {"updatedAt": UPDATED, "refunds": stubs}}),
        answer({"refund": {"refundLineItems": page([refund_line(1, "CANCEL")], "r1")}}),
        answer({"refund": {"refundLineItems": page([refund_line(1, "CANCEL")])}}),
    )
    found = run(shop.order("gid://shopify/Order/1"))
    assert isinstance(found, OrderSnapshot)
    assert found.lines[0].cancelled == 22
    assert asked(http) == ["order", "order_refunds", "refund_lines", "refund_lines"]
    assert [http.variables(index)["after"] for index in (2, 3)] == [None, "r1"]


def test_refund_lines_that_were_cut_are_completed() -> None:
    cut = refund(refund_line(1, "CANCEL"), more="r1")
    shop, _ = replayed(
        orders(order(line(gone=3), refunds=(cut,))),
        answer({"order": order(line(gone=3), refunds=(cut,))}),
        answer({"refund": {"refundLineItems": page([refund_line(2, "CANCEL")])}}),
    )
    assert read(shop, LATER)[0].items[0].lines[0].cancelled == 3


def test_more_refunds_than_shopify_lists_are_not_guessed() -> None:
    refunds = tuple(refund(number=number) for number in range(1, 21))
    stubs = [{"id": f"gid://shopify/Refund/{number}", "createdAt": UPDATED} for number in range(250)]
    shop, _ = replayed(answer({"order": order(refunds=refunds)}), answer({"order": {"updatedAt": UPDATED, "refunds": stubs}}))
    with pytest.raises(Misunderstood, match="250 refunds"):
        run(shop.order("gid://shopify/Order/1"))


def test_an_order_that_changes_between_its_parts_is_read_again_later() -> None:
    part = answer({"order": {"updatedAt": "2026-01-15T11:00:01Z", "lineItems": page([line(101)])}})
    shop, _ = replayed(answer({"order": order(more="l1")}), part)
    with pytest.raises(Unavailable, match="changed while"):
        run(shop.order("gid://shopify/Order/1"))


def test_a_broken_answer_in_the_middle_breaks_the_page_and_sets_nothing_aside() -> None:
    shop, _ = replayed(orders(order(number=1), order(number=2, more="l1")), answer(status=502))
    with pytest.raises(Unavailable):
        read(shop)
    shop, _ = replayed(orders(order(number=1), order(number=2, more="l1")), answer(errors=[{"message": "odd"}]))
    with pytest.raises(Misunderstood):
        read(shop)


def test_an_order_that_vanished_meanwhile_is_left_out() -> None:
    shop, _ = replayed(orders(order(number=1, more="l1"), order(number=2)), answer({"order": None}))
    (only,) = read(shop, LATER)
    assert [each.ref for each in only.items] == ["gid://shopify/Order/2"]


def test_an_order_that_is_deleted_while_its_places_are_asked_for_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(self: OrderPlaces, wanted: Any) -> list[Any]:
        return []

    monkeypatch.setattr(OrderPlaces, "of", none)
    shop, _ = replayed(answer({"order": order(number=7)}), health(scopes=("read_all_orders",)))
    assert run(shop.order("gid://shopify/Order/7")) == Gone("gid://shopify/Order/7")


def test_gone_is_what_the_shop_says_and_nothing_else() -> None:
    shop, http = replayed(answer({"order": None}), health(scopes=("read_all_orders",)))
    assert run(shop.order("gid://shopify/Order/7")) == Gone("gid://shopify/Order/7")
    assert http.variables(0) == {"id": "gid://shopify/Order/7"}
    for given in (answer({}), answer({"order": None}, errors=[{"message": "odd"}]), answer(status=404)):
        shop, _ = replayed(given)
        with pytest.raises(Exception, match=r".") as caught:
            run(shop.order("gid://shopify/Order/7"))
        assert not isinstance(caught.value, AssertionError)
