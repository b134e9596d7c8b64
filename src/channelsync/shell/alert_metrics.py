"""Alerts in /metrics. Targets are told by what they are, never by name or address: both are the operator's own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, Metric

from channelsync.config.alerts import AlertsConfig
from channelsync.ledger.alert_counts import AlertCounts
from channelsync.ledger.alert_rules import MOMENTS, Kind, severity_of

Family = Callable[[str, str, tuple[str, ...], Iterable[tuple[tuple[str, ...], float]]], Metric]
"""name, what it tells, labels, rows of (their values, number)."""

PEOPLE, WEBHOOK, GONE = "people", "webhook", "gone"


def kind_of(config: AlertsConfig, target: str) -> str:
    """gone: not in the config any more; what waited for it was given up."""
    return PEOPLE if target in config.targets else WEBHOOK if target in config.webhooks else GONE


def standing(family: Family, config: AlertsConfig, counts: AlertCounts) -> Iterator[Metric]:
    """Every kind of alert and of target that can be, also with 0: a rule that compares with yesterday needs yesterday."""
    rows = {(kind.value, severity_of(kind).value): 0 for kind in Kind if kind not in MOMENTS}
    rows |= {(each.kind, each.severity): each.count for each in counts.open}
    yield family("alerts_open", "Alerts that are open.", ("kind", "severity"), ((labels, float(n)) for labels, n in sorted(rows.items())))
    waiting, given_up = (Counter(dict.fromkeys(_kinds(config), 0)) for _ in range(2))
    since: dict[str, datetime] = {}
    for queue in counts.queues:
        kind = kind_of(config, queue.target)
        waiting[kind] += queue.waiting
        given_up[kind] += queue.given_up
        if queue.waiting_since is not None:
            since[kind] = min(queue.waiting_since, since.get(kind, queue.waiting_since))
    told = (
        ("alert_messages_waiting", "Messages about alerts that wait to be sent.", waiting),
        ("alert_messages_given_up", "Messages about alerts that were given up in the last 30 days.", given_up),
        (
            "alert_messages_oldest_timestamp_seconds",
            "When the oldest waiting message was queued.",
            {kind: moment.timestamp() for kind, moment in since.items()},
        ),
    )
    for name, help_, numbers in told:
        yield family(name, help_, ("target",), (((kind,), float(number)) for kind, number in sorted(numbers.items())))


def sent(store: str, config: AlertsConfig, counts: Mapping[str, int]) -> Metric:
    """counts: by the targets' names, since this process began."""
    family = CounterMetricFamily(
        "channelsync_alert_messages_sent", "Messages about alerts that were sent since the start.", labels=("store", "target")
    )
    total = Counter(dict.fromkeys(_kinds(config), 0))
    for name, count in counts.items():
        total[kind_of(config, name)] += count
    for kind, count in sorted(total.items()):
        family.add_metric([store, kind], count)
    return family


def _kinds(config: AlertsConfig) -> set[str]:
    return {kind_of(config, name) for name in (*config.targets, *config.webhooks)}
