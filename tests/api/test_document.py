"""The OpenAPI document says everything a program needs: names, words, examples, errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from channelsync.ledger.refusals import Refusal
from channelsync.ledger.together import LineRefused
from channelsync.ledger.tokens import Scope
from channelsync.shell.api import problems
from channelsync.shell.api.app import COMMON, PREFIX, TAGS, build
from channelsync.shell.api.problems import MEDIA_TYPE

DOCUMENT = build().openapi()
PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_has_its_name_its_tag_and_its_words() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(ids) == len(set(ids)) > 40
    known = {tag["name"] for tag in TAGS}
    for name, operation in operations():
        assert PREFIX.replace("/", "_") not in operation["operationId"], f"{name}: a made-up id changes with its path"
        assert set(operation["tags"]) <= known, name
        assert operation["summary"], name
        assert operation["description"], name


def test_every_operation_tells_how_it_says_no() -> None:
    for name, operation in operations():
        for status in COMMON:
            assert MEDIA_TYPE in operation["responses"][str(status)]["content"], (name, status)
        assert "Retry-After" in operation["responses"]["429"]["headers"], name
        assert operation["security"], name


def test_every_parameter_and_every_field_of_a_request_is_explained() -> None:
    for name, operation in operations():
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
    schemas = DOCUMENT["components"]["schemas"]
    asked = {name: schema for name, schema in schemas.items() if name.endswith("In")}
    assert len(asked) > 15
    for name, schema in asked.items():
        for field, told in schema["properties"].items():
            assert "description" in str(told) or "$ref" in str(told), (name, field)


def test_every_write_takes_a_key() -> None:
    for name, operation in operations():
        if name.startswith("POST"):
            assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]], name


def test_the_page_names_every_address_and_every_scope() -> None:
    said = PAGE.replace("`", "")
    for path in DOCUMENT["paths"]:
        below = path.removeprefix(PREFIX).removesuffix("/batch")
        last = below.rpartition("/")[2]
        assert below in said or last in said, path
    assert all(f"`{scope}`" in PAGE for scope in Scope)


def refusals(of: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for each in of.__subclasses__():
        yield each
        yield from refusals(each)


def test_the_page_names_every_code_of_a_refusal_and_its_status() -> None:
    """All that the daemon can refuse with: the API imports the verbs that do. A refused line is told with the code of its own reason."""
    codes = {each.code for each in refusals() if each.__module__.startswith("channelsync.")} - {LineRefused.code}
    assert {"insufficient_stock", "wrong_state", "unknown_document", "more_than_waits"} <= codes
    rows = dict(line.strip("| ").split(" | ", 1) for line in PAGE.splitlines() if re.match(r"\| [0-9]{3}", line))
    assert [code for code in sorted(codes) if f"`{code}`" not in rows[str(problems.status_of(code))]] == []
