"""What Prometheus reads of a real daemon, that the files beside docs/monitoring.md ask for nothing else, and what health and readiness mean."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from channelsync.ledger.upgrade import VERSION_TABLE
from channelsync.shell import metrics
from support.store import two_shops, until, until_shown, up

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
ASKED = re.compile(r"\b(?:channelsync|process)_[a-z_]+\b")
LABELS = {"store", "channel", "kind", "state", "loop", "what", "method", "status", "le", "version"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A daemon at work: a sale has gone through, a number is frozen, the API was asked."""
    answer = ""

    async def story() -> None:
        nonlocal answer
        async with two_shops(tmp_path_factory.mktemp("store")) as scene, up(scene) as running, httpx.AsyncClient() as client:
            await scene.ask("apply")
            scene.shops["east"].buy({"SKU-1": 3})
            await until_shown(scene, "west", "SKU-1", 5)
            await scene.ask("freeze", scope={"sku": "SKU-2"}, reason="photo shoot")
            assert (await client.get(f"{running.private.url}/api/v1/orders")).status_code == 401
            seen = await client.get(f"{running.private.url}/metrics")
            assert seen.headers["content-type"] == metrics.CONTENT_TYPE
            answer = seen.text

    asyncio.run(story())
    return answer


def names(told: str) -> set[str]:
    return {re.split(r"[{ ]", line)[0] for line in told.splitlines() if line and not line.startswith("#")}


def sample(told: str, name: str, **labels: str) -> float:
    lines = [line for line in told.splitlines() if re.match(rf"{name}[{{ ]", line)]
    (line,) = [line for line in lines if all(f'{key}="{value}"' in line for key, value in labels.items())]
    return float(line.split()[-1])


def test_it_tells_how_the_shops_stand(told: str) -> None:
    assert sample(told, "channelsync_alive", store="acme") == 1
    assert sample(told, "channelsync_ledger_read") == 1
    assert sample(told, "channelsync_channel_state", channel="west", state="live") == 1
    assert sample(told, "channelsync_channel_state", channel="west", state="paused") == 0
    assert sample(told, "channelsync_channel_shelves", channel="east") == 3
    assert sample(told, "channelsync_channel_shelves_frozen", channel="east") == 1
    assert sample(told, "channelsync_channel_orders_per_minute", channel="east") > 0
    assert sample(told, "channelsync_channel_read_total", channel="east", what="numbers") >= 1
    assert sample(told, "channelsync_api_requests_total", method="GET", status="4xx") == 1
    assert sample(told, "channelsync_channel_last_push_timestamp_seconds", channel="west") > 1_700_000_000


def test_labels_are_bounded_and_no_sku_is_among_them(told: str) -> None:
    assert "SKU-" not in told
    assert set(re.findall(r"[{,](\w+)=", told)) <= LABELS


@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_every_metric_of_the_files_exists(told: str, file: str) -> None:
    """Some are there only while something waits; those are named by the code that makes them."""
    known = names(told) | {f"channelsync_channel_{name}" for name, *_ in metrics.NUMBERS}
    known |= {"channelsync_channel_set_aside", "channelsync_findings_open"}
    asked = set(ASKED.findall((FOLDER / file).read_text()))
    assert len(asked) > 8
    assert asked <= known, asked - known


def test_the_dashboard_is_one() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) > 10
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


def test_ready_means_that_the_schema_is_ours_and_the_inbox_has_room(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running, httpx.AsyncClient(base_url=running.private.url) as client:
            assert (await client.get("/readyz")).status_code == 200
            with running.assembly.database.begin() as conn:
                conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
            seen = await client.get("/readyz")
            assert (seen.status_code, "at revision 9999" in seen.json()["problems"][0]) == (503, True)
            assert (await client.get("/healthz")).status_code == 200, "it is alive all the same"
            assert (await client.post("/healthz")).headers["allow"] == "GET, HEAD"

    asyncio.run(story())


def test_a_full_inbox_is_not_ready(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running, httpx.AsyncClient(base_url=running.private.url) as client:
            await scene.ask("apply")
            inlets = running.inlets
            inlets._waiting["east"] = inlets._waiting_max
            seen = (await client.get("/readyz")).json()
            assert seen["problems"] == ["the inbox of east is full: its webhooks are answered 503"]
            await inlets.tell()

            async def ready() -> bool:
                return (await client.get("/readyz")).status_code == 200

            await until(ready)

    asyncio.run(story())


def test_a_ledger_that_cannot_be_read_is_not_told_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)

    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running, httpx.AsyncClient(base_url=running.private.url) as client:
            assert "channelsync_channel_state" in (await client.get("/metrics")).text

            def broken(*_: object) -> None:
                raise OSError("disk")

            monkeypatch.setattr(metrics, "standing", broken)
            seen = (await client.get("/metrics")).text
            assert "channelsync_ledger_read{" in seen
            assert sample(seen, "channelsync_ledger_read") == 0
            assert "channelsync_channel_state" not in seen

    asyncio.run(story())
