"""The OpenAPI document against the application: whatever a program sends that the document allows, or nearly allows, the answer is one that the
document tells of (status, content type, body), and never a server error.

Sixty requests for each operation on SQLite, and a few on PostgreSQL; CHANNELSYNC_SCHEMA_EXAMPLES says how many on both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.conftest import Api
from channelsync.ledger.database import open_database
from channelsync.shell.api.app import build
from channelsync.shell.api.importing import XLSX
from support.clock import ManualClock

EXAMPLES = {"sqlite": 60, "postgresql": 9}
if "CHANNELSYNC_SCHEMA_EXAMPLES" in os.environ:
    EXAMPLES = dict.fromkeys(EXAMPLES, int(os.environ["CHANNELSYNC_SCHEMA_EXAMPLES"]))
TIMES = {"/api/v1/import/{kind}": 3}
"""Where it takes more requests until one is right: most tables are not of the kind that the path says."""
LIKELY: dict[str, list[Any]] = {
    "sku": ["MUG-01", "MUG-02"],
    "location": ["main", "annex"],
    "origin": ["main"],
    "destination": ["annex"],
    "channel": ["shop"],
    "name": ["shop"],
    "reference": ["cart-4711"],
    "reservation": [1, 2],
    "quantity": [1, 2],
    "changed_since": ["m1", "2026-01-15T12:00:00Z"],
    "number": [1, 2, 3],
    "supplier": ["ACME"],
    "at": ["2026-01-15T12:00:00Z"],
    "as_of": ["2026-01-15T12:00:00Z"],
    "ref": ["order-1001", "item-1"],
    "order": ["order-1001"],
}
"""What exists in the store: without it nearly every answer would be that there is no such thing."""


def known(document: dict[str, Any]) -> dict[str, Any]:
    """The document as it reads to somebody who only asks for what exists. What answers look like is not touched."""
    schemas = document["components"]["schemas"]
    narrowed = {name: _narrow(schema) if name.endswith("In") else schema for name, schema in schemas.items()}
    return {**_narrow(document), "components": {**document["components"], "schemas": narrowed}}


def _narrow(node: Any) -> Any:
    if isinstance(node, list):
        return [_narrow(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "in" in node and node.get("name") in LIKELY:
        return {**node, "schema": {"enum": LIKELY[node["name"]]}}
    found = {key: _narrow(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict):
        found["properties"] = {
            key: {"enum": LIKELY[key]} if key in LIKELY and set(value) != {"type"} else _narrow(value)
            for key, value in node["properties"].items()
        }
    return found


TABLES = st.sampled_from(
    [
        b"sku,location,on_hand\r\nMUG-01,main,12\r\nNEW,annex,x\r\n",
        b"sku,location,adjust,reason\nMUG-01,main,-1,lost\n",
        b"sku;title;cost\nMUG-02;A mug;3.20\n",
        b"channel,ref,sku,pack\nshop,item-1,MUG-01,6\n",
        b"order,reference,supplier,location,sku,quantity\nPO-1,,,,MUG-01,7\n,A-1,ACME,main,MUG-02,5\n,A-1,,,MUG-02,1\n",
    ]
)
schemathesis.openapi.media_type("text/csv", TABLES | st.binary(max_size=200))
schemathesis.openapi.media_type(XLSX, st.sampled_from([b"PK\x03\x04", b""]) | st.binary(max_size=200))

ENOUGH = 60
"""So many examples must find one that goes well."""
DOCUMENT = build().openapi()
OPERATIONS = [(method.upper(), path) for path, operations in DOCUMENT["paths"].items() for method in operations]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REQUEST = ("method", "url", "headers", "params", "json", "data", "cookies")


@pytest.fixture
def stocked(database_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A store in which the examples of the document exist."""
    monkeypatch.setattr("channelsync.shell.assemble.open_database", partial(open_database, durable=False))
    api = Api(tmp_path, database_url, clock)
    api.open_shop(**{"MUG-01": 40, "MUG-02": 3})
    api.shop.buy({"MUG-01": 2})
    api.post("/channels/shop/sync", {})
    api.post("/inventory/reserve", {"reference": "cart-4711", "lines": [{"sku": "MUG-01", "location": "main", "quantity": 3}]})
    api.post("/inventory/return", {"sku": "MUG-01", "location": "main", "quantity": 9})
    _buy(api)
    _move(api)
    _count(api)
    _send_back(api)
    yield api
    api.close()


def _buy(api: Api) -> None:
    """Purchase order 1 is a draft, 2 is ordered, 3 has arrived in part."""
    api.post("/suppliers", {"code": "ACME", "lead_days": 7})
    lines = [{"sku": "MUG-01", "quantity": 900}, {"sku": "MUG-02", "quantity": 900}]
    for number in (1, 2, 3):
        assert api.post("/purchase-orders", {"location": "main", "supplier": "ACME", "lines": lines})["number"] == number
        if number > 1:
            api.post(f"/purchase-orders/{number}/order", {})
    api.post("/purchase-orders/3/receive", {"lines": [{"sku": "MUG-01", "quantity": 1}]})


def _move(api: Api) -> None:
    """Transfer 1 is a draft, 2 is in transit, 3 has arrived in part."""
    asked = {"origin": "main", "destination": "annex", "lines": [{"sku": "MUG-01", "quantity": 6}, {"sku": "MUG-02", "quantity": 1}]}
    for number in (1, 2, 3):
        assert api.post("/transfers", asked)["number"] == number
        if number > 1:
            api.post(f"/transfers/{number}/ship", {})
    api.post("/transfers/3/receive", {"lines": [{"sku": "MUG-01", "quantity": 1}]})


def _count(api: Api) -> None:
    """Sheets 1 and 2 can be applied, of sheet 3 nothing is counted."""
    for number in (1, 2, 3):
        assert api.post("/counts", {"location": "main"})["number"] == number
        if number < 3:
            api.post(f"/counts/{number}/enter", {"lines": [{"sku": "MUG-01", "quantity": 30}]})


def _send_back(api: Api) -> None:
    """Returns 1 and 3 are expected, 2 has arrived in part."""
    lines = [{"sku": "MUG-01", "quantity": 900}, {"sku": "MUG-02", "quantity": 900}]
    for number in (1, 2, 3):
        assert api.post("/returns", {"location": "main", "lines": lines})["number"] == number
    api.post("/returns/2/receive", {"lines": [{"sku": "MUG-01", "quantity": 800}]})


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path.removeprefix('/api/v1')}" for method, path in OPERATIONS])
def test_every_answer_is_one_that_the_document_tells_of(stocked: Api, dialect: str, method: str, path: str) -> None:
    """A third each: what the document allows, what it allows and exists, and what it does not allow."""
    third = -(-EXAMPLES[dialect] * TIMES.get(path, 1) // 3)
    statuses = _send(stocked, DOCUMENT, method, path, GenerationMode.POSITIVE, third)  # its examples exist: one may use up what is there
    statuses |= _send(stocked, known(DOCUMENT), method, path, GenerationMode.POSITIVE, third)
    assert 200 in statuses or EXAMPLES[dialect] < ENOUGH, f"no request was right: {statuses}"
    _send(stocked, DOCUMENT, method, path, GenerationMode.NEGATIVE, third)


def test_a_request_too_many_is_answered_as_the_document_tells(
    database_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channelsync.shell.assemble.open_database", partial(open_database, durable=False))
    api = Api(tmp_path, database_url, clock, api={"per_second": 0.001, "burst": 1})
    try:
        assert 429 in _send(api, DOCUMENT, "GET", "/api/v1/inventory/stats", GenerationMode.POSITIVE, 5)
    finally:
        api.close()


def _send(api: Api, document: dict[str, Any], method: str, path: str, mode: GenerationMode, examples: int) -> set[int]:
    """The statuses that came back."""
    operation = schemathesis.openapi.from_dict(document)[path][method]
    odd = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]
    statuses: set[int] = set()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=odd, phases=[Phase.generate])
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://desk.test", headers={"authorization": f"Bearer {api.token}"})
        response = api.send(**_for_httpx(sent))
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    answers()
    return statuses


def _for_httpx(sent: dict[str, Any]) -> dict[str, Any]:
    """Prepared once by the library the cases are made for, so that what is odd in them stays odd."""
    wanted = requests.Request(**{name: value for name, value in sent.items() if name in REQUEST}).prepare()
    return {"method": wanted.method, "url": wanted.url, "headers": dict(wanted.headers), "content": wanted.body}
