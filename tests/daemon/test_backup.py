"""Going back to yesterday's copy: the orders since are read again, and nothing that was sold meanwhile is sold once more."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from channelsync.ledger.audit import audit
from channelsync.ledger.looking import stock_rows
from channelsync.testing.postgres import PostgresServer, available
from support.store import Scene, in_background, shops_and_daemon, two_shops, until, until_shown, up

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SAFETY = 2
PAGE = Path(__file__).parents[2] / "docs" / "backup.md"
PAGE_COPY = "/backup/acme-2026-01-31.dump"


def call(scene: Scene, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


async def command(scene: Scene, *arguments: str) -> Any:
    """A command beside the running daemon; it needs an event loop of its own."""
    result = await asyncio.to_thread(call, scene, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def restore(scene: Scene, copy: Path) -> None:
    ledger = scene.file.with_name("acme.db")
    for companion in ("-wal", "-shm"):
        ledger.with_name(ledger.name + companion).unlink(missing_ok=True)
    ledger.write_bytes(copy.read_bytes())


def test_a_backup_of_a_running_store_proves_itself(tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "a copy 100%.db"
    with in_background(shops_and_daemon(tmp_path)) as scene:
        missing = call(scene, "db", "backup", str(copy))
        assert (
            missing.exit_code,
            "cannot be written: No such file or directory; check the folder" in " ".join(missing.stderr.split()),
        ) == (1, True)
        copy.parent.mkdir()
        made = call(scene, "db", "backup", str(copy))
        assert (made.exit_code, made.stderr) == (0, ""), made.output
        assert "the copy adds up" in made.stdout
        again = call(scene, "db", "backup", str(copy))
        assert (again.exit_code, "is there already" in again.stderr) == (1, True)
    assert [path.name for path in copy.parent.iterdir()] == [copy.name], "one file, and nothing beside it"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with sqlite3.connect(copy) as conn:
        assert conn.execute("SELECT SUM(on_hand) FROM stock_levels").fetchone() == (30,)


def test_a_backup_of_what_does_not_add_up_says_so(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with in_background(two_shops(tmp_path)) as scene:
        assert call(scene, "apply", "--yes").exit_code == 0
        with sqlite3.connect(tmp_path / "acme.db") as conn:
            conn.execute("UPDATE stock_levels SET on_hand = 11 WHERE sku_id = 1")
        made = call(scene, "db", "backup", str(copy))
        assert made.exit_code == 1
        assert "do not add up" in made.stdout
        assert copy.exists(), "better than none"


def test_postgresql_is_told_its_own_command(tmp_path: Path) -> None:
    with in_background(two_shops(tmp_path, database="postgresql://me:secret@127.0.0.1:9/acme")) as scene:
        told = call(scene, "db", "backup", "acme.dump")
    assert told.exit_code == 1
    assert "pg_dump --format=custom --file=acme.dump --dbname=postgresql://me@127.0.0.1:9/acme" in " ".join(told.stderr.split())
    assert "secret" not in told.output + told.stderr


@dataclass(frozen=True, slots=True)
class Kept:
    """One way of keeping and going back. database: the store's, None: an SQLite file. Both work while nothing (restore) or everything (keep) runs."""

    database: str | None
    keep: Callable[[Scene, Path], None]
    restore: Callable[[Scene, Path], None]

    def store_keys(self) -> dict[str, str]:
        return {"database": self.database} if self.database else {}


def keep_file(scene: Scene, copy: Path) -> None:
    made = call(scene, "db", "backup", str(copy))
    assert made.exit_code == 0, made.output


def of_the_page(*begins: str) -> list[str]:
    """The lines of docs/backup.md that begin so."""
    return [line for line in PAGE.read_text().splitlines() if line.startswith(begins)]


def on_postgresql(server: PostgresServer) -> Kept:
    """The commands of the page, as they stand there; only the folder is another."""

    def at(copy: Path, line: str) -> str:
        assert PAGE_COPY in line, line
        return line.replace(PAGE_COPY, str(copy))

    def keep(scene: Scene, copy: Path) -> None:
        told = call(scene, "db", "backup", str(copy))
        assert told.exit_code == 1
        [of_page] = of_the_page("(umask 077; pg_dump ")
        assert at(copy, of_page).rpartition("--dbname=")[0] in " ".join(told.stderr.split()), "the command and the page say the same"
        server.shell(at(copy, of_page))
        assert (stat.S_IMODE(copy.stat().st_mode) & 0o077) == 0

    def restore(_scene: Scene, copy: Path) -> None:
        [aside], [new], [filled] = (of_the_page(f"{program} ") for program in ("psql", "createdb", "pg_restore"))
        server.shell(f"{aside}; {new}; {at(copy, filled)}")

    return Kept(server.create_database("acme"), keep, restore)


@pytest.fixture
def kept(dialect: str, request: pytest.FixtureRequest) -> Iterator[Kept]:
    if dialect == "sqlite":
        yield Kept(None, keep_file, restore)
        return
    if not available():
        pytest.skip("no PostgreSQL binaries: install the test extra")
    server = PostgresServer(durable=True)
    server.start()
    try:
        if not server.has("pg_dump", "pg_restore", "psql", "createdb"):
            pytest.skip("the wheel with the PostgreSQL binaries brings no pg_dump, pg_restore, psql and createdb")
        yield on_postgresql(server)
    finally:
        server.stop()


async def _a_day(scene: Scene, copy: Path, kept: Kept) -> dict[str, int]:
    """The copy is made in the morning; then things are sold, cancelled and written. Returns what is left in truth."""
    async with up(scene):
        await scene.ask("apply")
        await until_shown(scene, "west", "SKU-1", 10 - SAFETY)
        await asyncio.to_thread(kept.keep, scene, copy)
        east, west = scene.shops["east"], scene.shops["west"]
        east.buy({"SKU-1": 4})
        west.buy({"SKU-1": 1})
        gone = west.buy({"SKU-3": 6})
        east.buy({"SKU-2": 8})
        await until(_in_step(scene, {"SKU-1": 3, "SKU-2": 0, "SKU-3": 2}))
        west.cancel(gone)
        await until(_in_step(scene, {"SKU-1": 3, "SKU-2": 0, "SKU-3": 8}))
    return {"SKU-1": 5, "SKU-2": 2, "SKU-3": 10}


def _in_step(scene: Scene, wanted: dict[str, int]) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return all(shop.shows(sku) == shows for shop in scene.shops.values() for sku, shows in wanted.items())

    return reached


def _writes(scene: Scene, since: dict[str, int]) -> list[tuple[str, int, int]]:
    """(SKU, before, after) of every write that a shop took since."""
    changes = [change for name, shop in scene.shops.items() for change in shop.changes[since[name] :]]
    return [(change.sku, change.before, change.after) for change in changes if change.cause == "write"]


@pytest.mark.parametrize("carrier", ["compare_and_set", "adjust"])
def test_yesterdays_copy_catches_up_and_oversells_nothing(tmp_path: Path, carrier: str, kept: Kept) -> None:
    """Without any care: the daemon is just started on the copy, and somebody receives goods in the same moment, which raises."""
    copy = tmp_path / "copy.db"

    async def story() -> None:
        async with two_shops(tmp_path, {"carrier": carrier}, **kept.store_keys()) as scene:
            left = await _a_day(scene, copy, kept)
            await asyncio.to_thread(kept.restore, scene, copy)
            seen = {name: len(shop.changes) for name, shop in scene.shops.items()}
            async with up(scene) as running:
                received = [scene.ask("stock.receive", sku=sku, location="main", quantity=1) for sku in left]
                await asyncio.gather(*received)
                truth = {sku: units + 1 for sku, units in left.items()}

                async def caught_up() -> bool:
                    rows = await running.assembly.ledger.read(stock_rows)
                    return {row.sku: row.available for row in rows} == truth

                await until(caught_up)
                await asyncio.sleep(3.0)  # several polls and sweeps of both shops
                assert await running.assembly.ledger.read(audit) == []
                writes = _writes(scene, seen)
                assert all(after <= truth[sku] - SAFETY for sku, before, after in writes if after > before), writes
                for shop in scene.shops.values():
                    assert all(shop.shows(sku) <= units - SAFETY for sku, units in truth.items())

    asyncio.run(story())


@pytest.mark.parametrize("carrier", ["compare_and_set", "adjust"])
def test_with_the_pause_that_the_page_advises_no_number_is_lowered_twice(tmp_path: Path, carrier: str, kept: Kept) -> None:
    copy = tmp_path / "copy.db"

    async def story() -> None:
        async with two_shops(tmp_path, {"carrier": carrier}, **kept.store_keys()) as scene, AsyncExitStack() as later:
            left = await _a_day(scene, copy, kept)
            await asyncio.to_thread(kept.restore, scene, copy)
            assert await command(scene, "pause") == {"east": True, "west": True}
            seen = {name: len(shop.changes) for name, shop in scene.shops.items()}
            running = await later.enter_async_context(up(scene))

            async def caught_up() -> bool:
                rows = await running.assembly.ledger.read(stock_rows)
                return {row.sku: row.available for row in rows} == left

            await until(caught_up)
            await asyncio.sleep(3.0)
            result = await asyncio.to_thread(call, scene, "audit", "--json")
            told = json.loads(result.stdout)["findings"]
            assert {finding["what"] for finding in told} == {"number"}, "orders are all there again, our own writes are not"
            answer = await command(scene, "drift", "resolve", "--all", "--overwrite", "--yes")
            assert (answer["answered"] > 0, answer["left"]) == (True, 0), answer
            assert (await command(scene, "audit"))["findings"] == []
            assert await command(scene, "resume") == {"east": True, "west": True}
            await asyncio.sleep(2.0)
            assert _writes(scene, seen) == []
            assert all(shop.shows(sku) == units - SAFETY for shop in scene.shops.values() for sku, units in left.items())

    asyncio.run(story())
