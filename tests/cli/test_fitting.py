"""Tables at the width of a screen: between two words, without lines, without what may be left out, and only then within a word."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from channelsync.cli.fitting import fitted
from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops

SUGGESTED = ("SKU", "location", "supplier", "a day#?", "available#", "incoming#", "days left#", "lead days#?", "level?", "order#")


def drawn(names: tuple[str, ...], rows: list[list[str]], room: int) -> tuple[str, tuple[str, ...]]:
    console = Console(width=room, highlight=False, color_system=None)
    table, left_out = fitted("A table", names, rows, room)
    with console.capture() as seen:
        console.print(table)
    return seen.get(), left_out


def test_there_is_room() -> None:
    text, left_out = drawn(("SKU", "a day#"), [["MUG-01", "1.25"]], 80)
    assert "│ MUG-01 │  1.25 │" in text
    assert left_out == ()


def test_headers_and_cells_go_on_between_two_words() -> None:
    text, left_out = drawn(("lead days#", "what?"), [["7", "some words of some length"]], 24)
    lines = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in text.splitlines() if re.match("[│┃]", line)]
    assert lines == [["lead", ""], ["days", "what"], ["7", "some words of"], ["", "some length"]]
    assert left_out == ()


def test_then_lines_are_left_out_and_then_columns_those_without_anything_first() -> None:
    row = ["MUG-01", "main", "ACME", "1.25", "12", "0", "9", "14", "low", "48"]
    text, left_out = drawn(SUGGESTED, [row], 80)
    assert ("│" in text, left_out) == (False, ())
    assert all(word in text.split() for word in (*row, "location", "available", "incoming", "level", "lead", "days"))
    assert drawn(SUGGESTED, [row], 74)[1] == ("level",)
    assert drawn(SUGGESTED, [row], 70)[1] == ("lead days", "level")
    assert drawn(SUGGESTED, [[*row[:3], "0", *row[4:]]], 74)[1] == ("a day",)


def test_at_last_the_longest_words_are_folded_and_nothing_is_cut() -> None:
    ref = "gid://shopify/InventoryItem/445566778899001"
    text, _ = drawn(("ref", "available#"), [[ref, "7"]], 30)
    assert "".join(line[:19].strip() for line in text.splitlines()[3:]) == ref
    assert "available" in text


WORDS = st.text("abcX-12é界", min_size=1, max_size=9)
CELLS = st.lists(WORDS, max_size=4).map(" ".join)
NAMES = st.lists(
    st.tuples(CELLS.filter(bool), st.sampled_from(["", "#", "?", "#?"])), min_size=1, max_size=9, unique_by=lambda each: each[0]
)


@settings(max_examples=200, deadline=None)
@given(names=NAMES, data=st.data(), room=st.integers(60, 100))
def test_no_line_is_too_long_and_nothing_is_lost(names: list[tuple[str, str]], data: st.DataObject, room: int) -> None:
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=3))
    text, left_out = drawn(tuple(name + marks for name, marks in names), rows, room)
    assert all(cell_len(line.rstrip()) <= room for line in text.splitlines())
    assert set(left_out) <= {name for name, marks in names if "?" in marks}
    kept = [place for place, (name, _) in enumerate(names) if name not in left_out]
    wanted = Counter("".join([names[place][0] for place in kept] + [row[place] for row in rows for place in kept]).replace(" ", ""))
    assert wanted <= Counter(text)


USUAL = {
    "SKU": 14,
    "location": 9,
    "supplier": 9,
    "channel": 8,
    "reference": 12,
    "expected": 10,
    "since": 10,
    "by": 12,
    "title": 8,
    "ref": 16,
    "state": 9,
}
"""Characters of the longest word that usually stands in such a column; 4 in others."""


def test_no_table_of_a_command_needs_more_than_80_columns() -> None:
    """With usual words in it, and without the columns that may be left out. A wider one must mark more of them with ?."""
    seen = 0
    for file in sorted((Path(__file__).parents[2] / "src/channelsync/cli").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Tuple):
                continue
            names = [each.value for each in node.elts if isinstance(each, ast.Constant)]
            if len(names) < 4 or not any(str(name).endswith(("#", "#?")) for name in names):
                continue
            seen += 1
            kept = [str(name).rstrip("#") for name in names if not str(name).endswith("?")]
            widths = [max(USUAL.get(name, 4), *(len(word) for word in name.split() or [""])) for name in kept]
            assert sum(widths) + 2 * (len(kept) - 1) <= 80, f"{file.name}, line {node.lineno}: {names}"
    assert seen > 15


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with in_background(two_shops(tmp_path, currency="CHF", dials={"units": 1})) as made:
        said("apply", "--yes", scene=made)
        yield made


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_suggestions_on_a_screen_of_80_columns(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said("suppliers", "set", "WIDGETWORKS", "--lead-days", "14", scene=scene)
    for number in (1, 2, 3):
        said("suppliers", "supply", f"SKU-{number}", "WIDGETWORKS", "--multiple", "12", scene=scene)
        said("stock", "reorder", f"SKU-{number}", "--low", "900", "--reorder", "1200", scene=scene)
    text = call("po", "suggest", scene=scene).stdout
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    words = text.split()
    for word in ("SKU", "location", "supplier", "available", "incoming", "order", "SKU-1", "main", "WIDGETWORKS", "1200"):
        assert word in words, text
