"""What the connector believes its documents cost is what the arithmetic says, and none is too dear to run."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import parse, validate

from channelsync.testing.standins.shopify.admin import COST_MAX
from channelsync.testing.standins.shopify.cost import compile_cost
from channelsync.testing.standins.shopify.schema import schema
from channelsync_shopify import documents
from channelsync_shopify.documents import Operation

LARGEST: list[tuple[Operation, dict[str, Any]]] = [
    (documents.HEALTH, {}),
    (documents.LOCATIONS, {}),
    (documents.LISTINGS, {"first": documents.LISTINGS_PAGE}),
    (documents.PLACES, {"ids": ["x"] * documents.PLACES_MAX}),
    (documents.ORDER_PLACES, {}),
    (documents.ORDER_SHIPMENTS, {}),
    (documents.ORDER_RETURNS, {}),
    (documents.CHECKUP, {}),
    (documents.VARIANTS_CHECKUP, {}),
    (documents.STOCK, {"ids": ["x"] * documents.READINGS_MAX}),
    (documents.ORDERS, {"first": documents.ORDERS_PAGE}),
    (documents.ORDER, {}),
    (documents.with_destination(documents.ORDERS), {"first": documents.ORDERS_PAGE}),
    (documents.with_destination(documents.ORDER), {}),
    (documents.ORDER_LINES, {}),
    (documents.ORDER_REFUNDS, {}),
    (documents.REFUND_LINES, {}),
    (documents.SET_AVAILABLE, {}),
    (documents.POLICIES, {"ids": ["x"] * documents.POLICIES_MAX}),
    (documents.SET_POLICIES, {}),
    (documents.SUBSCRIPTIONS, {}),
    (documents.SUBSCRIBE, {}),
    (documents.BULK_RUN, {}),
    (documents.BULK_STATUS, {}),
    (documents.VARIANTS_COUNT, {}),
]


@pytest.mark.parametrize(
    ("operation", "variables"), LARGEST, ids=[f"{operation.name}{number}" for number, (operation, _) in enumerate(LARGEST)]
)
def test_the_declared_cost_is_the_documented_one(operation: Operation, variables: dict[str, Any]) -> None:
    document = parse(operation.text)
    assert validate(schema(), document) == []
    assert operation.cost(variables) == compile_cost(schema(), document)(variables)
    assert operation.cost(variables) <= COST_MAX


def test_each_document_is_one_operation_and_all_are_here() -> None:
    from pathlib import Path

    folder = Path(documents.__file__).parent / "graphql"
    assert {path.stem for path in folder.glob("*.graphql")} == {operation.name for operation, _ in LARGEST}
    assert all(len(parse(path.read_text()).definitions) == 1 for path in folder.glob("*.graphql"))


def test_no_document_asks_for_a_customer() -> None:
    """Nor for an address, unless the settings say so; of that nothing that names a person or a house."""
    for operation, _ in LARGEST:
        text = operation.text.replace(documents.DESTINATION, "")
        for word in ("customer {", "email", "phone", "Address", "clientIp", "note\n"):
            assert word not in text
    assert not {"name", "address1", "address2", "city", "phone", "company"} & set(documents.DESTINATION.split())
    assert documents.DESTINATION not in documents.ORDERS.text + documents.ORDER.text


def test_what_the_documents_ask_for_is_what_the_reader_counts_with() -> None:
    assert f"refunds(first: {documents.REFUNDS_IN_PAGE})" in documents.ORDERS.text
    assert f"refunds(first: {documents.REFUNDS_IN_ORDER})" in documents.ORDER.text
    assert f"refunds(first: {documents.REFUNDS_MAX})" in documents.ORDER_REFUNDS.text
    assert f"fulfillments(first: {documents.PARCELS_IN_PAGE})" in documents.PLACES.text
    assert f"fulfillments(first: {documents.PARCELS_MAX})" in documents.ORDER_SHIPMENTS.text


@pytest.mark.parametrize("count", [1, 2, 10, 200])
def test_a_page_of_listings_fits_however_many_locations_it_asks_for(count: int) -> None:
    refs = [f"gid://shopify/Location/{number}" for number in range(count)]
    operation, variables = documents.listings(refs), {"first": documents.listings_page(refs)}
    document = parse(operation.text)
    assert validate(schema(), document) == []
    assert operation.cost(variables) == compile_cost(schema(), document)(variables)
    assert operation.cost(variables) <= COST_MAX
    assert documents.listings_page(refs) >= 1
