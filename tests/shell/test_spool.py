"""Long answers: what is put down comes back, section by section, and is one JSON document in the end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from channelsync.shell import spool as spools
from channelsync.shell.spool import Long, Spool, whole


@dataclass(frozen=True)
class Row:
    name: str
    units: int


@pytest.mark.parametrize("rows", [0, 1, 3, 5_000])
@pytest.mark.parametrize("held", [10, 10_000_000])
def test_rows_come_back_in_order_however_many(monkeypatch: pytest.MonkeyPatch, rows: int, held: int) -> None:
    monkeypatch.setattr(spools, "HELD", held)
    spool = Spool(["first", "second", "third"])
    spool.begin()
    for number in range(rows):
        spool.add("first", Row(f"größe {number}", number))
    spool.add("third", Row('a "b"\n', -1))
    spool.end()
    answer = Long(spool, {"left": rows, "trouble": {"shop": "no\nanswer"}})
    expected = {
        "first": [{"name": f"größe {number}", "units": number} for number in range(rows)],
        "second": [],
        "third": [{"name": 'a "b"\n', "units": -1}],
        "left": rows,
        "trouble": {"shop": "no\nanswer"},
    }
    assert whole(answer) == expected
    pieces = list(answer.document())
    assert json.loads("".join(pieces)) == expected
    assert max(map(len, pieces)) < 2 * spools.PIECE
    assert len(list(answer.wire())) < 20, "not a line at a time"


def test_what_begins_again_has_forgotten_the_rows_before() -> None:
    spool = Spool(["rows"])
    for _ in range(2):
        spool.begin()
        spool.add("rows", Row("a", 1))
    assert spool.counts == {"rows": 1}
    assert whole(Long(spool, {"ok": True})) == {"rows": [{"name": "a", "units": 1}], "ok": True}


def test_a_section_that_is_over_takes_no_more_rows() -> None:
    spool = Spool(["first", "second"])
    spool.add("second", Row("a", 1))
    with pytest.raises(ValueError, match="'first' is over"):
        spool.add("first", Row("b", 2))


FULL = """
import resource, signal
from channelsync.shell.spool import Long, NoRoom, Spool

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0 if PLACE == "anywhere" else 2_000_000, most))
spool, rows = Spool(["rows"]), 0
try:
    while True:
        spool.put("rows", b"%d" % rows)
        rows += 1
        if rows * 7 > 2_001_000 and PLACE == "end":
            spool.end()
except NoRoom as error:
    print(error)
spool.begin()
spool.put("rows", b"1")
spool.end()
print(Long(spool, {}).whole())
"""


@pytest.mark.parametrize("place", ["put", "end", "anywhere"])
def test_a_full_disk_says_where_room_is_wanted_and_the_next_try_begins_afresh(place: str) -> None:
    """With a real file, whose last rows are held back until somebody wants to see them."""
    ran = subprocess.run(  # noqa: S603  ourselves
        [sys.executable, "-c", FULL.replace("PLACE", repr(place))], capture_output=True, text=True, check=True, timeout=60
    )
    problem, again = ran.stdout.splitlines()
    why = "No usable temporary directory found" if place == "anywhere" else "File too large"
    assert re.fullmatch(f"the answer could not be put down in .* \\({why}.*\\); make room there, or set TMPDIR", problem)
    assert again == "{'rows': [1]}"
    assert ran.stderr == ""


def test_a_document_is_parted_into_rows_and_the_rest() -> None:
    document = {"left": 1, "second": [{"a": 1}], "first": [], "trouble": {}}
    answer = Long.of(document, ["first", "second"])
    assert answer.spool.counts == {"first": 0, "second": 1}
    assert answer.head == {"left": 1, "trouble": {}}
    assert whole(answer) == document


@pytest.mark.parametrize("value", [None, 3, "text", {"rows": []}, [1]])
def test_a_short_answer_is_what_it_is(value: Any) -> None:
    assert whole(value) == value
