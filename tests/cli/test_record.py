"""`channelsync record`: a file without a single name, whatever the ledger is full of, and what it says to the person who made it."""

from __future__ import annotations

import json
import random
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from channelsync.clock import SystemClock
from channelsync.ledger.database import open_database
from channelsync.ledger.recording import read
from channelsync.ledger.recording.model import OrderChange, Stock
from channelsync.testing.simulation.replaying import replay
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.serving import Courier, shop_open
from support.store import PROMPT, QUICK, Scene, in_background, write_config

CANARY = "Canary"
SKU = f"{CANARY}-Mug"
OUR_WORDS = {
    "",
    "order",
    "channel",
    "memory",
    "webhook",
    "poll",
    "placed",
    "cancelled",
    "shipped",
    "stock",
    "open",
    "soft",
    "hard",
    "ok",
    "push",
}
OUR_WORDS |= {"reservation", "compare_and_set", "received", "adjusted", "released", "committed", "overwrite", "ask", "north", "south"}


@asynccontextmanager
async def _shops(folder: Path) -> AsyncIterator[Scene]:
    courier = Courier()
    names = (f"{CANARY}east".lower(), f"{CANARY}west".lower())
    shops = {name: MemoryStandIn(SystemClock(), random.Random(name), deliver=courier.deliver, name=name) for name in names}
    async with shop_open(shops[names[0]]) as east, shop_open(shops[names[1]]) as west:
        tables = {}
        for (name, shop), url in zip(shops.items(), (east, west), strict=True):
            shop.stock([Item(SKU, 10, title=f"{CANARY} mug of Ann"), Item(f"{CANARY}-Cup", 10, title=f"{CANARY} cup")])
            tables[name] = {**shop.settings(url), **QUICK, **PROMPT}
        yield Scene(write_config(folder, tables, database=f"sqlite:///{folder}/acme.db", opening=names[0]), shops)
    await courier.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with in_background(_shops(tmp_path)) as scene:
        assert call("apply", "--yes", scene=scene).exit_code == 0
        yield scene


def call(*arguments: str, scene: Scene) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


def _lived(scene: Scene) -> None:
    """A day in which people write names everywhere."""
    for shop in scene.shops.values():
        ref = shop.buy({SKU: 1, f"{CANARY}-Cup": 1})
        assert call("sync", scene=scene).exit_code == 0
        shop.cancel(shop.buy({SKU: 2}))
        shop.ship(ref)
    said = [
        call("stock", "receive", SKU, "4", "--reference", f"{CANARY}-delivery-note", "--key", f"{CANARY}-key", scene=scene),
        call("stock", "adjust", SKU, "-1", "--reason", f"{CANARY}: Ann dropped one", scene=scene),
        call("stock", "reserve", SKU, "1", "--reference", f"{CANARY}-cart-of-Ann", scene=scene),
        call("freeze", SKU, "--reason", f"{CANARY}: Ann counts", scene=scene),
        call("sync", scene=scene),
    ]
    assert [result.exit_code for result in said] == [0] * len(said), [result.output for result in said]


def _texts(scene: Scene) -> set[str]:
    """Every text that stands in any column of the ledger."""
    database = open_database(scene.config.store.database)
    known = MetaData()
    known.reflect(database)
    with database.connect() as conn:
        rows = [value for table in known.tables.values() for row in conn.execute(select(table)) for value in row]
    database.dispose()
    return {value for value in rows if isinstance(value, str)}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str):
        yield value


def test_nothing_that_anybody_wrote_is_in_the_file_and_it_replays(scene: Scene, tmp_path: Path) -> None:
    _lived(scene)
    file = tmp_path / "incident.json"
    result = call("record", SKU, "--out", str(file), scene=scene)
    assert result.exit_code == 0, result.output
    text = file.read_text(encoding="utf-8")
    written = _texts(scene)
    assert sum(CANARY.lower() in each.lower() for each in written) > 10
    for secret in (CANARY.lower(), "ann", "127.0.0.1", "acme", *(each.lower() for each in scene.config.secrets)):
        words = {leaf.lower() for leaf in _leaves(json.loads(text))} if secret == "ann" else text.lower()
        assert secret not in words, secret
    values = set(_leaves(json.loads(text)))
    assert not {each for each in written if len(each) > 2} & (values - OUR_WORDS - _keys(json.loads(text)))
    recording = read(file)
    orders = [event for event in recording.events if isinstance(event, OrderChange)]
    assert sum(event.change == "placed" for event in orders) == 4
    assert [event.units for event in recording.events if isinstance(event, Stock)] == [4, -1]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "Not in it: SKU codes, titles" in result.stderr
    assert replay(recording).problems == []


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_keys(inner) for inner in value.values()))
    return set().union(*(_keys(inner) for inner in value)) if isinstance(value, list) else set()


def test_standard_output_carries_the_document_alone(scene: Scene) -> None:
    result = call("record", SKU, "--last", "1h", scene=scene)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["format"] == "channelsync recording"
    assert "Not in it" in result.stderr


def test_what_is_wrong_is_said_as_everywhere(scene: Scene, tmp_path: Path) -> None:
    unknown = call("record", "NOPE", scene=scene)
    assert (unknown.exit_code, unknown.stderr) == (1, call("explain", "NOPE", scene=scene).stderr)
    assert call("record", SKU, "--last", "soon", scene=scene).exit_code == 2
    assert call("record", SKU, "--last", "1d", "--since", "2026-01-01", scene=scene).exit_code == 2
    folder = call("record", SKU, "--out", str(tmp_path), scene=scene)
    assert folder.exit_code == 1
    assert "cannot be written" in " ".join(folder.stderr.split())


def test_a_window_in_which_nothing_happened_says_so(scene: Scene) -> None:
    result = call("record", SKU, "--last", "0.001s", scene=scene)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["events"] == []
    assert "Nothing happened to it in that time" in result.stderr
