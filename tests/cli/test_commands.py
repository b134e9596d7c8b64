"""Every command, against a running daemon and without one: what it prints, what it returns, and how it says no."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from channelsync.cli.store import environment
from channelsync.config import load
from channelsync.registry import Registry
from support.store import Scene, in_background, shops_and_daemon, two_shops, until_shown

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def call(*arguments: str, scene: Scene | None = None, answer: str | None = None) -> Result:
    where = ["-c", str(scene.file)] if scene else []
    return CliRunner().invoke(app, [*arguments, *where], input=answer)


def said(*arguments: str, scene: Scene) -> Any:
    """The JSON document a command printed."""
    result = call(*arguments, "--json", scene=scene)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """Two shops, and no daemon."""
    with in_background(two_shops(tmp_path)) as scene:
        yield scene


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Scene]:
    """Two shops and a daemon whose first plan is applied. It lives in this process, so what it logs would be among what a command prints."""
    with capture_logs(), in_background(shops_and_daemon(tmp_path)) as scene:
        yield scene


def test_the_first_day_without_a_daemon(alone: Scene) -> None:
    before = call("status", scene=alone)
    assert before.exit_code == 1
    assert "there is no ledger" in before.stderr
    checked = said("check", scene=alone)
    assert {each["channel"]: each["ok"] for each in checked["channels"]} == {"east": True, "west": True}
    planned = said("plan", scene=alone)
    assert sorted(planned) == ["balances", "blocked", "opens", "switches", "troubles", "unchanged", "writes"]
    assert [(b["sku"], b["shows"], b["taken"]) for b in planned["balances"]] == [(f"SKU-{n}", 10, 0) for n in (1, 2, 3)]
    assert {(w["channel"], w["shows"], w["target"]) for w in planned["writes"]} == {("east", 10, 8), ("west", 10, 8)}
    assert alone.shops["east"].shows("SKU-1") == 10, "a plan writes nothing"
    refused = call("apply", scene=alone, answer="n\n")
    assert refused.exit_code == 1
    assert "Apply this plan?" in refused.output
    assert alone.shops["east"].shows("SKU-1") == 10
    applied = said("apply", "--yes", scene=alone)
    assert applied["still_due"] == {"east": 0, "west": 0}
    assert [shop.shows("SKU-1") for shop in alone.shops.values()] == [8, 8]
    assert said("plan", scene=alone)["writes"] == []


def test_a_sale_is_synced_by_hand_and_explained(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    alone.shops["east"].buy({"SKU-1": 3})
    said("sync", scene=alone)
    assert alone.shops["west"].shows("SKU-1") == 5
    told = said("explain", "SKU-1", scene=alone)
    assert told["holds"][0] | {"reference": ""} == {
        "kind": "hard", "units": 3, "location": "main", "by": "order", "reference": "", "channel": "east", "until": None,
    }  # fmt: skip
    for shelf in told["shelves"]:
        statement = shelf["statement"]
        explained = statement["opening"] + statement["writes"] - statement["took"] + statement["gave_back"] + statement["corrected"]
        assert explained == statement["book"] == statement["shown"] == 5
        assert statement["unexplained"] == 0
        assert [(step["name"], step["value"]) for step in shelf["steps"]] == [("available", 7), ("safety stock", 5)]
        assert shelf["target"] == 5
    assert [shelf["statement"]["took"] for shelf in told["shelves"]] == [3, 0]
    assert len(said("explain", "SKU-1", "--channel", "west", scene=alone)["shelves"]) == 1
    assert said("orders", scene=alone)[0]["held"] == 3
    assert "the shop took" in call("explain", "SKU-1", scene=alone).output
    assert said("db", "check", scene=alone)["differences"] == []


def test_a_unit_from_the_cart_to_the_customer_and_back(running: Scene) -> None:
    said("stock", "reserve", "SKU-1", "3", "--reference", "cart-1", scene=running)
    assert said("stock", "extend", "cart-1", "--minutes", "90", scene=running)["units"] == 3
    assert said("stock", "harden", "cart-1", scene=running)["hard"] == 3
    assert [(held["reference"], held["units"]) for held in said("stock", "holds", scene=running)] == [("cart-1", 3)]
    assert "cart-1" in call("stock", "holds", "--limit", "1", scene=running).stdout
    assert said("stock", "holds", "--older-than", "1", scene=running) == []
    assert "2 shipped, 1 still held" in call("stock", "fulfil", "cart-1", "--quantity", "2", scene=running).stdout
    assert said("stock", "release", "cart-1", "--key", "r1", scene=running)["units"] == 1
    assert said("stock", "release", "cart-1", "--key", "r1", scene=running)["repeat"] is True
    assert "2 quarantined" in call("stock", "return", "SKU-1", "2", "--reference", "cart-1", scene=running).stdout
    assert said("stock", "restock", "SKU-1", "1", scene=running)["on_hand"] == 9
    assert said("stock", "write-off", "SKU-1", "1", "--reason", "scratched", scene=running)["damaged"] == 1
    assert said("stock", "write-off", "SKU-1", "1", "--from", "damaged", "--reason", "thrown away", scene=running)["damaged"] == 0
    refused = call("stock", "fulfil", "cart-1", scene=running)
    assert (refused.exit_code, "already" in refused.stderr) == (1, True)


def test_orders_by_sku_and_by_page(running: Scene) -> None:
    for number in (1, 2, 3):
        running.shops["east"].buy({f"SKU-{number}": 1})
    said("sync", "east", scene=running)
    assert [order["channel"] for order in said("orders", "--sku", "SKU-2", scene=running)] == ["east"]
    first = said("orders", "--limit", "2", scene=running)
    rest = said("orders", "--before", str(first[-1]["id"]), scene=running)
    assert len({order["id"] for order in first + rest}) == 3
    assert [(row["name"], row["sold"]) for row in said("stock", "stats", "--by", "channel", scene=running)] == [("east", 3), ("west", 0)]
    assert "more: --after" in call("stock", "stats", "--limit", "2", scene=running).stdout


def test_stock_through_the_running_daemon(running: Scene) -> None:
    assert said("stock", "receive", "SKU-1", "5", "--key", "dn-1", scene=running)["on_hand"] == 15
    assert said("stock", "receive", "SKU-1", "5", "--key", "dn-1", scene=running)["repeat"] is True
    assert said("stock", "adjust", "SKU-1", "-1", "--reason", "broken", scene=running)["on_hand"] == 14
    asyncio.run(until_shown(running, "west", "SKU-1", 12))
    reserved = said("stock", "reserve", "SKU-1", "4", "--reference", "cart-1", scene=running)
    assert reserved["claims"][0]["available"] == 10
    asyncio.run(until_shown(running, "east", "SKU-1", 8))
    assert said("stock", "show", "SKU-1", scene=running)["holds"][0]["reference"] == "cart-1"
    assert said("stock", "release", "cart-1", scene=running)["units"] == 4
    assert said("stock", "release", "cart-1", scene=running)["already"] == "released"
    assert "nothing is held under this reference" in call("stock", "release", "cart-9", scene=running).stdout
    assert said("stock", "count", "SKU-1", "7", scene=running)["on_hand"] == 7
    assert said("stock", "count", "NEW-1", "3", scene=running)["on_hand"] == 3
    rows = {row["sku"]: row["available"] for row in said("stock", "list", scene=running)}
    assert rows == {"SKU-1": 7, "SKU-2": 10, "SKU-3": 10, "NEW-1": 3}


def test_status_and_pausing_through_the_running_daemon(running: Scene) -> None:
    told = said("status", scene=running)
    assert told["daemon"]["pid"] > 0
    assert {view["name"]: view["state"] for view in told["channels"]} == {"east": "live", "west": "live"}
    assert told["live"]["west"]["trouble"] is None
    assert set(told["live"]["west"]["rate"]) == {"left", "of", "per_second"}
    assert said("pause", "west", "--reason", "stock-taking", scene=running) == {"west": True}
    shown = call("status", scene=running).output
    assert "west: paused (stock-taking)" in shown
    said("stock", "receive", "SKU-3", "2", scene=running)
    asyncio.run(until_shown(running, "east", "SKU-3", 10))
    assert running.shops["west"].shows("SKU-3") == 8, "a paused channel is not written"
    assert said("resume", scene=running) == {"east": False, "west": True}
    asyncio.run(until_shown(running, "west", "SKU-3", 10))
    assert said("sync", "west", scene=running) == {"troubles": {}, "still_due": {"west": 0}}


def test_listings(running: Scene) -> None:
    page = said("listings", "list", "--channel", "west", scene=running)
    assert [(row["sku_text"], row["sku"]) for row in page["rows"]] == [(f"SKU-{n}", f"SKU-{n}") for n in (1, 2, 3)]
    ref = page["rows"][0]["ref"]
    assert said("listings", "unlink", "west", ref, scene=running)["was"] == "SKU-1"
    assert said("listings", "list", "--show", "unlinked", scene=running)["rows"][0]["ref"] == ref
    assert said("listings", "link", "west", ref, "SKU-1", "--pack", "2", scene=running)["pack"] == 2
    asyncio.run(until_shown(running, "west", "SKU-1", 4))
    assert said("listings", "match", "west", scene=running)["read"] == {"west": 3}


def test_a_hand_edit_is_asked_about_and_resolved(running: Scene) -> None:
    running.shops["west"].edit("SKU-2", 3)
    drift: list[dict[str, Any]] = []
    for _ in range(100):
        drift = said("drift", "list", scene=running)
        if drift and drift[0]["asked"]:
            break
        said("sync", "west", scene=running)
    assert [(each["channel"], each["sku"], each["book"], each["shows"]) for each in drift] == [("west", "SKU-2", 8, 3)]
    shelf = str(drift[0]["shelf"])
    undecided = call("drift", "resolve", shelf, scene=running)
    assert undecided.exit_code == 1
    assert "--overwrite (ours) or --adopt (the shop's)" in undecided.stderr
    assert said("drift", "resolve", shelf, "--overwrite", scene=running)["done"] == "overwrite"
    asyncio.run(until_shown(running, "west", "SKU-2", 8))


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("explain", "NOPE"), 1, "the ledger has no SKU 'NOPE'"),
        (("stock", "adjust", "SKU-1", "-99", "--reason", "x"), 1, "99 wanted, 10 on hand"),
        (("stock", "receive", "SKU-1", "1", "--location", "moon"), 1, "the ledger has no location 'moon'"),
        (("stock", "receive", "SKU-1", "none"), 2, "Invalid value"),
        (("sync", "nope"), 1, "the config has no channel 'nope'; known: east, west"),
        (("listings", "link", "west", "?", "SKU-1"), 1, "this channel has no listing '?'"),
        (("listings", "list", "--channel", "nope"), 2, "known: east, west"),
        (("drift", "resolve", "1", "--adopt"), 1, "shelf 1 has no drift"),
        (("explain", "SKU-1", "--channel", "nope"), 1, "there is no channel 'nope'; known: east, west"),
        (("shadow", "nope"), 1, "there is no channel 'nope'"),
        (("aside", "list", "nope"), 1, "there is no channel 'nope'"),
        (("orders", "--channel", "nope"), 1, "there is no channel 'nope'"),
        (("orders", "--state", "nope"), 2, "'nope' is not one of"),
        (("no-such-command",), 2, "No such command"),
    ],
)
def test_errors_are_sentences(running: Scene, arguments: tuple[str, ...], code: int, text: str) -> None:
    result = call(*arguments, scene=None if arguments == ("no-such-command",) else running)
    assert result.exit_code == code, result.output
    assert text in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_a_plan_that_could_not_read_a_shop_has_failed_and_does_not_call_it_in_step(alone: Scene) -> None:
    east, _, west = alone.file.read_text().partition("[channels.west]")
    alone.file.write_text(f"{east}[channels.west]{re.sub('http://127.0.0.1:[0-9]+', 'http://127.0.0.1:9', west)}")
    result = call("plan", scene=alone)
    assert result.exit_code == 1
    assert "west could not be read" in result.stderr
    assert "every shelf shows its number" not in result.stdout


def test_a_channel_that_only_looks_on_is_not_called_live_and_nothing_is_on_its_way(alone: Scene) -> None:
    words = alone.file.read_text()
    alone.file.write_text(words.replace("[channels.west]", '[channels.west]\nmode = "shadow"'))
    applied = call("apply", "--yes", scene=alone).stdout
    assert "east: every shelf shows its number" in applied
    assert "west: 3 numbers would be written, but mode is shadow" in applied
    shown = call("status", scene=alone).output
    assert "west: shadow" in shown
    assert "3 of 3 shelves would get another number" in shown
    assert "west: mode is shadow, so none of its numbers is written" in call("plan", scene=alone).stdout
    assert alone.shops["west"].shows("SKU-1") == 10


def test_status_fits_a_hundred_columns_without_cutting_names(alone: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    config = alone.file.read_text()
    alone.file.write_text(config.replace("[channels.west]", "[channels.warehouse-in-the-west]"))
    said("apply", "--yes", scene=alone)
    monkeypatch.setenv("COLUMNS", "100")
    words = call("status", scene=alone).stdout.replace("│", " ").split()
    assert {"east", "warehouse-in-the-west"} <= set(words), "whole, whether or not there was room for lines between the columns"


def test_status_breaks_no_word_on_eighty_columns(alone: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    said("apply", "--yes", scene=alone)
    monkeypatch.setenv("COLUMNS", "80")
    head = [line for line in call("status", scene=alone).stdout.splitlines() if line.startswith("┃")]
    words = " ".join(head).replace("┃", " ").split()
    assert sorted(words) == sorted(
        ["channel", "state", "waits", "orders", "hooks", "writes", "/min", "/min", "/min", "order", "read", "push"]
    )


def test_a_stand_in_whose_port_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call("standin", "woocommerce", "--port", str(port))
    assert result.exit_code == 1
    assert f"cannot serve on port {port} (Address already in use); free the port" in " ".join(result.stderr.split())


def test_a_ledger_in_a_folder_that_is_not_there(alone: Scene, tmp_path: Path) -> None:
    words = alone.file.read_text()
    alone.file.write_text(words.replace("[store]", f'[store]\ndatabase = "sqlite:///{tmp_path}/none/a.db"'))
    result = call("plan", scene=alone)
    assert result.exit_code == 1
    assert "cannot be opened for writing: No such file or directory" in result.stderr
    assert "[store] database" in " ".join(result.stderr.split())


def test_the_ledger_of_another_store_is_not_shown(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    alone.file.write_text(re.sub(r'(?m)^id = ".*"', 'id = "other"', alone.file.read_text()))
    result = call("status", scene=alone)
    assert result.exit_code == 1
    assert "the config is for store 'other'" in result.stderr
    found = json.loads(call("doctor", "--json", scene=alone).stdout)
    assert "other-store" in {each["code"] for each in found}


def test_a_config_with_problems(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[store]\nid = "Not A Name"\n[rules]\nsafety_stock = "2"\n')
    result = call("check", "-c", str(file))
    assert result.exit_code == 3
    assert "2 problems in the configuration" in result.stderr


def test_a_target_that_apprise_does_not_know(alone: Scene) -> None:
    alone.file.write_text(alone.file.read_text() + '\n[alerts.targets.phone]\nurl = "nonsense://canary"\n')
    result = call("check", scene=alone)
    assert result.exit_code == 3
    assert "alerts.targets.phone.url" in result.stderr
    assert "is not an address that apprise understands" in result.stderr
    assert "canary" not in result.stderr


def test_no_config_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("channelsync.cli.store.SYSTEM", tmp_path / "none")
    result = call("status")
    assert result.exit_code == 1
    assert "channelsync init" in result.stderr


def test_init_writes_a_file_that_only_lacks_its_secrets(tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    arguments = (
        "init",
        str(file),
        "--store",
        "acme",
        "--channel",
        "webshop=woocommerce",
        "--channel",
        "shop=shopify",
        "--safety-stock",
        "3",
    )
    assert call(*arguments).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    tables = tomllib.loads(file.read_text())
    assert tables["store"] == {"id": "acme", "opening": "webshop"}
    assert tables["rules"] == {"safety_stock": 3}
    assert {name: each["connector"] for name, each in tables["channels"].items()} == {"webshop": "woocommerce", "shop": "shopify"}
    again = call(*arguments)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    problems = call("check", "-c", str(file)).stderr
    assert "environment variable 'WEBSHOP_KEY' is not set" in problems


def test_init_makes_a_moysklad_the_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "acme.toml"
    arguments = ("init", str(file), "--store", "acme", "--channel", "shop=shopify", "--channel", "house=moysklad")
    assert call(*arguments).exit_code == 0
    tables = tomllib.loads(file.read_text())
    assert tables["store"]["opening"] == "house"
    assert tables["channels"]["house"]["role"] == "authority"
    assert "role" not in tables["channels"]["shop"]
    for name in ("HOUSE_TOKEN", "HOUSE_WEBHOOK_SECRET", "SHOP_CLIENT_SECRET"):
        monkeypatch.setenv(name, "0123456789abcdef")
    filled = re.sub('"PASTE-[A-Z-]+-HERE"', '"c4647159-008a-11ef-ac12-000f00000006"', file.read_text())
    file.write_text(filled.replace("YOUR-SHOP", "acme"))
    assert load(file, Registry.installed()).channels["house"].role == "authority"


def test_init_writes_no_file_that_check_refuses(tmp_path: Path) -> None:
    for options in (("--store", "A b"), ("--store", "acme", "--channel", "No Name=memory")):
        result = call("init", str(tmp_path / "s.toml"), *options, answer="\n")
        assert result.exit_code == 2
        assert "small letters" in " ".join(result.stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_init_asks(tmp_path: Path) -> None:
    result = call("init", str(tmp_path / "s.toml"), answer="acme\neast=memory\n")
    assert result.exit_code == 0, result.output
    assert tomllib.loads((tmp_path / "s.toml").read_text())["channels"]["east"]["connector"] == "memory"


def test_a_store_that_systemd_runs_is_found_where_the_service_keeps_it(tmp_path: Path) -> None:
    state, credentials = tmp_path / "var/lib/channelsync/acme", tmp_path / "run/credentials/channelsync@acme.service"
    state.mkdir(parents=True)
    file = Path("/etc/channelsync/acme.toml")
    assert environment(file, {"A": "1"}, tmp_path) == {"A": "1", "STATE_DIRECTORY": str(state)}
    credentials.mkdir(parents=True)
    told = {"STATE_DIRECTORY": "/mine"}
    assert environment(file, told, tmp_path) == {"STATE_DIRECTORY": "/mine", "CREDENTIALS_DIRECTORY": str(credentials)}
    assert environment(tmp_path / "acme.toml", {}, tmp_path) == {}
