"""`counts`: a sheet is opened, printed, filled in, planned and applied; what is wrong with a file is named row by row, and nothing of it is lost."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from channelsync.ledger.database import open_database
from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops, up

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def alone(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """SKU-1, SKU-2 and SKU-3, ten of each, at one location; no daemon."""
    for module in ("channelsync.cli.store", "channelsync.shell.assemble"):
        monkeypatch.setattr(f"{module}.open_database", partial(open_database, durable=False))
    with in_background(two_shops(tmp_path, database=database_url)) as scene:
        said("apply", "--yes", scene=scene)
        yield scene


def beside(scene: Scene, name: str, content: str | None = None) -> str:
    path = scene.file.parent / name
    if content is not None:
        path.write_text(content)
    return str(path)


def on_hand(scene: Scene) -> dict[str, int]:
    return {row["sku"]: row["on_hand"] for row in said("stock", "list", scene=scene)}


def rows_of(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(path).read_text("utf-8-sig"))))


def test_a_sheet_from_opening_to_applying(alone: Scene) -> None:
    assert call("counts", "open", "--note", "shelf 1", scene=alone).stdout == "CNT-1 of main, open: 3 lines\n"
    told = call("counts", "enter", "1", "SKU-1:9", "SKU-2:10", "--by", "Ann", scene=alone).stdout
    assert told == "CNT-1: 2 entered, 2 of 3 lines are counted\n"
    assert "SKU-1: 8 counted, 9 before" in call("counts", "enter", "1", "SKU-1:8", scene=alone).stdout
    said("stock", "reserve", "SKU-1", "3", "--reference", "cart", scene=alone)
    said("stock", "fulfil", "cart", scene=alone)
    shown = call("counts", "show", "1", scene=alone).stdout
    assert all(text in shown for text in ("CNT-1 of main, open: 3 lines, 2 counted", "shelf 1", "Ann"))
    planned = call("counts", "plan", "1", scene=alone).stdout
    assert all(text in planned for text in ("SKU-1", "-2", "-3", "2 counted, 1 differ, 0 cannot be applied, 1 not counted"))
    assert "SKU-2" not in planned
    assert "SKU-2" in call("counts", "plan", "1", "--all", scene=alone).stdout
    (line,) = [row for row in said("counts", "plan", "1", scene=alone)["lines"] if row["sku"] == "SKU-1"]
    assert {name: line[name] for name in ("expected", "counted", "difference", "moved", "on_hand", "becomes")} == {
        "expected": 10, "counted": 8, "difference": -2, "moved": -3, "on_hand": 7, "becomes": 5,
    }  # fmt: skip
    refused = call("counts", "apply", "1", scene=alone, answer="n\n")
    assert (refused.exit_code, "Apply CNT-1?" in refused.output, on_hand(alone)["SKU-1"]) == (1, True, 7)
    done = call("counts", "apply", "1", scene=alone, answer="y\n").stdout
    assert "2 lines applied, 0 left, 1 not counted" in done
    assert on_hand(alone) == {"SKU-1": 5, "SKU-2": 10, "SKU-3": 10}
    (row,) = said("counts", "list", "--state", "applied", scene=alone)
    assert (row["number"], row["lines"], row["counted"], row["differing"], row["more"], row["fewer"]) == (1, 3, 2, 1, 0, 2)
    assert "CNT-1" in call("counts", "list", scene=alone).stdout
    assert "CNT-1" in call("stock", "show", "SKU-1", scene=alone).stdout
    assert call("audit", scene=alone).exit_code == 0


def test_missing_is_zero_only_where_somebody_says_so(alone: Scene) -> None:
    said("counts", "open", "SKU-1", "SKU-2", scene=alone)
    empty = call("counts", "apply", "1", "--missing-is-zero", "--yes", scene=alone)
    assert (empty.exit_code, "nothing is counted" in empty.stderr) == (1, True)
    said("counts", "enter", "1", "SKU-1:10", scene=alone)
    planned = said("counts", "plan", "1", "--missing-is-zero", scene=alone)["lines"]
    assert [(row["sku"], row["becomes"]) for row in planned] == [("SKU-1", 10), ("SKU-2", 0)]
    assert said("counts", "apply", "1", "--missing-is-zero", "--yes", scene=alone)["uncounted"] == 0
    assert on_hand(alone) == {"SKU-1": 10, "SKU-2": 0, "SKU-3": 10}


def test_a_later_count_stands_in_the_way_until_it_is_skipped(alone: Scene) -> None:
    said("counts", "open", scene=alone)
    said("counts", "enter", "1", "SKU-1:9", "SKU-2:9", scene=alone)
    said("stock", "count", "SKU-1", "8", scene=alone)
    assert "cannot be applied" in call("counts", "plan", "1", scene=alone).stdout
    refused = call("counts", "apply", "1", "--yes", scene=alone)
    assert (refused.exit_code, "counted after" in refused.stderr, "--skip" in refused.stderr) == (1, True, True)
    assert "left as it is: SKU 'SKU-1'" in call("counts", "apply", "1", "--yes", "--skip", scene=alone).stdout
    assert on_hand(alone) == {"SKU-1": 8, "SKU-2": 9, "SKU-3": 10}


def test_on_paper_a_blind_sheet_has_no_numbers(alone: Scene) -> None:
    said("counts", "open", scene=alone)
    said("counts", "open", "--blind", "--prefix", "SKU-", scene=alone)
    said("counts", "enter", "2", "SKU-1:4", scene=alone)
    seen, blind = (call("counts", "print", number, scene=alone).stdout for number in "12")
    assert [line.split() for line in seen.splitlines() if line.startswith("SKU ")] == [["SKU", "title", "expected", "counted"]]
    assert "10" in _columns(seen, "SKU-1")
    assert "expected" not in blind
    assert "10" not in [cell for sku in ("SKU-1", "SKU-2", "SKU-3") for cell in _columns(blind, sku)]
    assert _columns(blind, "SKU-1")[-1] == "4"
    assert said("counts", "show", "2", scene=alone)["lines"][1]["expected"] is None
    assert "counted by" in blind


def _columns(paper: str, sku: str) -> list[str]:
    (line,) = [line for line in paper.splitlines() if line.startswith(f"{sku} ")]
    return line.split()[1:]


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.xlsx"])
def test_a_sheet_goes_out_as_a_file_and_comes_back(alone: Scene, name: str) -> None:
    said("stock", "count", "=SKU", "7", scene=alone)
    said("counts", "open", scene=alone)
    said("counts", "enter", "1", "SKU-3:10", scene=alone)
    path = beside(alone, name)
    assert "3 lines to count; 1 are counted already" in call("counts", "print", "1", "--csv", path, scene=alone).stdout
    over = call("counts", "print", "1", "--csv", path, scene=alone)
    assert (over.exit_code, "may be filled in" in over.stderr) == (1, True)
    _fill_in(path, {"=SKU": 6, "SKU-1": 0})
    done = said("counts", "enter", "1", "--file", path, "--by", "Bob", scene=alone)
    assert (done["entered"]["counted"], done["empty"], done["problems"], done["rejects"]) == (3, 1, [], None)
    lines = {row["sku"]: (row["counted"], row["counted_by"]) for row in said("counts", "show", "1", scene=alone)["lines"]}
    assert (lines["=SKU"], lines["SKU-1"], lines["SKU-2"][0]) == ((6, "Bob"), (0, "Bob"), None)
    said("counts", "enter", "1", "SKU-1:5", scene=alone)
    assert "were entered before" in call("counts", "enter", "1", "--file", path, "--by", "Bob", scene=alone).stdout
    assert {row["sku"]: row["counted"] for row in said("counts", "show", "1", scene=alone)["lines"]}["SKU-1"] == 5
    said("counts", "apply", "1", "--yes", scene=alone)
    assert on_hand(alone) == {"SKU-1": 5, "SKU-2": 10, "SKU-3": 10, "=SKU": 6}


def _fill_in(path: str, numbers: dict[str, int]) -> None:
    """As a spreadsheet does; cells that it would run as formulas came harmless."""
    if path.endswith(".xlsx"):
        book = openpyxl.load_workbook(path)
        sheet: Any = book.active
        head = [cell.value for cell in sheet[1]]
        for row in sheet.iter_rows(min_row=2):
            assert row[0].data_type != "f"
            sku = str(row[0].value).removeprefix("'")
            row[head.index("counted")].value = numbers.get(sku)
        book.save(path)
        return
    rows = rows_of(path)
    assert [row["sku"] for row in rows if row["sku"].startswith("'")] == ["'=SKU"]
    with Path(path).open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(row | {"counted": str(numbers.get(row["sku"].removeprefix("'"), ""))} for row in rows)


def test_bad_rows_are_named_and_kept_and_the_others_entered(alone: Scene) -> None:
    said("stock", "count", "SKU-4", "1", scene=alone)
    said("bundles", "set", "KIT", "SKU-1:2", scene=alone)
    said("counts", "open", "SKU-1", "SKU-2", scene=alone)
    path = beside(
        alone,
        "bad.csv",
        "sku;counted;counted_at;counted_by;sheet\n"
        "SKU-1;9;;;CNT-1\n"
        "SKU-2;nine;;;\n"
        "NONE;1;;;\n"
        "KIT;1;;;\n"
        "SKU-3;1;;;CNT-7\n"
        "SKU-3;;;;\n"
        "SKU-4;2;;;1\n"
        "SKU-2;1,000;;;\n"
        "SKU-3;4;tomorrow;;\n"
        "SKU-3;4;2999-01-01;;\n"
        "SKU-2;3;;;\n"
        "SKU-2;4;;;\n"
        ";5;;;\n"
        "SKU-3;-1;;;\n",
    )
    result = call("counts", "enter", "1", "--file", path, "--json", scene=alone)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [(row["sku"], row["counted"], row["added"]) for row in told["entered"]["entered"]] == [("SKU-1", 9, False), ("SKU-4", 2, True)]
    why = {each["line"]: (each["column"], each["problem"]) for each in told["problems"]}
    assert {line: column for line, (column, _) in why.items()} == {
        3: "counted", 4: "sku", 5: "sku", 6: "sheet", 9: "counted", 10: "counted_at", 11: "counted_at", 12: "sku", 13: "sku", 14: "sku", 15: "counted",
    }  # fmt: skip
    for line, text in (
        (4, "no SKU 'NONE'"),
        (5, "is a bundle"),
        (6, "CNT-7"),
        (10, "no date or time"),
        (11, "has not been yet"),
        (12, "lines 12, 13"),
    ):
        assert text in why[line][1], line
    assert told["empty"] == 1
    assert told["rejects"] == f"{path}.rejected.csv"
    kept = Path(told["rejects"]).read_text().splitlines()
    assert (kept[0], len(kept)) == ("problem;sku;counted;counted_at;counted_by;sheet", 12)
    corrected = beside(alone, "corrected.csv", "\n".join([kept[0], kept[1].replace("nine", "9")]) + "\n")
    assert said("counts", "enter", "1", "--file", corrected, scene=alone)["entered"]["counted"] == 3


@pytest.mark.parametrize("daemon", [False, True])
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_file_of_which_more_is_good_by_now_is_not_entered_as_of_now(alone: Scene, daemon: bool) -> None:
    said("counts", "open", scene=alone)
    path = beside(alone, "x.csv", "sku,counted\nSKU-1,9\nNEW,3\n")
    with in_background(up(alone)) if daemon else nullcontext():
        assert call("counts", "enter", "1", "--file", path, scene=alone).exit_code == 1
        said("stock", "count", "NEW", "1", scene=alone)
        before = said("counts", "show", "1", scene=alone)["lines"]
        refused = call("counts", "enter", "1", "--file", path, scene=alone)
        assert (refused.exit_code, "entered before, when other rows of it were good" in refused.stderr) == (1, True), refused.stderr
        assert said("counts", "show", "1", scene=alone)["lines"] == before
        rest = said("counts", "enter", "1", "--file", f"{path}.rejected.csv", scene=alone)
        assert [row["sku"] for row in rest["entered"]["entered"]] == ["NEW"]
        assert said("counts", "enter", "1", "--file", path, "--again", scene=alone)["entered"]["counted"] == 2


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_column_that_is_unknown_is_told_without_an_option_that_is_not_there(alone: Scene, tmp_path: Path) -> None:
    said("counts", "open", scene=alone)
    (tmp_path / "odd.csv").write_text("sku,counted,colour\nSKU-1,4,red\n")
    told = call("counts", "enter", "CNT-1", "--file", str(tmp_path / "odd.csv"), scene=alone)
    words = " ".join((told.stderr + told.stdout).split())
    assert (told.exit_code != 0, "colour" in words, "take them out" in words, "--ignore" in words) == (True, True, True, False), words


def test_a_file_that_cannot_be_written_leaves_none(alone: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    said("counts", "open", scene=alone)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    path = beside(alone, "sheet.xlsx")
    assert "pip install" in call("counts", "print", "1", "--csv", path, scene=alone).stderr
    assert not Path(path).exists()
    assert "cannot be written" in call("counts", "print", "1", "--csv", beside(alone, "none/sheet.csv"), scene=alone).stderr
    assert said("counts", "print", "1", "--csv", beside(alone, "sheet.csv"), scene=alone)["rows"] == 3


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_program_that_is_asked_gets_one_document(alone: Scene) -> None:
    said("counts", "open", scene=alone)
    said("counts", "enter", "1", "SKU-1:9", scene=alone)
    done = call("counts", "apply", "1", "--json", scene=alone, answer="y\n")
    assert json.loads(done.stdout.removeprefix(" y\n"))["state"] == "applied", "but for the answer, which the runner types"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("sku,how many\nA,1\n", "unknown here"),
        ("sku\nA\n", "lacks counted"),
        ("sku,counted\n" + "SKU-1,1\n" * 1_001, "more than 1000 rows"),
        ("\x00", "binary"),
    ],
)
def test_what_is_no_sheet_is_refused_as_a_whole(alone: Scene, content: str, why: str) -> None:
    said("counts", "open", scene=alone)
    refused = call("counts", "enter", "1", "--file", beside(alone, "x.csv", content), scene=alone)
    assert (refused.exit_code, why in refused.stderr) == (1, True), refused.stderr
    assert said("counts", "show", "1", scene=alone)["sheet"]["counted"] == 0
    assert [each.name for each in alone.file.parent.glob("*rejected*")] == []


def test_a_file_for_a_sheet_that_is_closed_or_is_not(alone: Scene) -> None:
    path = beside(alone, "x.csv", "sku,counted\nSKU-1,1\n")
    said("counts", "open", scene=alone)
    assert call("counts", "cancel", "1", scene=alone).stdout == "CNT-1: cancelled\n"
    assert "it cannot enter" in call("counts", "enter", "1", "--file", path, scene=alone).stderr
    assert "there is no count sheet 9" in call("counts", "enter", "9", "--file", path, scene=alone).stderr
    said("counts", "open", scene=alone)
    assert "cannot be read" in call("counts", "enter", "2", "--file", beside(alone, "none.csv"), scene=alone).stderr
    for arguments in (["show", "9"], ["plan", "9"], ["print", "9"], ["apply", "9", "--yes"], ["cancel", "9"]):
        refused = call("counts", *arguments, scene=alone)
        assert (refused.exit_code, "there is no count sheet 9" in refused.stderr) == (1, True), arguments


def test_what_makes_no_sense_is_refused(alone: Scene) -> None:
    said("counts", "open", scene=alone)
    for arguments in (
        ["enter", "1"],
        ["enter", "1", "SKU-1"],
        ["enter", "1", "SKU-1:x"],
        ["enter", "1", "SKU-1:1", "--file", "x.csv"],
        ["enter", "1", "SKU-1:1", "--again"],
        ["open", "--limit", "0"],
        ["open", "--limit", "1001"],
        ["list", "--state", "lost"],
        ["print", "1", "--json"],
    ):
        assert call("counts", *arguments, scene=alone).exit_code == 2, arguments
    assert "no SKU 'NONE'" in call("counts", "enter", "1", "NONE:1", scene=alone).stderr
    assert "not both" in call("counts", "open", "SKU-1", "--prefix", "S", scene=alone).stderr
    assert "no SKU of 'main'" in call("counts", "open", "--prefix", "Z", scene=alone).stderr
    assert "has not been yet" in call("counts", "enter", "1", "SKU-1:1", "--at", "2999-01-01", scene=alone).stderr
    part = call("counts", "open", "--limit", "2", scene=alone).stdout
    assert part == "CNT-2 of main, open: 2 lines\nthere are more: --after SKU-2\n"
    assert said("counts", "open", "--limit", "2", "--after", "SKU-2", scene=alone)["lines"] == 1
    assert said("counts", "enter", "1", "SKU-1:1", "SKU-2:2", scene=alone)["counted"] == 2
    assert "SKU-1: not counted, 1 before" in call("counts", "enter", "1", "SKU-1:-", scene=alone).stdout


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_daemon_does_the_same(alone: Scene) -> None:
    with in_background(up(alone)):
        assert said("counts", "open", "--key", "k", scene=alone)["number"] == 1
        assert said("counts", "open", "--key", "k", scene=alone)["repeat"] is True
        path = beside(alone, "x.csv", "sku,counted\nSKU-1,9\n")
        assert said("counts", "enter", "1", "--file", path, scene=alone)["entered"]["counted"] == 1
        assert said("counts", "apply", "1", "--yes", scene=alone)["state"] == "applied"
        assert on_hand(alone)["SKU-1"] == 9
