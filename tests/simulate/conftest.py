"""Adds up what the seeds simulated and says so at the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    summaries = [
        value
        for reports in (terminalreporter.stats.get("passed", []), terminalreporter.stats.get("failed", []))
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "simulated"
    ]
    if summaries:
        terminalreporter.write_sep("-", "simulation")
        terminalreporter.write_line(_told(summaries))


def _told(summaries: list[dict[str, Any]]) -> str:
    hours = sum(summary["seconds"] for summary in summaries) / 3600
    numbers = {name: sum(summary[name] for summary in summaries) for name in ("events", "lives", "raises")}
    parts = [f"{len(summaries)} seeds, {hours:.1f} simulated hours, {', '.join(f'{count} {name}' for name, count in numbers.items())}"]
    for name in ("faults", "acted", "raced"):
        counts: Counter[str] = Counter()
        for summary in summaries:
            counts.update(summary[name])
        parts.append(f"{name} {sum(counts.values())} ({', '.join(f'{kind} {count}' for kind, count in sorted(counts.items()))})")
    return "; ".join(parts)
