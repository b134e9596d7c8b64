"""Ways to guard a shop that do not: each planted into the real ledger. One line says what it breaks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, delete, false

from channelsync.ledger import guard, guard_answer, guard_reading, outbox
from channelsync.ledger.schema import guards
from channelsync.ledger.spelt import Spelt

Patch = pytest.MonkeyPatch


def arms_unguarded(patch: Patch) -> None:
    """Whatever is due is armed."""
    patch.setattr(guard, "stops", lambda *_: False)


def forgets_what_it_did(patch: Patch) -> None:
    """Only what is due now is judged, not what was done a minute ago: drop by drop the shop runs dry."""
    patch.setattr(guard, "_MARKED", {kind: Spelt(guard._marked(kind).where(false())) for kind in guard.KINDS})


def lets_the_policy_act(patch: Patch) -> None:
    """A shop that reads empty stops its channel, but the drift policy has already acted on it."""
    patch.setattr(guard_reading, "holds", lambda *_: False)


def accepts_for_good(patch: Patch) -> None:
    """A person's yes to one plan is a yes to all that come after it."""

    def trusting(conn: Connection, channel_id: int, _now: datetime) -> None:
        conn.execute(delete(guards).where(guards.c.channel_id == channel_id))

    patch.setattr(guard_answer, "accept", trusting)


def pauses_at_the_end_of_the_round(patch: Patch) -> None:
    """A pause is looked at when a round begins, and a round may have a hundred calls."""

    def deaf(_conn: Connection, _channel_id: int) -> bool:
        return False

    patch.setattr(outbox, "is_paused", deaf)


FLAWS: dict[str, Any] = {
    "bit_by_bit": forgets_what_it_did,
    "all_at_once": arms_unguarded,
    "reads_empty": lets_the_policy_act,
    "accepted": accepts_for_good,
    "panic": pauses_at_the_end_of_the_round,
}
"""By the scenario that finds it."""
