"""Records a SKU from a simulated world, as `channelsync record` does from a store's ledger."""

from __future__ import annotations

from datetime import timedelta

from channelsync.ledger.recording import Facts, Recording, record
from channelsync.ledger.recording.traits import recorded
from channelsync.testing.simulation.plan import Plan
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.report import Report
from channelsync.testing.simulation.stage import Stage
from channelsync.testing.simulation.world import World


def taped(plan: Plan, sku: str = "SKU-0", *, patience: float | None = None) -> tuple[Recording | None, Report]:
    """None: the world broke before its trade was over."""
    found: list[Recording] = []
    with quiet():
        report = World(plan, patience=patience, look=lambda stage: found.append(tape(stage, sku))).run()
    return (found[0] if found else None), report


def tape(stage: Stage, sku: str) -> Recording:
    now = stage.hub_clock.now()
    with stage.database.connect() as conn, conn.begin():
        return record(conn, sku, now - timedelta(days=7), now, facts(stage))


def facts(stage: Stage) -> dict[str, Facts]:
    return {
        each.name: Facts(
            recorded(each.connector.traits),
            each.settings.poll.total_seconds(),
            each.settings.sweep.total_seconds(),
            each.settings.timeout.total_seconds(),
            each.settings.on_edit.lower.value,
            each.settings.on_edit.higher.value,
        )
        for each in stage.nodes[-1].store.channels.values()
    }
