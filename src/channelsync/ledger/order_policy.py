"""How a channel's orders are treated where its shop leaves it to us: what comes back, and what an unpaid checkout holds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from channelsync.contract import OrderSnapshot


class Restock(StrEnum):
    """What becomes of shipped goods that the shop takes back. Its own number moves all the same: the book follows, the difference is pushed."""

    CHANNEL = "channel"  # on sale again if the shop says so
    NEVER = "never"  # they stay out until a person returns them
    QUARANTINE = "quarantine"  # they wait there for a person


class Unpaid(StrEnum):
    """What an unpaid checkout holds."""

    SOFT = "soft"  # its units, until its hold ends
    HARD = "hard"  # its units, until the shop says what became of it
    IGNORE = "ignore"  # nothing


@dataclass(frozen=True, slots=True)
class OrderPolicy:
    """unpaid_for: how long a checkout is held where the shop names no end, from its last change; None: until the shop says so."""

    restock: Restock = Restock.CHANNEL
    unpaid: Unpaid = Unpaid.SOFT
    unpaid_for: timedelta | None = None

    def hold_until(self, snapshot: OrderSnapshot) -> datetime | None:
        if snapshot.hold_until is not None or self.unpaid_for is None:
            return snapshot.hold_until
        return snapshot.modified_at + self.unpaid_for


AS_THE_SHOP_SAYS: Final = OrderPolicy()


def of_row(restock: str, unpaid: str, unpaid_minutes: int | None) -> OrderPolicy:
    """From a channel's row."""
    return OrderPolicy(Restock(restock), Unpaid(unpaid), None if unpaid_minutes is None else timedelta(minutes=unpaid_minutes))


def as_row(policy: OrderPolicy) -> dict[str, str | int | None]:
    """For a channel's row."""
    minutes = None if policy.unpaid_for is None else int(policy.unpaid_for / timedelta(minutes=1))
    return {"restock": policy.restock.value, "unpaid": policy.unpaid.value, "unpaid_minutes": minutes}
