"""From `[alerts]` to the rules that the ledger is asked with, and one sender per target."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from channelsync.clock import Clock
from channelsync.config import Config, ConfigError, Problem
from channelsync.contract import Role
from channelsync.engine.alerts import Alerts, Sender
from channelsync.engine.store import Store
from channelsync.ledger.alert_rules import Feed, Route, Rules, Severity
from channelsync.shell import alert_feed
from channelsync.shell.alert_apprise import AppriseTarget, NotUnderstood
from channelsync.shell.http_client import HttpClient
from channelsync.shell.redact import Redactor

POLLS_MISSED = 5


@asynccontextmanager
async def wired(config: Config, store: Store, clock: Clock, redactor: Redactor, *, check: bool = True) -> AsyncIterator[Alerts]:
    """check: raises ConfigError for an address that cannot be used."""
    async with AsyncExitStack() as stack:
        senders: dict[str, Sender] = dict(people(config, clock, redactor, check=check))
        for name, hook in config.alerts.webhooks.items():
            client = HttpClient(
                clock,
                timeout=alert_feed.TIMEOUT.total_seconds(),
                body_max=alert_feed.ANSWER_MAX,
                private_hosts=hook.allow_private_hosts,
            )
            stack.push_async_callback(client.aclose)
            secrets = tuple(secret.get_secret_value() for secret in hook.secrets)
            senders[name] = alert_feed.Feed(config.store.id, hook.url.get_secret_value(), secrets, client, clock, redactor)
        yield Alerts(store, rules_of(config, {channel.name: id_ for id_, channel in store.channels.items()}), senders)


def people(config: Config, clock: Clock, redactor: Redactor, *, check: bool = True) -> Mapping[str, AppriseTarget]:
    """The targets that apprise reaches. check: raises ConfigError for an address that it can make nothing of; loading it takes half a second."""
    found = {
        name: AppriseTarget(config.store.id, target.url.get_secret_value(), clock, redactor, private_hosts=target.allow_private_hosts)
        for name, target in config.alerts.targets.items()
    }
    problems = []
    for name, target in found.items() if check else ():
        try:
            target.load()
        except NotUnderstood as error:
            problems.append(Problem(config.path, f"alerts.targets.{name}.url", str(error)))
    if problems:
        raise ConfigError(problems)
    return found


def rules_of(config: Config, channel_ids: Mapping[str, int]) -> Rules:
    said = config.alerts
    down = timedelta(minutes=said.down_minutes)
    sold = [channel for channel in config.channels.values() if channel.role is Role.CHANNEL]
    return Rules(
        low=said.low_stock,
        low_at=tuple(sorted(said.low_stock_at.items())),
        margin_share=said.margin_share,
        margin_least=said.margin_least,
        routes=tuple(
            Route(f"route {number}", each.to, tuple(each.kinds), Severity(each.severity), each.locations, each.resolved, each.max_per_hour)
            for number, each in enumerate(said.routes, start=1)
        ),
        feeds=tuple(Feed(name, hook.events) for name, hook in said.webhooks.items()),
        down_after=tuple((channel_ids[each.name], max(down, POLLS_MISSED * timedelta(seconds=each.poll_seconds))) for each in sold),
        unsent_after=timedelta(minutes=said.unsent_minutes),
        inspect_after=timedelta(hours=said.inspect_hours),
        live=tuple(channel_ids[each.name] for each in sold if each.mode == "live"),
    )
