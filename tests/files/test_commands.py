"""`import` and `export` as a person uses them: without a daemon and through it, on both databases."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from channelsync.ledger.database import open_database
from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops, up, write_config

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(params=["alone", "daemon"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Two shops whose first plan is applied: SKU-1, SKU-2 and SKU-3 at 10 each, one location; with a daemon and without one."""
    for module in ("channelsync.cli.store", "channelsync.shell.assemble"):
        monkeypatch.setattr(f"{module}.open_database", partial(open_database, durable=False))
    with in_background(two_shops(tmp_path, database=database_url)) as made:
        said("apply", "--yes", scene=made)
        if request.param == "alone":
            yield made
        else:
            with in_background(up(made)):
                yield made


def write(scene: Scene, content: str | bytes, name: str = "file.csv") -> str:
    path = scene.file.parent / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def told(*arguments: str, scene: Scene, code: int = 0) -> Any:
    result = call(*arguments, "--json", scene=scene)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def on_hand(scene: Scene) -> dict[str, int]:
    return {row["sku"]: row["on_hand"] for row in said("stock", "list", scene=scene)}


def exported(kind: str, scene: Scene) -> list[dict[str, str]]:
    result = call("export", kind, scene=scene)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_a_preview_changes_nothing_and_applying_does_what_it_said(scene: Scene) -> None:
    file = write(scene, "\ufeffSKU;On hand;Adjust;Reason\r\nSKU-1;7;;\r\nSKU-2;;-2;broken\r\nSKU-3;10;;\r\nNEW-1;1 000;;\r\nNEW-2;;;\r\n")
    seen = told("import", "stock", file, scene=scene)
    counts = {"rows": 5, "new": 1, "changed": 2, "unchanged": 1, "done_before": 0, "empty": 1, "bad": 0}
    assert {name: seen[name] for name in counts} == counts
    assert (seen["applied"], seen["rejects"]) == (False, None)
    changes = {each["about"]: (each["line"], each["changes"][0]["old"], each["changes"][0]["new"]) for each in seen["first"]}
    assert changes == {"SKU-1 at main": (2, 10, 7), "SKU-2 at main": (3, 10, 8), "NEW-1 at main": (5, None, 1000)}
    before = {"SKU-1": 10, "SKU-2": 10, "SKU-3": 10}
    assert on_hand(scene) == before
    done = told("import", "stock", file, "--apply", scene=scene)
    assert done["first"] == seen["first"]
    assert {name: done[name] for name in counts} == counts
    after = {"SKU-1": 7, "SKU-2": 8, "SKU-3": 10, "NEW-1": 1000}
    assert on_hand(scene) == after
    again = told("import", "stock", file, "--apply", scene=scene)
    assert (again["done_before"], again["changed"], again["new"], again["unchanged"]) == (3, 0, 0, 1)
    assert on_hand(scene) == after
    assert call("audit", scene=scene).exit_code == 0
    assert not list(scene.file.parent.glob("*rejected*"))


def test_what_a_person_reads(scene: Scene) -> None:
    file = write(scene, "sku,location,on_hand\nSKU-1,main,7\nSKU-2,moon,1\n")
    seen = call("import", "stock", file, scene=scene)
    assert seen.exit_code == 1, "bad rows"
    for part in ("2 rows: 1 would change, 0 would be new, 0 unchanged, 1 bad", "SKU-1 at main", "no location 'moon'", "--apply does it"):
        assert part in seen.stdout
    done = call("import", "stock", file, "--apply", scene=scene)
    assert done.exit_code == 1
    assert "1 changed" in done.stdout
    assert "bad rows are in" in done.stdout
    assert done.stdout.count("no location 'moon'") == 1, "the preview named it"
    assert on_hand(scene)["SKU-1"] == 7


def test_a_person_at_a_terminal_is_asked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channelsync.cli.importing._at_terminal", lambda: True)
    file = write(scene, "sku,on_hand\nSKU-1,7\n")
    refused = call("import", "stock", file, scene=scene, answer="n\n")
    assert "Apply 1 changes?" in refused.stdout
    assert on_hand(scene)["SKU-1"] == 10
    assert call("import", "stock", file, scene=scene, answer="y\n").exit_code == 0
    assert on_hand(scene)["SKU-1"] == 7
    piped = call("import", "stock", "-", "--apply", scene=scene, answer="sku,on_hand\nSKU-2,6\n")
    assert (piped.exit_code, on_hand(scene)["SKU-2"]) == (0, 6), piped.output


def test_bad_rows_are_kept_corrected_and_imported(scene: Scene) -> None:
    lines = [
        "sku,location,on_hand,adjust,reason",
        "SKU-1,main,9,,",
        "SKU-2,moon,1,,",
        "SKU-3,main,x,,",
        "SKU-2,main,1,2,r",
        "SKU-1,main,8,,",
    ]
    lines += ["GONE,main,,-1,lost", "SKU-2,main,,-99,lost", "SKU-2,main,,3,", "SKU-3,main", '"=SKU",main,4,,', "SKU-3,main,,1,found"]
    file = write(scene, "\n".join(lines) + "\n")
    seen = told("import", "stock", file, scene=scene, code=1)
    problems = {each["line"]: (each["column"], each["problem"]) for each in seen["problems"]}
    assert {line: column for line, (column, _) in problems.items()} == {
        3: "location", 4: "on_hand", 5: "adjust", 6: None, 7: "sku", 8: "adjust", 9: "reason", 10: None,
    }  # fmt: skip
    assert "line 2 is about the same" in problems[6][1]
    done = told("import", "stock", file, "--apply", scene=scene, code=1)
    assert (done["bad"], done["changed"], done["new"]) == (8, 2, 1)
    assert {each["line"] for each in done["problems"]} == set(problems)
    assert on_hand(scene) == {"SKU-1": 9, "SKU-2": 10, "SKU-3": 11, "=SKU": 4}
    kept = Path(done["rejects"])
    assert kept.name == "file.csv.rejected.csv"
    with kept.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["problem", "sku", "location", "on_hand", "adjust", "reason"]
    assert sorted(row[1] for row in rows[1:]) == sorted(["SKU-2", "SKU-3", "SKU-2", "SKU-1", "GONE", "SKU-2", "SKU-2", "SKU-3"])
    assert any(row[0].startswith("line 4, on_hand: 'x' is no whole number") for row in rows[1:])
    good = [row for row in rows if "on_hand: 'x'" in row[0] or row[0] == "problem"]
    good[1][3] = "5"
    kept.write_text("\n".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in good))
    assert told("import", "stock", str(kept), "--apply", scene=scene)["changed"] == 1
    assert on_hand(scene)["SKU-3"] == 5
    told("import", "stock", file, "--apply", scene=scene, code=1)
    assert (kept.with_name("file.csv.rejected-2.csv")).exists(), "a file with corrections is never written over"
    assert on_hand(scene)["SKU-3"] == 5


def test_all_or_nothing(scene: Scene) -> None:
    file = write(scene, "sku,location,on_hand\nSKU-1,main,7\nSKU-2,moon,1\n")
    refused = call("import", "stock", file, "--apply", "--all-or-nothing", scene=scene)
    assert (refused.exit_code, "nothing was changed" in refused.stderr) == (1, True)
    assert on_hand(scene)["SKU-1"] == 10
    many = write(scene, "sku,on_hand\n" + "".join(f"N-{number},1\n" for number in range(1_001)), "many.csv")
    assert "more than 1000 rows" in call("import", "stock", many, "--apply", "--all-or-nothing", scene=scene).stderr
    assert (
        told("import", "stock", write(scene, "sku,on_hand\nSKU-1,7\nSKU-2,8\n"), "--apply", "--all-or-nothing", scene=scene)["changed"] == 2
    )
    assert on_hand(scene)["SKU-2"] == 8


def test_the_same_count_again_is_a_new_one_only_if_that_is_said(scene: Scene) -> None:
    file = write(scene, "sku,on_hand\nSKU-1,7\n")
    told("import", "stock", file, "--apply", scene=scene)
    said("stock", "receive", "SKU-1", "5", scene=scene)
    assert told("import", "stock", file, "--apply", scene=scene)["done_before"] == 1
    assert on_hand(scene)["SKU-1"] == 12
    assert told("import", "stock", file, "--apply", "--again", scene=scene)["changed"] == 1
    assert on_hand(scene)["SKU-1"] == 7


def test_skus_are_set_by_the_columns_that_are_there(scene: Scene) -> None:
    file = write(
        scene,
        'sku,title,cost,backorder,limit,text,date,per_reference,low,reorder\nSKU-1,"A ""mug"", big",12.5,preorder,10,5-7 days,2027-01-31,2,5,20\nFRESH,New one,,,,,,,,\n',
    )
    seen = told("import", "skus", file, scene=scene)
    assert (seen["changed"], seen["new"]) == (1, 1)
    assert told("import", "skus", file, "--apply", scene=scene)["first"] == seen["first"]
    row = {each["sku"]: each for each in exported("skus", scene)}["SKU-1"]
    assert (row["title"], row["cost"], row["backorder"], row["limit"], row["date"], row["low"]) == (
        'A "mug", big',
        "12.50",
        "preorder",
        "10",
        "2027-01-31",
        "5",
    )
    assert told("import", "skus", file, "--apply", scene=scene)["unchanged"] == 2
    part = write(scene, "SKU,Cost\nSKU-1,\n")
    assert told("import", "skus", part, "--apply", scene=scene)["changed"] == 1
    row = {each["sku"]: each for each in exported("skus", scene)}["SKU-1"]
    assert (row["cost"], row["backorder"], row["low"]) == ("", "preorder", "5"), "what the file does not speak of stays"
    bad = write(scene, 'sku,cost,backorder,text\nSKU-1,12,deny,soon\nSKU-2,"12,50",deny,\nSKU-3,3,deny,\n')
    done = told("import", "skus", bad, "--apply", scene=scene, code=1)
    assert {each["line"]: each["column"] for each in done["problems"]} == {2: None, 3: "cost"}
    costs = {each["sku"]: each["cost"] for each in exported("skus", scene)}
    assert (costs["SKU-1"], costs["SKU-2"], costs["SKU-3"]) == ("", "", "3.00"), "a row is done whole or not at all"


def test_listings_are_linked_and_taken_off(scene: Scene) -> None:
    rows = exported("listings", scene)
    assert {(row["channel"], row["sku"], row["pack"]) for row in rows} == {
        (c, f"SKU-{n}", "1") for c in ("east", "west") for n in (1, 2, 3)
    }
    refs = {(row["channel"], row["sku"]): row["ref"] for row in rows}
    lines = [
        "channel,ref,sku,pack",
        f"east,{refs['east', 'SKU-1']},SKU-1,6",
        f"west,{refs['west', 'SKU-2']},,",
        f"west,{refs['west', 'SKU-3']},SKU-3,",
    ]
    lines += ["west,none,SKU-1,1", "moon,x,SKU-1,1", f"east,{refs['east', 'SKU-2']},NONE,"]
    file = write(scene, "\n".join(lines))
    seen = told("import", "listings", file, scene=scene, code=1)
    assert (seen["changed"], seen["unchanged"], seen["bad"]) == (2, 1, 3)
    assert {each["line"]: each["column"] for each in seen["problems"]} == {5: "ref", 6: "channel", 7: "sku"}
    told("import", "listings", file, "--apply", scene=scene, code=1)
    now = {(row["channel"], row["ref"]): (row["sku"], row["pack"]) for row in exported("listings", scene)}
    assert now["east", refs["east", "SKU-1"]] == ("SKU-1", "6")
    assert now["west", refs["west", "SKU-2"]] == ("", "")
    assert now["east", refs["east", "SKU-2"]] == ("SKU-2", "1")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_changes_nothing_when_it_comes_back(scene: Scene, form: str) -> None:
    said("stock", "cost", "SKU-1", "3.5", scene=scene)
    said("po", "draft", "SKU-1:12@3.15", scene=scene)
    for kind in ("stock", "skus", "listings", "purchase-orders", "locations", "rules"):
        out = scene.file.parent / f"{kind}.{form}"
        assert told("export", kind, "--out", str(out), "--delimiter", ";", "--bom", scene=scene)["rows"] > 0
        seen = told("import", kind, str(out), scene=scene)
        assert (seen["unchanged"], seen["bad"]) == (seen["rows"], 0), seen
        template = call("export", kind, "--template", scene=scene).stdout
        assert told("import", kind, write(scene, template), scene=scene)["rows"] == 0


def test_purchase_orders_are_drafted_from_a_suppliers_sheet(scene: Scene) -> None:
    said("suppliers", "set", "ACME", scene=scene)
    file = write(scene, "SKU;Quantity;Cost\nSKU-1;24;3.20\nSKU-2;;\nSKU-3;5;\nGONE;1;\n")
    options = ("import", "purchase-orders", file, "--supplier", "ACME", "--reference", "A-4711")
    seen = told(*options, scene=scene, code=1)
    assert (seen["new"], seen["empty"], seen["bad"]) == (2, 1, 1)
    assert seen["first"][0]["about"] == "SKU-1 on A-4711 from ACME to main"
    assert said("po", "list", scene=scene) == []
    done = told(*options, "--apply", scene=scene, code=1)
    assert done["first"] == seen["first"]
    assert Path(done["rejects"]).read_text().splitlines()[1].endswith("GONE;1;")
    again = told(*options, "--apply", scene=scene, code=1)
    assert (again["unchanged"], again["new"], again["bad"]) == (2, 0, 1)
    (order,) = said("po", "list", scene=scene)
    assert (order["number"], order["state"], order["supplier"], order["reference"], order["ordered"]) == (1, "draft", "ACME", "A-4711", 29)
    said("po", "order", "1", scene=scene)
    assert told(*options, "--apply", scene=scene, code=1)["unchanged"] == 2
    more = write(scene, "order,sku,quantity\nPO-1,SKU-1,30\n")
    refused = call("import", "purchase-orders", more, "--apply", scene=scene)
    assert (refused.exit_code, "purchase order 1 is ordered" in refused.stdout) == (1, True)
    assert said("po", "show", "1", scene=scene)["order"]["ordered"] == 29
    assert call("import", "skus", more, "--reference", "X", scene=scene).exit_code == 2
    assert call("import", "purchase-orders", more, "--as-of", "2026-01-01", scene=scene).exit_code == 2


def test_a_delivery_note_is_received_once(scene: Scene) -> None:
    said("po", "draft", "SKU-1:12@3", "SKU-2:5", scene=scene)
    said("po", "draft", "SKU-1:12", scene=scene)
    for number in ("1", "2"):
        said("po", "order", number, scene=scene)
    note = write(scene, "sku,quantity,cost\nSKU-1,4,\nSKU-2,9,\nSKU-1,3,3.5\n")
    options = ("import", "receipts", note, "--order", "PO-1")
    seen = told(*options, scene=scene, code=1)
    assert (seen["changed"], seen["bad"], on_hand(scene)["SKU-1"]) == (2, 1, 10)
    done = told(*options, "--apply", scene=scene, code=1)
    assert (done["first"], on_hand(scene)["SKU-1"], on_hand(scene)["SKU-2"]) == (seen["first"], 17, 10)
    assert "5 are still to come" in done["problems"][0]["problem"]
    again = told(*options, "--apply", scene=scene, code=1)
    assert (again["done_before"], on_hand(scene)["SKU-1"]) == (2, 17)
    assert told("import", "receipts", note, "--order", "2", "--apply", scene=scene, code=1)["changed"] == 2, (
        "another order is another receipt"
    )
    assert on_hand(scene)["SKU-1"] == 24
    assert {(row["order"], row["sku"], row["incoming"]) for row in exported("receipts", scene)} == {
        ("PO-1", "SKU-1", "5"), ("PO-1", "SKU-2", "5"), ("PO-2", "SKU-1", "5"),
    }  # fmt: skip
    assert call("audit", scene=scene).exit_code == 0


def test_files_that_cannot_be_read_say_why(scene: Scene) -> None:
    folder = scene.file.parent
    for content, name, part in (
        ("sku,on_hand,colour,onhand\n", "a.csv", "'colour', 'onhand' (meant on_hand?)"),
        ("sku,location\n", "b.csv", "none of on_hand, adjust"),
        ("on_hand\n1\n", "c.csv", "lacks sku"),
        ("sku,SKU,on_hand\n", "d.csv", "twice"),
        ("", "e.csv", "is empty"),
        (b"sku,on_hand\nM\xdcG,1\n", "f.csv", "line 2: byte 14"),
        (b"PK\x03\x04", "g.csv", "XLSX"),
    ):
        result = call("import", "stock", write(scene, content, name), scene=scene)
        assert (result.exit_code, part in result.stderr) == (1, True), result.output
    assert "directory" in call("import", "stock", str(folder), scene=scene).stderr
    assert "No such file" in call("import", "stock", str(folder / "none.csv"), scene=scene).stderr
    assert told("import", "stock", write(scene, "sku,on_hand,colour\nSKU-1,3,red\n"), "--ignore", "Colour", scene=scene)["changed"] == 1
    assert call("import", "skus", write(scene, "sku\n"), "--as-of", "2026-01-01", scene=scene).exit_code == 2


def test_a_count_of_before_is_right_with_what_was_sold_since(scene: Scene) -> None:
    counted = datetime.now(UTC).isoformat()
    said("stock", "receive", "SKU-1", "5", scene=scene)
    file = write(scene, "sku,on_hand\nSKU-1,8\n")
    seen = told("import", "stock", file, "--as-of", counted, scene=scene)
    assert seen["first"][0]["changes"] == [{"column": "on_hand", "old": 15, "new": 13}]
    told("import", "stock", file, "--as-of", counted, "--apply", scene=scene)
    assert on_hand(scene)["SKU-1"] == 13
    said("stock", "count", "SKU-2", "3", scene=scene)
    late = told("import", "stock", write(scene, "sku,on_hand\nSKU-2,9\n"), "--as-of", counted, "--apply", scene=scene, code=1)
    assert "later count stands" in late["problems"][0]["problem"]
    assert on_hand(scene)["SKU-2"] == 3


def test_config_kinds_print_what_to_put_into_the_file(scene: Scene) -> None:
    before = scene.file.read_text()
    file = write(scene, 'code,name,kind,priority\nmain,Main,warehouse,0\nannex,"The ""annex""",retail,5\nx,,moon,\n')
    told_ = told("import", "locations", file, scene=scene, code=1)
    assert (told_["new"], told_["unchanged"], told_["bad"]) == (1, 1, 1)
    assert told_["toml"] == '[locations.annex]\nname = "The \\"annex\\""\nkind = "retail"\npriority = 5\n'
    rules = write(
        scene,
        "channel,sku,listing,from,until,safety_stock,share,max,skip\n,,,,,2,,,\neast,SKU-1,,,,,40%,5,\nwest,,42,,,,,,true\n,SKU-2,,2026-11-27T00:00:00,2026-12-01T00:00:00,10%,,,\nmoon,,,,,1,,,\n,,,,,,,x,\n",
    )
    told_ = told("import", "rules", rules, scene=scene, code=1)
    assert (told_["new"], told_["unchanged"], told_["bad"]) == (3, 1, 2)
    assert told_["toml"].split("\n\n") == [
        '[channels.east.rules.sku.SKU-1]\nshare = "40%"\nmax = 5',
        "[channels.west.rules.listing.42]\nskip = true",
        '[[rules.windows]]\nfrom = 2026-11-27T00:00:00\nuntil = 2026-12-01T00:00:00\nskus = ["SKU-2"]\nsafety_stock = "10%"\n',
    ]
    assert call("import", "rules", rules, "--apply", scene=scene).exit_code == 2
    assert "Put this into" in call("import", "rules", rules, scene=scene).stdout
    assert scene.file.read_text() == before


def test_the_first_file_of_a_new_ledger_is_previewed_as_it_is_applied(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The preview did not know the places of the config before something else had opened the ledger."""
    for module in ("channelsync.cli.store", "channelsync.shell.assemble"):
        monkeypatch.setattr(f"{module}.open_database", partial(open_database, durable=False))
    new = Scene(write_config(tmp_path, {}, database=database_url), {})
    file = write(new, "sku,location,on_hand\nMUG-01,main,4\n")
    assert told("import", "stock", file, scene=new)["new"] == 1
    assert told("import", "stock", file, "--apply", scene=new)["new"] == 1
