"""What every rig counts in the end, beside its own numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """acknowledged: deliveries that were answered 2xx; lost: those of them that are not in the inbox. differences: what the audit found, and
    where ledger and shops do not agree, in words. settled_seconds: how long that took once nothing was done to the daemon any more; None: never.
    """

    orders: int
    acknowledged: int
    lost: int
    differences: tuple[str, ...]
    settled_seconds: float | None

    @property
    def sound(self) -> bool:
        return not self.lost and not self.differences and self.settled_seconds is not None
