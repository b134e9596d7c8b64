"""The ledger's named ways of saying no. A verb *returns* one for an item it did not apply; the door raises it to that caller alone.

A refused item has changed nothing. Faults of the ledger itself (a broken database, a bug) are ordinary exceptions and do not live here.
"""

from __future__ import annotations

from typing import ClassVar, Final

from channelsync.errors import ChannelsyncError


class Refusal(ChannelsyncError):
    """A request the ledger understood and did not apply. `code` is stable, for programs; the text is for people."""

    code: ClassVar[str] = "refused"


class InsufficientStock(Refusal):
    """Fewer units are there than were asked for. `available` may be negative: shops sold more than there was. state: what the units had to be."""

    code = "insufficient_stock"

    def __init__(
        self,
        sku: str,
        location: str,
        wanted: int,
        available: int,
        *,
        state: str = "available",
        remedy: str = "ask for less, receive stock, or allow backorders for the SKU",
    ) -> None:
        super().__init__(f"SKU {sku!r} at location {location!r}: {wanted} wanted, {available} {state}; {remedy}")
        self.sku, self.location, self.wanted, self.available = sku, location, wanted, available


_LESS: Final = {
    "on_hand": ("on hand", "take no more than that; if more lie there, count them (`channelsync stock count`)"),
    "quarantined": ("in quarantine", "take no more than that; what else has come back is told first (`channelsync stock return`)"),
    "damaged": (
        "damaged",
        "take no more than that; what is broken elsewhere is first written off from there (`channelsync stock write-off`)",
    ),
}


def too_few(sku: str, location: str, wanted: int, bucket: str, there: int) -> InsufficientStock:
    """bucket: on_hand, quarantined or damaged, which `wanted` units were to leave."""
    state, remedy = _LESS[bucket]
    return InsufficientStock(sku, location, wanted, there, state=state, remedy=remedy)


class OverPurchaseLimit(Refusal):
    """One reference may claim only so many units of the SKU. `held`: what it has claimed already, bought included."""

    code = "over_purchase_limit"

    def __init__(self, sku: str, wanted: int, limit: int, held: int) -> None:
        super().__init__(f"SKU {sku!r}: {wanted} wanted, {held} claimed already, and one reference may have {limit}; ask for less")
        self.sku, self.wanted, self.limit, self.held = sku, wanted, limit, held


class UnknownSku(Refusal):
    code = "unknown_sku"

    def __init__(self, sku: str) -> None:
        super().__init__(
            f"the ledger has no SKU {sku!r}; check the spelling (case and spaces count); `channelsync stock count` opens a new one"
        )
        self.sku = sku


class UnknownLocation(Refusal):
    code = "unknown_location"

    def __init__(self, location: str) -> None:
        super().__init__(f"the ledger has no location {location!r}; check the spelling, or add it under [locations] in the config")
        self.location = location


class AlreadyResolved(Refusal):
    """What was to be resolved (a reservation, a drift) already has an end. `state` says which: released, expired, committed, fulfilled."""

    code = "already_resolved"

    def __init__(self, what: str, state: str) -> None:
        super().__init__(f"{what} is already {state}; nothing was changed. Read its current state before asking again")
        self.what, self.state = what, state


class KeyReused(Refusal):
    """The idempotency key was used before, with another input."""

    code = "key_reused"

    def __init__(self, key: str, verb: str) -> None:
        super().__init__(f"idempotency key {key!r} was already used for another request; send that one unchanged, or use a new key")
        self.key, self.verb = key, verb


class NotAllowed(Refusal):
    """A rule forbids it; `reason` is a whole sentence that says which rule and what to do instead."""

    code = "not_allowed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
