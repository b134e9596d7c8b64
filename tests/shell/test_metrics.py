"""What Prometheus reads of a real daemon, that the files beside docs/monitoring.md ask for nothing else, and what health and readiness mean."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text

from channelsync.ledger import alert_queue
from channelsync.ledger.alert_queue import Outcome, Said
from channelsync.ledger.schema import alert_messages
from channelsync.ledger.upgrade import VERSION_TABLE
from channelsync.shell import metrics
from support.receivers import SECRET, Receiver
from support.store import two_shops, until, until_shown, up

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
ASKED = re.compile(r"\b(?:channelsync|process)_[a-z_]+\b")
LABELS = {"store", "channel", "kind", "state", "loop", "what", "method", "status", "le", "version"} | {"severity", "target"}


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


ALERTS = """
[alerts]
routes = [{{ to = ["office"] }}]

[alerts.targets.office]
url = "json://127.0.0.1:{office}/in"
allow_private_hosts = true

[alerts.webhooks.erp]
url = "http://127.0.0.1:{erp}/in"
secrets = ["{secret}"]
allow_private_hosts = true
"""
MESSAGES = "channelsync_alert_messages"


def test_it_tells_of_alerts_and_of_messages_that_do_not_get_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)

    async def story() -> None:
        async with (
            Receiver().open() as office,
            Receiver(status=400).open() as erp,
            two_shops(tmp_path) as scene,
            httpx.AsyncClient() as client,
        ):
            scene.file.write_text(scene.file.read_text() + ALERTS.format(office=office.port, erp=erp.port, secret=SECRET))
            async with up(scene) as running:

                async def told() -> str:
                    return (await client.get(f"{running.private.url}/metrics")).text

                await scene.ask("apply")
                alerts = running.assembly.engine.alerts
                assert alerts is not None
                await alerts.watch()
                before = await told()
                for name in ("waiting", "given_up", "sent_total"):
                    assert [sample(before, f"{MESSAGES}_{name}", target=kind) for kind in ("people", "webhook")] == [0, 0], name
                assert sample(before, "channelsync_alerts_open", kind="low-stock", severity="info") == 0
                assert f"{MESSAGES}_oldest_timestamp_seconds{{" not in before, "none waits"
                await scene.ask("stock.adjust", sku="SKU-1", location="main", quantity=-7, reason="lost")

                async def settled() -> bool:
                    seen = await told()
                    sent = sample(seen, f"{MESSAGES}_sent_total", target="people")
                    return (sent, sample(seen, f"{MESSAGES}_waiting", target="webhook"), len(erp.all)) == (1, 1, 1)

                await until(settled)
                seen = await told()
                assert sample(seen, "channelsync_alerts_open", kind="low-stock", severity="info") == 1
                assert sample(seen, f"{MESSAGES}_sent_total", target="webhook") == 0
                assert sample(seen, f"{MESSAGES}_oldest_timestamp_seconds", target="webhook") > 1_700_000_000
                assert asked_for("alert") <= names(seen)
                with running.assembly.database.connect() as conn:
                    message = conn.scalar(select(alert_messages.c.id).where(alert_messages.c.target == "erp"))
                for _ in range(alert_queue.REFUSALS_MAX):
                    await running.assembly.ledger.run(alert_queue.settle, Outcome("erp", message or 0, Said.REFUSED))
                seen = await told()
                assert [sample(seen, f"{MESSAGES}_{name}", target="webhook") for name in ("given_up", "waiting")] == [1, 0]
                ours = "\n".join(line for line in seen.splitlines() if line.startswith("channelsync_alert"))
                assert not re.search(r"office|erp|127\.0\.0\.1|SKU", ours), "neither a name nor an address"

    asyncio.run(story())


def asked_for(what: str) -> set[str]:
    """The metrics of the files whose names begin so."""
    found = {name for file in ("alerts.yaml", "dashboard.json") for name in ASKED.findall((FOLDER / file).read_text())}
    return {name for name in found if name.startswith(f"channelsync_{what}")}


@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_every_metric_of_the_files_exists(told: str, file: str) -> None:
    """Some are there only while something waits; those are named by the code that makes them."""
    known = names(told) | {f"channelsync_channel_{name}" for name, *_ in metrics.NUMBERS}
    known |= {"channelsync_channel_set_aside", "channelsync_findings_open"} | asked_for("alert_messages")  # the test above has them
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
