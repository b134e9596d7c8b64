"""`audit`: what it says of a sound store, what it finds in the ledger and in the shops, and what it puts right when it is told to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from channelsync.cli.remedies import REMEDIES
from channelsync.engine import auditing
from channelsync.ledger import audit as audit_module
from channelsync.ledger.database import open_database
from channelsync.ledger.seals import Seal, seal
from channelsync.testing.postgres import PostgresServer, available
from support.stock import NOW
from support.store import Scene, in_background, shops_and_daemon, two_shops

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def call(scene: Scene, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


def said(scene: Scene, *arguments: str, code: int = 0) -> Any:
    result = call(scene, *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def tamper(scene: Scene, *statements: str) -> None:
    database = open_database(scene.config.store.database)
    with database.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))
    database.dispose()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """Two shops whose first plan is applied, and no daemon."""
    with in_background(two_shops(tmp_path)) as scene:
        said(scene, "apply", "--yes")
        yield scene


def look_away(scene: Scene) -> None:
    """What has happened up to now no run will bring: its mark is past it, and so is the overlap."""
    scene.file.write_text(scene.file.read_text().replace('"memory"', '"memory"\noverlap_seconds = 0.1'))
    time.sleep(1.3)
    tamper(scene, "UPDATE cursors SET high_water = '2099-01-01T00:00:00+00:00' WHERE stream = 'orders'")


def found(answer: Any) -> list[tuple[str, str, str]]:
    return [(each["by"], each["what"], each["where"]) for each in answer["findings"]]


def test_every_check_has_a_remedy() -> None:
    verifier = {"guards", "levels", "claims", "holds", "pending", "books", "ids", "times", "kinds", "chain", "head", "rebuilt"}
    assert set(audit_module.CHECKS) | verifier == set(REMEDIES)


def test_a_sound_store_without_a_daemon(alone: Scene) -> None:
    answer = said(alone, "audit")
    assert answer["findings"] == []
    assert [(each["channel"], each["numbers"], each["busy"]) for each in answer["shops"]] == [("east", 3, 0), ("west", 3, 0)]
    assert answer["read"]["movements"] == 3
    assert [each["not_sealed_yet"] for each in answer["seals"]] == [3, answer["read"]["book_entries"]]
    alone.shops["east"].buy({"SKU-1": 3})
    answer = said(alone, "audit")
    assert answer["findings"] == [], "an order that came since is no difference"
    assert [each["orders"] for each in answer["shops"]] == [1, 0]
    assert said(alone, "audit", "--offline")["rebuilt"] == {"orders": 1, "of": 1, "lines": 1, "left_out": 0}
    assert "1 of 1 orders rebuilt from their snapshots, 1 lines compared" in call(alone, "audit", "--offline").output
    tamper(alone, "UPDATE order_lines SET took = 4")
    assert "rebuilt" in [each["what"] for each in said(alone, "audit", "--offline", code=1)["findings"]]


def test_a_sound_store_through_its_daemon(tmp_path: Path) -> None:
    with in_background(shops_and_daemon(tmp_path)) as scene:
        answer = said(scene, "audit")
        assert (answer["findings"], len(answer["shops"])) == ([], 2)
        shown = call(scene, "audit").output
        assert "Findings: none, everything adds up" in shown
        assert "east: 3 numbers and 0 listed orders compared" in shown


def test_a_level_that_was_changed_is_found_twice_shown_and_put_right(alone: Scene) -> None:
    tamper(alone, "UPDATE stock_levels SET on_hand = on_hand + 5 WHERE sku_id = 1")
    assert call(alone, "db", "check").exit_code == 1
    answer = said(alone, "audit", "--offline", "--repair", code=1)
    where = "SKU 1 at location 1, on_hand"
    assert {("audit", "levels", where), ("verifier", "levels", where)} <= set(found(answer))
    assert [(s["kind"], s["found"], s["right"]) for s in answer["plan"]["steps"]] == [("level", 15, 10)]
    assert "nothing was changed; add --yes to do it" in call(alone, "audit", "--offline", "--repair").output
    assert said(alone, "stock", "show", "SKU-1")["levels"][0]["on_hand"] == 15
    repaired = said(alone, "audit", "--offline", "--repair", "--yes")
    assert (repaired["findings"], repaired["repaired"]) == ([], {"done": 1, "moved_on": 0, "orders": 0})
    shown = said(alone, "stock", "show", "SKU-1")
    assert shown["levels"][0]["on_hand"] == 10
    assert shown["movements"][0]["type"] == "correct"
    assert shown["movements"][0]["actor"].startswith("cli")


def test_a_history_that_was_changed_is_found_and_cannot_be_repaired(alone: Scene) -> None:
    database = open_database(alone.config.store.database)
    with database.begin() as conn:
        [seals] = seal(conn, [Seal(100)], NOW)
    database.dispose()
    [mine] = [each for each in seals if each.log == "movements"]
    assert said(alone, "audit", "--offline", "--head", mine.hash)["findings"] == []
    assert found(said(alone, "audit", "--offline", "--head", "0" * 64, code=1)) == [("verifier", "head", f"seal {'0' * 12}")]
    tamper(alone, "DROP TRIGGER movements_no_update", "UPDATE movements SET reason = 'nothing' WHERE id = 2")
    answer = said(alone, "audit", "--offline", "--repair", code=1)
    assert ("verifier", "chain", f"movements, seal 1 over rows 1 to {mine.upto}, first at row 2") in found(answer)
    assert ("verifier", "guards", "UPDATE of movements") in found(answer)
    assert answer["plan"]["steps"] == []


def test_a_number_that_nothing_explains(alone: Scene) -> None:
    alone.shops["west"].edit("SKU-2", 3)
    [only] = said(alone, "audit", code=1)["findings"]
    assert (only["by"], only["what"], only["expected"], only["found"]) == ("west", "number", "8", "3")
    assert only["where"].startswith("SKU-2, listing ")
    assert "no order and no write of ours explains it" in only["cause"]
    assert said(alone, "drift", "list")[0]["shows"] == 3, "what was read is kept like every reading"
    said(alone, "sync")
    [only] = said(alone, "audit", code=1)["findings"]
    assert only["cause"].endswith("it waits for you")
    assert only["remedy"] == f"channelsync drift resolve {said(alone, 'drift', 'list')[0]['shelf']} --overwrite or --adopt"


def test_a_listing_that_the_shop_has_stopped_counting(alone: Scene) -> None:
    alone.shops["west"].untrack("SKU-2")  # type: ignore[attr-defined]
    [only] = said(alone, "audit", code=1)["findings"]
    assert (only["found"], only["cause"]) == ("not counted", "the shop has stopped counting it")


def test_an_order_that_no_run_has_brought_is_read_and_applied_when_told(alone: Scene) -> None:
    order = alone.shops["east"].buy({"SKU-1": 3})
    look_away(alone)
    answer = said(alone, "audit", "--repair", code=1)
    assert [(by, what) for by, what, _ in found(answer)] == [("east", "number"), ("east", "order")]
    told = answer["findings"][1]
    assert (told["where"], told["expected"]) == (order, "not stored")
    assert told["found"].startswith("open: 3 ordered, changed ")
    assert told["cause"] == "no run of ours has brought it"
    assert answer["plan"]["orders"] == [{"channel": "east", "order": order}]
    shown = " ".join(call(alone, "audit", "--repair").output.split())
    assert "Repairs" in shown
    assert "nothing was changed; add --yes to do it" in shown
    assert said(alone, "orders") == []
    repaired = said(alone, "audit", "--repair", "--yes")
    assert (repaired["findings"], repaired["repaired"]["orders"]) == ([], 1), "with its order, the number is explained as well"
    assert said(alone, "orders")[0]["held"] == 3
    assert said(alone, "sync")["still_due"] == {"east": 0, "west": 0}
    assert alone.shops["west"].shows("SKU-1") == 5


def test_why_an_order_is_not_there_is_said_if_the_ledger_knows_and_no_crowd_is_asked_for(
    alone: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "ASKED_MAX", 1)
    first, _ = (alone.shops["east"].buy({"SKU-1": 1}) for _ in range(2))
    look_away(alone)
    columns = "channel_id, kind, ref, reason, created_at, updated_at"
    tamper(alone, f"INSERT INTO set_aside ({columns}) VALUES (1, 'order', '{first}', 'it does not add up', 0, 0)")
    answer = said(alone, "audit", code=1)
    [told] = [each for each in answer["findings"] if each["what"] == "order"]
    assert (told["where"], told["cause"]) == (first, "it does not add up")
    assert [each["unasked"] for each in answer["shops"]] == [1, 0]
    assert "1 more orders differ and were not asked for one by one" in call(alone, "audit").output


def test_an_order_that_ended_unheard(alone: Scene) -> None:
    """Cancelled, one of them deleted: the shop lists neither any more, so what is held here is asked for by name."""
    east = alone.shops["east"]
    cancelled, deleted, open_ = (east.buy({"SKU-1": 1}) for _ in range(3))
    said(alone, "sync")
    east.cancel(cancelled, restock=False)
    east.delete(deleted)  # type: ignore[attr-defined]
    look_away(alone)
    answer = said(alone, "audit", code=1)
    told = {each["where"]: each for each in answer["findings"] if each["what"] == "order"}
    assert told.keys() == {cancelled, deleted}
    assert told[cancelled]["found"].startswith("cancelled: 1 ordered")
    assert (told[deleted]["found"], told[deleted]["cause"]) == ("no such order", "it was deleted there")
    said(alone, "audit", "--repair", "--yes")
    held = {row["ref"]: row["held"] for row in said(alone, "orders")}
    assert held == {cancelled: 0, deleted: 0, open_: 1}


def test_a_shop_that_cannot_be_asked_is_a_failure_and_offline_asks_none(alone: Scene) -> None:
    words = alone.file.read_text()
    west = words.index("[channels.west]")
    url = alone.config.channels["west"].settings.url  # type: ignore[attr-defined]
    alone.file.write_text(words[:west] + words[west:].replace(url, "http://127.0.0.1:9"))
    result = call(alone, "audit")
    assert result.exit_code == 1
    assert "west could not be compared" in result.stderr
    assert "east: 3 numbers" in result.stdout
    assert said(alone, "audit", "--offline")["shops"] == []


def test_levels_are_rebuilt_from_the_log_when_told(alone: Scene) -> None:
    assert said(alone, "replay", "--levels") == {"differences": [], "rebuilt": 0}
    tamper(alone, "UPDATE stock_levels SET on_hand = 0 WHERE sku_id = 2", "DELETE FROM stock_levels WHERE sku_id = 3")
    told = said(alone, "replay", "--levels", code=1)
    assert [(each["sku"], each["what"], each["found"], each["right"]) for each in told["differences"]] == [
        ("SKU-2", "on_hand", 0, 10),
        ("SKU-3", "on_hand", 0, 10),
    ]
    assert "add --yes to form them anew" in call(alone, "replay", "--levels").output
    assert said(alone, "replay", "--levels", "--yes")["rebuilt"] == 2
    assert said(alone, "audit")["findings"] == []
    assert said(alone, "replay") == {"tried": 0, "left": 0, "troubles": {}}
    assert [call(alone, "replay", *wrong).exit_code for wrong in (("--yes",), ("east", "--levels"))] == [2, 2]


def test_the_past_is_told_in_the_stores_time_zone(alone: Scene) -> None:
    alone.file.write_text(alone.file.read_text().replace("[store]", '[store]\ntime_zone = "Europe/Berlin"'))
    said(alone, "stock", "receive", "SKU-1", "5")
    then = said(alone, "stock", "show", "SKU-1")["movements"][0]["at"]
    said(alone, "stock", "receive", "SKU-1", "5")
    told = said(alone, "stock", "show", "SKU-1", "--at", then)
    assert (told["levels"][0]["on_hand"], len(told["movements"]), len(told["unknown"])) == (15, 2, 4)
    shown = call(alone, "stock", "show", "SKU-1", "--at", then).output
    assert "as the ledger knew it at" in shown
    assert "CE" in shown
    assert "not known: the target" in shown
    told = said(alone, "explain", "SKU-1", "--channel", "west", "--at", then)
    assert [(shelf["channel"], shelf["book"], shelf["writes"]) for shelf in told["shelves"]] == [("west", 8, -2)]
    assert "= expected" in call(alone, "explain", "SKU-1", "--at", then).output
    assert "it had not moved by then" in call(alone, "explain", "SKU-1", "--at", "2026-01-31").output
    assert "has not been yet" in call(alone, "explain", "SKU-1", "--at", "2099-01-31").stderr


def test_yes_goes_with_repair(alone: Scene) -> None:
    assert call(alone, "audit", "--yes").exit_code == 2


@pytest.mark.slow
@pytest.mark.skipif(not available(), reason="no PostgreSQL binaries: install the test extra")
def test_the_same_on_postgresql(tmp_path: Path) -> None:
    server = PostgresServer(durable=True)
    server.start()
    try:
        with in_background(two_shops(tmp_path, database=server.create_database("audited"))) as scene:
            said(scene, "apply", "--yes")
            scene.shops["east"].buy({"SKU-1": 3})
            assert said(scene, "audit")["findings"] == []
            database = open_database(scene.config.store.database)
            with database.begin() as conn:
                assert len(seal(conn, [Seal(100)], NOW)[0]) == 2
            database.dispose()
            tamper(scene, "UPDATE stock_levels SET hard = hard + 5 WHERE sku_id = 1")
            broken = said(scene, "audit", "--offline", "--repair", code=1)
            assert [(s["what"], s["found"], s["right"]) for s in broken["plan"]["steps"]] == [("hard", 8, 3)]
            repaired = said(scene, "audit", "--repair", "--yes")
            assert (repaired["findings"], repaired["repaired"]["done"]) == ([], 1)
            assert [each["not_sealed_yet"] for each in repaired["seals"]] == [1, 0]
            assert said(scene, "stock", "show", "SKU-1", "--at", "2026-01-31")["levels"] == []
            told = call(scene, "db", "backup", "x.dump")
            assert (told.exit_code, "pg_dump --format=custom" in told.stderr) == (1, True)
    finally:
        server.stop()
