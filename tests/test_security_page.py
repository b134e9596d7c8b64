"""docs/security.md promises nothing that no test shows: every test it names exists, and every number of the list is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
FILES = sorted(set(re.findall(r"`((?:shell|contract|ledger|systemd|tests)/[\w/@.]+\.(?:py|service))`", PAGE)))


def _tests_of(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_it_names_tests() -> None:
    assert len(NAMED) > 40
    assert PAGE.count("::test_") == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", PAGE)), "one of them is written another way"


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_it_names_exists(file: str, test: str) -> None:
    assert test in _tests_of(ROOT / file)


@pytest.mark.parametrize("file", FILES)
def test_every_file_it_names_exists(file: str) -> None:
    assert (ROOT / file).exists() or (ROOT / "src" / "channelsync" / file).exists()


def test_every_number_of_the_list_is_there_once_and_in_order() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. \*\*", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, 21))


def test_each_number_names_a_test_or_says_why_not() -> None:
    items = re.split(r"^\d+\. (?=\*\*)", PAGE.partition("## Replacing")[0], flags=re.MULTILINE)[1:]
    bare = [item[:40] for item in items if "::test_" not in item and "not applicable yet" not in item and "S608" not in item]
    assert not bare
