"""Watching a channel: its webhooks are compared with what should exist and repaired, and a lost credential is asked again until it works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from channelsync.contract import RegistersWebhooks, Subscription
from channelsync.engine.channel import Channel
from channelsync.engine.introduce import introduce
from channelsync.engine.poll import Puller
from channelsync.engine.store import Store
from channelsync.errors import ChannelError
from channelsync.ledger import channels, freshness, guard, webhooks
from channelsync.ledger.channels import PauseEnd, PauseKind
from channelsync.ledger.freshness import Sampled
from channelsync.ledger.webhooks import Change, Checked, HookState

log = structlog.get_logger(__name__)

FILL_MARGIN = timedelta(minutes=5)
FILL_MAX = timedelta(days=7)
"""How far back a repaired subscription makes us look. What is older was found by the daily wide poll."""

ASK_FIRST = timedelta(minutes=1)
ASK_MOST = timedelta(minutes=15)
FORGET_EVERY = timedelta(minutes=10)
SAMPLE_EVERY = timedelta(minutes=1)


class Hooks:
    """The webhooks of one channel at its shop."""

    def __init__(self, store: Store, channel: Channel, puller: Puller) -> None:
        self._store, self._channel, self._puller = store, channel, puller

    async def ensure(self, url: str) -> None:
        """Compare, repair, and look through the time in which deliveries may be missing. Others' subscriptions are left alone.

        A shop that does not answer is noted for `status`; polling goes on meanwhile.
        """
        store, channel = self._store, self._channel
        if not isinstance(channel.connector, RegistersWebhooks):
            return
        known = await store.ledger.read(webhooks.of_channel, channel.id)
        try:
            await introduce(store, channel)
            before = await channel.connector.subscriptions()
            after = await channel.connector.subscribe(url)
        except ChannelError as error:
            if known is None or known.problem != str(error):
                log.warning("webhooks not registered; polling goes on", channel=channel.name, error=str(error))
            await store.ledger.run(webhooks.note_check, Checked(channel.id, url, problem=str(error)))
            return
        await store.ledger.run(webhooks.note_check, self._checked(url, before, after, known))
        await self._fill()

    def _checked(self, url: str, before: Sequence[Subscription], after: Sequence[Subscription], known: HookState | None) -> Checked:
        mine = [each for each in before if each.url == url]
        changed = compare(mine, after)
        since = gap_since(known) if changed else None
        if changed:
            topics = [change.topic for change in changed]
            tell = log.warning if since else log.info
            tell("webhooks registered", channel=self._channel.name, topics=topics, missing_since=since)
        off = [each.topic for each in after if not each.active]
        problem = f"the shop keeps these switched off: {', '.join(off)}" if off else None
        return Checked(self._channel.id, url, len(after), len(before) - len(mine), problem, changed, since)

    async def _fill(self) -> None:
        """A wider poll over the gap: once, and again only if it did not come through."""
        store, channel = self._store, self._channel
        known = await store.ledger.read(webhooks.of_channel, channel.id)
        if known is None or known.filled_from is None or known.filled_at is not None:
            return
        widen = min(store.clock.now() - known.filled_from + FILL_MARGIN, FILL_MAX)
        try:
            await self._puller.look(widen=widen)
        except ChannelError as error:
            await store.troubled(channel, error)
            return
        channel.listed.set()
        await store.ledger.run(webhooks.note_filled, channel.id)
        log.info("looked through the time without webhooks", channel=channel.name, since=known.filled_from)


def compare(before: Sequence[Subscription], after: Sequence[Subscription]) -> tuple[Change, ...]:
    """What had to be done to ours: topics that were missing, and those that the shop had switched off."""
    was = {each.topic: each for each in before}
    made = [Change("made", each.topic, each.ref) for each in after if each.topic not in was]
    armed = [Change("armed", each.topic, each.ref) for each in after if each.topic in was and each.active and not was[each.topic].active]
    return (*made, *armed)


def gap_since(known: HookState | None) -> datetime | None:
    """Since when deliveries may be missing; None if none was ever registered. The last delivery proves that all was well then, and so does
    the last complete comparison.
    """
    if known is None or known.complete_at is None:
        return None
    return min(known.complete_at, known.delivered_at) if known.delivered_at else known.complete_at


class Watch:
    """What is asked of one channel about itself, now and then."""

    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel
        self._pause = ASK_FIRST
        self._ask_at = self._forget_at = self._sample_at = self._resumed_at = store.clock.monotonic()

    async def run_once(self) -> None:
        """Count what waits, and ask a shop that refused our credentials whether it takes them now."""
        store, channel, now = self._store, self._channel, self._store.clock.monotonic()
        state = await store.ledger.read(channels.state_of, channel.id)
        if state.paused_kind is PauseKind.CREDENTIALS:
            if now >= self._ask_at:
                await self._ask()
        elif now - self._resumed_at >= ASK_MOST.total_seconds():
            self._pause = ASK_FIRST
        if now >= self._sample_at:
            self._sample_at = now + SAMPLE_EVERY.total_seconds()
            await store.ledger.run(freshness.sample, Sampled(channel.id))
        if now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY.total_seconds()
            await store.ledger.run(guard.forget, channel.id)
            await store.ledger.run(webhooks.forget, channel.id)

    async def _ask(self) -> None:
        """Between one and fifteen minutes apart, further each time: also if they work only for a moment."""
        store, channel = self._store, self._channel
        spread = 0.8 + 0.4 * store.random.random()
        self._ask_at = store.clock.monotonic() + self._pause.total_seconds() * spread
        self._pause = min(self._pause * 2, ASK_MOST)
        channel.introduced = False
        try:
            await introduce(store, channel)
        except ChannelError as error:
            channel.trouble = str(error)
            return
        await store.ledger.run(channels.end_pauses, PauseEnd(channel.id, PauseKind.CREDENTIALS))
        self._resumed_at = store.clock.monotonic()
        store.well(channel)
        for signal in (channel.pull, channel.look, channel.due):
            signal.set()
        log.info("the shop takes our credentials again; the channel goes on", channel=channel.name)
