"""Bugs that no other rig plants, each a change of one function of ledger, engine or shell. One line says what it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete

from channelsync.contract import Delivery
from channelsync.engine.intake import Intake
from channelsync.engine.vanishing import Vanishing
from channelsync.errors import BadDelivery
from channelsync.ledger import (
    adoption,
    cursors,
    fitting,
    frost,
    inbox,
    keys,
    leases,
    line_sources,
    net_effect,
    order_ends,
    order_posting,
    outbox,
    triggers,
)
from channelsync.ledger.orders import Verdict, _Application
from channelsync.ledger.schema import idempotency_keys
from channelsync.shell import receiver
from channelsync.shell.receiver import Receiver, _Body
from channelsync.shell.redact import TEXT_MAX, Redactor

Patch = pytest.MonkeyPatch


# -- the way in ----------------------------------------------------------------------------------------------------------------------------


def answers_before_it_has_stored(patch: Patch) -> None:
    """The shop hears 200, and the delivery is stored a moment later."""
    judge = Receiver._judge

    async def hasty(self: Receiver, delivery: Delivery, secret: str | None) -> int:
        self.later = asyncio.ensure_future(judge(self, delivery, secret))  # type: ignore[attr-defined]
        return 200

    patch.setattr(Receiver, "_judge", hasty)


def answers_though_it_has_not_stored(patch: Patch) -> None:
    """A delivery that cannot be stored is answered 200 like any other."""
    judge = Receiver._judge

    async def lenient(self: Receiver, delivery: Delivery, secret: str | None) -> int:
        status = await judge(self, delivery, secret)
        return 200 if status == 503 else status

    patch.setattr(Receiver, "_judge", lenient)


def takes_any_secret_in_the_address(patch: Patch) -> None:
    """Where the address carries the secret, any secret will do."""
    patch.setattr(receiver, "_fits", lambda secrets, given: (not secrets) is (given is None))


def tells_unknown_channels_apart(patch: Patch) -> None:
    """A delivery for a channel that does not exist costs no signature's work, so that strangers can find out by the time it takes."""
    plain = receiver._verified

    def quick(inlet: Any, secret: str | None, delivery: Delivery) -> str:
        if inlet is None:
            raise BadDelivery("unknown channel")
        return plain(inlet, secret, delivery)

    patch.setattr(receiver, "_verified", quick)


def believes_the_announced_length(patch: Patch) -> None:
    """Only the announced length of a body is held against the limit, not the bytes that come."""
    read = _Body.read

    async def trusting(self: _Body, receive: Any, announced: str) -> int | None:
        status = await read(self, receive, announced)
        return 200 if status == 413 and not announced else status

    patch.setattr(_Body, "read", trusting)


def cuts_long_delivery_keys(patch: Patch) -> None:
    """Of a long delivery key the beginning counts: the second of two deliveries is taken for a repeat."""
    patch.setattr(fitting, "ref", lambda value, length: value[:length])


def tries_again_at_once(patch: Patch) -> None:
    """A delivery that failed is tried again without a pause: an outage of minutes makes poison of it."""
    patch.setattr(inbox, "FIRST_PAUSE", timedelta(0))


def tries_for_ever(patch: Patch) -> None:
    """A delivery that kills its worker is claimed again and again."""
    patch.setattr(inbox, "TRIES", 1_000)


def settles_what_failed(patch: Patch) -> None:
    """A delivery that the connector could not read is done."""

    async def forget(self: Intake, ids: Sequence[int], reason: str, *, final: bool) -> None:
        await self._store.ledger.run(inbox.settle_done, tuple(ids))

    patch.setattr(Intake, "_fail", forget)


def marks_each_page_as_the_last(patch: Patch) -> None:
    """The high-water mark moves with every page, not at the end of a run: what a broken run did not reach is never read."""
    advance = cursors.advance

    def eager(conn: Connection, channel_id: int, stream: str, *, resume: str | None, high_water: str | None, **more: Any) -> None:
        if resume is not None and high_water is None:
            advance(conn, channel_id, stream, resume=None, high_water=resume, **more)
        advance(conn, channel_id, stream, resume=resume, high_water=high_water, **more)

    patch.setattr(cursors, "advance", eager)


# -- requests and orders -------------------------------------------------------------------------------------------------------------------


def applies_every_repeat(patch: Patch) -> None:
    """A request is applied each time it is sent, whatever its key."""
    claim = keys._claim

    def fresh(conn: Connection, name: str, items: Sequence[Any], now: datetime) -> Any:
        claim(conn, name, items, now)
        return {}, {item.key for item in items}

    patch.setattr(keys, "_claim", fresh)


def forgets_kept_keys(patch: Patch) -> None:
    """Keys that were derived from orders are forgotten after a week like the others."""

    def purge(conn: Connection, now: datetime, limit: int = 1_000) -> int:
        return conn.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < now - keys.KEPT_FOR)).rowcount

    patch.setattr(keys, "purge", purge)


def the_last_answer_wins(patch: Patch) -> None:
    """Of two versions of one moment the one that arrives last is applied, whenever it was asked for."""
    old_news = _Application._old_news

    def either(self: _Application, stored: Any, digest: str) -> Any:
        verdict = old_news(self, stored, digest)
        return None if verdict is Verdict.OLDER and self.snapshot.modified_at == stored.modified_at else verdict

    patch.setattr(_Application, "_old_news", either)


def revives_deleted_orders(patch: Patch) -> None:
    """A webhook that comes after its order was deleted makes it an order again."""
    old_news = _Application._old_news

    def forgetful(self: _Application, stored: Any, digest: str) -> Any:
        verdict = old_news(self, stored, digest)
        return None if verdict is Verdict.OLDER and self.snapshot.modified_at > stored.modified_at else verdict

    patch.setattr(_Application, "_old_news", forgetful)


def takes_the_recipe_of_today(patch: Patch) -> None:
    """A bundle whose sale moves to another place is made of what its recipe says now."""
    patch.setattr(line_sources, "_pinned", lambda _target, _found, sources: sources)


def keeps_adoptions(patch: Patch) -> None:
    """An order that explains an adopted edit is subtracted beside it: the units are gone twice."""
    patch.setattr(adoption, "take_back", lambda _conn, _shelf_id, _swallowed: [])


def ends_holds_by_our_clock(patch: Patch) -> None:
    """An unpaid checkout ends by our clock, however wrong it is."""
    plain = order_ends.expire_holds

    def ours(conn: Connection, limit: int, now: datetime, *, grace: timedelta, shop_times: Any = None) -> int:
        return plain(conn, limit, now, grace=grace)

    patch.setattr(order_ends, "expire_holds", ours)


def lets_shortages_fail(patch: Patch) -> None:
    """A shipment of units that nobody counted is not made good: its order cannot be applied."""
    patch.setattr(net_effect, "cover", lambda _template, _level, _entries: [])


def says_nothing_of_oversells(patch: Patch) -> None:
    """Shops sold more than there was, and nobody is told."""
    patch.setattr(order_posting, "_look_for_oversell", lambda _work, _before, _counted: None)


# -- the way out ---------------------------------------------------------------------------------------------------------------------------


def ignores_freezes(patch: Patch) -> None:
    """A person's freeze is noted, and its shelves are written like the others."""
    patch.setattr(frost, "_mark", lambda _conn, _mine: None)


def settles_under_a_lost_lease(patch: Patch) -> None:
    """Whether the lease is still ours is not looked at where calls are armed, released and settled."""
    patch.setattr(outbox, "holds_lease", lambda *_args: True)


def gives_a_lease_to_two(patch: Patch) -> None:
    """A lease that somebody holds can be taken."""
    patch.setattr(leases, "_take", lambda conn, item, now: leases.lease_version(conn, item.channel_id))


def trusts_missing_triggers(patch: Patch) -> None:
    """Nobody looks whether history is still append-only."""
    patch.setattr(triggers, "missing_triggers", lambda _conn: [])


def takes_absence_for_deletion(patch: Patch) -> None:
    """A listing that a run did not bring is gone, without asking the shop for it by name."""

    async def all_of_them(_self: Vanishing, page: Sequence[Any]) -> list[str]:
        return [one.ref for one in page]

    patch.setattr(Vanishing, "_unknown", all_of_them)


# -- what is written down ------------------------------------------------------------------------------------------------------------------


def masks_known_secrets_only(patch: Patch) -> None:
    """A token that we were never told of stands in the log as it came."""
    patch.setattr("channelsync.shell.redact._SHAPES", ())


def cuts_before_it_masks(patch: Patch) -> None:
    """A long text is cut first, so that the half of a secret at its end is not known again."""
    text = Redactor.text
    patch.setattr(Redactor, "text", lambda self, value: text(self, value[:TEXT_MAX]))
