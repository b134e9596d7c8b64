"""`doctor` asks each shop: are we let in, is it the shop we know, does its clock agree with ours, and what does its connector find?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

from channelsync.clock import Clock
from channelsync.config import ChannelConfig, Config
from channelsync.contract import Connector, Diagnoses, Diagnosis, Http, HttpRequest, HttpResponse, Severity
from channelsync.contract.setup import Setup
from channelsync.errors import ChannelError, Unauthorized
from channelsync.registry import Registry
from channelsync.shell.redact import Redactor
from channelsync.shell.visiting import visiting

T = TypeVar("T")

CLOCK_OFF, CLOCK_WRONG = timedelta(seconds=30), timedelta(minutes=5)


class DatedHttp:
    """A shop's door that notes what time the shop says it is. skew: the shop's clock less ours, as of its last answer."""

    def __init__(self, door: Http, clock: Clock) -> None:
        self.budget = door.budget
        self.skew: timedelta | None = None
        self._door, self._clock = door, clock

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._door.read(request, self._noting(understand))

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        return await self._door.write(request, self._noting(understand))

    def _noting(self, understand: Callable[[HttpResponse], T]) -> Callable[[HttpResponse], T]:
        def noting(response: HttpResponse) -> T:
            self._note(response.headers.get("date"))
            return understand(response)

        return noting

    def _note(self, date: str | None) -> None:
        try:
            told = parsedate_to_datetime(date) if date else None
        except ValueError:
            return
        if told is not None:
            self.skew = told.astimezone(UTC) - self._clock.now()


async def examine(
    config: Config, registry: Registry, known: Mapping[str, str | None], clock: Clock, only: str | None = None
) -> list[tuple[str, Diagnosis]]:
    """(channel, finding), all shops together. known: which shop each channel belongs to, as far as the ledger knows."""
    chosen = [channel for channel in config.channels.values() if only in (None, channel.name)]
    found = await asyncio.gather(*(_channel(config, channel, registry, known.get(channel.name), clock) for channel in chosen))
    return [(channel.name, each) for channel, findings in zip(chosen, found, strict=True) for each in findings]


async def _channel(config: Config, channel: ChannelConfig, registry: Registry, known: str | None, clock: Clock) -> list[Diagnosis]:
    dated: list[DatedHttp] = []

    def through(door: Http) -> Http:
        dated.append(DatedHttp(door, clock))
        return dated[0]

    async with visiting(config, channel, registry, clock, through=through) as visit:
        url = config.listen.public_url if channel.webhooks else None
        setup = Setup(
            f"{url}/webhooks/{channel.name}" if url else None, tuple(channel.locations), clock.now(), channel.backorder_switch == "write"
        )
        found = [*await _identity(visit.connector, known), *await _diagnoses(visit.connector, setup, visit.redactor)]
    if any(each.severity is Severity.ERROR and each.code != "refused-us" for each in found):
        found = [each for each in found if each.code != "refused-us"]  # the connector knows better why
    if channel.mode == "shadow":
        found.append(
            Diagnosis("shadow", Severity.NOTE, "mode is shadow: everything is read, nothing is written", 'mode = "live" when you trust it')
        )
    return [*found, *judge_clock(dated[0].skew)]


async def _identity(connector: Connector, known: str | None) -> Sequence[Diagnosis]:
    try:
        told = await connector.check()
    except Unauthorized as error:
        return [
            Diagnosis(
                "refused-us", Severity.ERROR, str(error), "put new credentials, or the missing permission, into the config or the shop"
            )
        ]
    except ChannelError as error:
        return [Diagnosis("no-answer", Severity.ERROR, f"the shop gave no usable answer: {error}", "is its address right, and is it up?")]
    if known is not None and known != told.shop:
        what = f"the credentials open {told.shop}, but the ledger knows this channel as {known}"
        return [Diagnosis("other-shop", Severity.ERROR, what, "give the other shop a channel name of its own", told.shop)]
    return []


async def _diagnoses(connector: Connector, setup: Setup, redactor: Redactor) -> Sequence[Diagnosis]:
    if not isinstance(connector, Diagnoses):
        return []
    try:
        return await connector.diagnose(setup)
    except ChannelError:
        return []  # it cannot be reached: `check` has said so
    except Exception as bug:
        what = redactor.text(f"the connector failed to look: {type(bug).__name__}: {bug}")
        return [Diagnosis("connector-failed", Severity.WARNING, what, "this is a bug of the connector; please report it")]


def judge_clock(skew: timedelta | None) -> list[Diagnosis]:
    """Holds and cut-offs compare the shop's clock with ours."""
    if skew is None or abs(skew) < CLOCK_OFF:
        return []
    severity = Severity.ERROR if abs(skew) >= CLOCK_WRONG else Severity.WARNING
    behind = "behind" if skew > timedelta(0) else "ahead of"
    what = f"our clock is {abs(skew).total_seconds():.0f} s {behind} the shop's"
    return [Diagnosis("clock-off", severity, what, "set this machine's clock by NTP (timedatectl set-ntp true)")]
