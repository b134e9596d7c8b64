"""GET /metrics: the store in numbers, for Prometheus. What they mean to people is in docs/monitoring.md.

Labels are bounded by the config: store, channel, kind, loop, target. Never a SKU, an order or a reason: those are in `status` and `explain`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from channelsync.shell import alert_metrics
from channelsync.shell.assemble import Assembly
from channelsync.shell.live import live
from channelsync.shell.receiver import Receive, Send
from channelsync.shell.serve import App
from channelsync.shell.standing import Standing, Whole, standing

log = structlog.get_logger(__name__)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
FRESH_SECONDS = 5.0
"""The ledger is read at most this often, however many ask."""
STATES = ("live", "shadow", "paused", "unopened")
SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0)

Look = Callable[[Standing], "float | datetime | None"]
NUMBERS: tuple[tuple[str, str, Look], ...] = (
    ("listings", "Listings that exist on the channel.", lambda s: s.view.listings),
    ("listings_unlinked", "Listings that are linked to no SKU.", lambda s: s.view.unlinked),
    ("shelves", "Numbers that customers of the channel see.", lambda s: s.view.shelves),
    ("shelves_due", "Shelves that do not show their number.", lambda s: s.view.due),
    ("shelves_backlog", "Shelves that do not show their number and may be written.", lambda s: s.view.freshness.backlog),
    ("shelves_frozen", "Shelves that a person has frozen.", lambda s: s.view.frozen),
    ("attempts_open", "Writes whose outcome is not known yet.", lambda s: s.view.open_attempts),
    ("gaps", "Shelves that show what nothing explains.", lambda s: s.view.gaps),
    ("gaps_asked", "Among them: those that a person is to decide.", lambda s: s.view.asked),
    ("inbox_deliveries", "Webhook deliveries that wait to be applied.", lambda s: s.view.inbox),
    ("rejected_deliveries", "Deliveries with a wrong signature, ever.", lambda s: s.view.rejected),
    ("unmapped_places", "Places of the shop that nobody has mapped.", lambda s: len(s.unmapped)),
    ("orders_per_minute", "Orders that came, over five minutes.", lambda s: s.view.freshness.orders_per_minute),
    ("deliveries_per_minute", "Webhook deliveries that came, over five minutes.", lambda s: s.view.freshness.deliveries_per_minute),
    ("writes_per_minute", "Numbers that were written, over five minutes.", lambda s: s.view.freshness.writes_per_minute),
    ("oldest_unsent_timestamp_seconds", "Since when the oldest change waits to be written.", lambda s: s.view.oldest_unsent),
    ("inbox_oldest_timestamp_seconds", "When the oldest waiting delivery came.", lambda s: s.view.inbox_oldest),
    ("last_look_timestamp_seconds", "When orders were last looked for.", lambda s: s.view.last_look),
    ("last_order_timestamp_seconds", "When an order last came.", lambda s: s.view.freshness.last_order),
    ("last_delivery_timestamp_seconds", "When a webhook delivery last came.", lambda s: s.view.freshness.last_delivery),
    ("last_reading_timestamp_seconds", "When a shelf was last read.", lambda s: s.view.freshness.last_reading),
    ("last_push_timestamp_seconds", "When a number was last written.", lambda s: s.view.freshness.last_push),
)
"""One gauge for each channel, named channelsync_channel_...; an instant that has not been is left out."""


class Metrics:
    """`text` is what Prometheus reads. A ledger that cannot be read leaves its numbers out and says so: old ones would look like good news."""

    def __init__(self, assembly: Assembly, problems: Callable[[], Awaitable[list[str]]]) -> None:
        self._assembly, self._problems = assembly, problems
        self._registry = CollectorRegistry()
        self._registry.register(_Seen(self._collect))
        self._store = assembly.config.store.id
        names = ("store", "method", "status")
        self.requests = Counter("channelsync_api_requests", "Requests of the API.", names, registry=self._registry)
        self.seconds = Histogram(
            "channelsync_api_request_seconds", "How long the API took.", ("store", "method"), registry=self._registry, buckets=SECONDS
        )
        ProcessCollector(registry=self._registry)
        self._whole: Whole | None = None
        self._alive = False
        self._read_at: float | None = None
        self._one_reads = asyncio.Lock()

    async def text(self) -> bytes:
        clock = self._assembly.store.clock
        async with self._one_reads:
            if self._read_at is None or clock.monotonic() - self._read_at >= FRESH_SECONDS:
                await self._look()
                self._read_at = clock.monotonic()
        return generate_latest(self._registry)

    async def _look(self) -> None:
        store = self._assembly.store
        self._alive = not await self._problems()
        self._whole = None
        if self._alive:
            try:
                self._whole = await store.ledger.read(standing, self._assembly.config, store.clock.now())
            except Exception as error:
                log.warning("the ledger could not be read for the metrics", error=str(error))

    def counting(self, app: App) -> App:
        """The API, each request counted and timed."""

        async def counted(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            clock, status = self._assembly.store.clock, "none"
            began = clock.monotonic()

            async def watched(message: MutableMapping[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = f"{message['status'] // 100}xx"
                await send(message)

            method = scope["method"] if scope["method"] in ("GET", "POST") else "other"
            try:
                await app(scope, receive, watched)
            finally:
                self.requests.labels(self._store, method, status).inc()
                self.seconds.labels(self._store, method).observe(clock.monotonic() - began)

        return counted

    def _collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("channelsync", "What runs here.", {"store": self._store, "version": version("channelsync")})
        yield self._one("alive", "1: the database answers and the loops advance.", float(self._alive))
        yield self._one("ledger_read", "1: the ledger's numbers are among these.", float(self._whole is not None))
        yield from self._loops()
        yield from self._shops()
        said, alerts = self._assembly.config.alerts, self._assembly.engine.alerts
        yield alert_metrics.sent(self._store, said, alerts.sent if alerts else {})
        if self._whole is not None:
            yield from self._channels(self._whole)
            yield from alert_metrics.standing(self._family, said, self._whole.alerts)

    def _one(self, name: str, told: str, value: float) -> Metric:
        return self._family(name, told, (), [((), value)])

    def _family(self, name: str, told: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
        family = GaugeMetricFamily(f"channelsync_{name}", told, labels=("store", *labels))
        for values, number in rows:
            family.add_metric([self._store, *values], number)
        return family

    def _loops(self) -> Iterator[Metric]:
        """Names are "loop" or "channel.loop"."""
        now, progress = self._assembly.store.clock.monotonic(), self._assembly.engine.progress
        rows = [((name.rpartition(".")[0], name.rpartition(".")[2]), now - at) for name, at in sorted(progress.items())]
        yield self._family("loop_age_seconds", "Since the loop last ended a round well.", ("channel", "loop"), rows)

    def _shops(self) -> Iterator[Metric]:
        """What only this process knows."""
        now: dict[str, Any] = live(self._assembly)["channels"]
        rows = sorted(now.items())
        yield self._family(
            "channel_trouble", "1: something went wrong with it last.", ("channel",), [((n,), float(bool(s["trouble"]))) for n, s in rows]
        )
        yield self._family(
            "channel_circuit_open",
            "1: the shop does not answer and is asked seldom.",
            ("channel",),
            [((n,), float(s["circuit_open"])) for n, s in rows],
        )
        yield self._family(
            "channel_rate_left", "Left of the shop's own budget.", ("channel",), [((n,), s["rate"]["left"]) for n, s in rows]
        )
        yield self._family("channel_rate_limit", "The shop's own budget.", ("channel",), [((n,), s["rate"]["of"]) for n, s in rows])
        read = CounterMetricFamily("channelsync_channel_read", "What came from it since the start.", labels=("store", "channel", "what"))
        for name, shop in rows:
            for what, count in sorted(shop["read"].items()):
                read.add_metric([self._store, name, what], count)
        yield read

    def _channels(self, whole: Whole) -> Iterator[Metric]:
        rows = sorted(whole.channels.items())
        states = [((name, state), float(each.state == state)) for name, each in rows for state in STATES]
        yield self._family("channel_state", "1 for the state that it is in.", ("channel", "state"), states)
        aside = [((name, kind), float(count)) for name, each in rows for kind, count in sorted(each.view.set_aside.items())]
        yield self._family("channel_set_aside", "What could not be applied, by kind.", ("channel", "kind"), aside)
        findings = [((kind,), float(count)) for kind, count in sorted(whole.findings.items())]
        yield self._family("findings_open", "Findings that nobody has resolved, by kind.", ("kind",), findings)
        for name, told, look in NUMBERS:
            seen = [((channel,), look(each)) for channel, each in rows]
            yield self._family(
                f"channel_{name}", told, ("channel",), [(labels, _number(value)) for labels, value in seen if value is not None]
            )


def _number(value: float | datetime) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value)


class _Seen(Collector):
    """What is not counted but looked at."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        return []
