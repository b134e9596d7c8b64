"""What every rig counts in the end, beside its own numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """acknowledged: deliveries that were answered 2xx; carts: requests of a storefront at the API that were; lost: what of both the ledger does
    not hold. carts_repeated: those of them whose effect had come before their first answer was seen. differences: what the audit found, where
    ledger and shops do not agree, and messages about alerts that did not come, in words. settled_seconds: how long that took once nothing was
    done to the daemon any more; None: never. alerts: messages that arrived.
    """

    orders: int
    acknowledged: int
    lost: int
    differences: tuple[str, ...]
    settled_seconds: float | None
    carts: int = 0
    carts_repeated: int = 0
    alerts: int = 0

    @property
    def sound(self) -> bool:
        return not self.lost and not self.differences and self.settled_seconds is not None
