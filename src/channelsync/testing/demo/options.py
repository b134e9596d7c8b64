"""What the demo can be asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from channelsync.testing.standins.base import Faults

POLL_SECONDS = 2.0
TIMEOUT_SECONDS = 2.0
VISIBILITY_SECONDS = 1
DRAIN_SECONDS = 3
OVERLAP_SECONDS = 5
SWEEP_SECONDS = 8.0
SETTLE_SECONDS = 30.0
READING_SECONDS = 10.0
"""Within this time the ledger has read what came or went at Moysklad, recalculation and lost answers included."""


@dataclass(frozen=True, slots=True)
class Options:
    """rate: orders per second over all shops. seconds: how long shoppers buy. naive: also run the pusher everybody else has (absolute, blind)."""

    rate: float = 5.0
    seconds: float = 30.0
    seed: int = 1
    faults: Faults = field(default_factory=Faults)
    skus: int = 50
    units: int = 40
    safety_stock: int = 2
    naive: bool = False

    @property
    def has_faults(self) -> bool:
        return self.faults != Faults()


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds; None if nothing was measured."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """oversold_units: sold beyond what there was. resurrected_units: put back on sale by us although sold, and we could have known.
    raced_units: the same where no protocol could have known, by class. violations: differences the audit finds, harm by the judge, and SKUs
    whose ledger is not the truth. differences: the first of them in words.
    """

    seed: int
    orders: int
    deliveries: int
    polls: int
    pushes: int
    units_sold: int
    oversold_units: int
    resurrected_units: int
    raced_units: dict[str, int]
    violations: int
    converged: bool
    intake_to_shelf_ms: Quantiles
    shop_delay_ms: dict[str, Quantiles]
    settled_seconds: float
    differences: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        delays = {name: _quantiles(each) for name, each in self.shop_delay_ms.items()}
        return {
            "seed": self.seed,
            "orders": self.orders,
            "deliveries": self.deliveries,
            "polls": self.polls,
            "pushes": self.pushes,
            "units_sold": self.units_sold,
            "oversold_units": self.oversold_units,
            "resurrected_units": self.resurrected_units,
            "raced_units": self.raced_units,
            "violations": self.violations,
            "converged": self.converged,
            "intake_to_shelf_ms": _quantiles(self.intake_to_shelf_ms),
            "shop_delay_ms": delays,
            "settled_seconds": self.settled_seconds,
            "differences": list(self.differences),
        }


def _quantiles(each: Quantiles) -> dict[str, float | None]:
    return {"p50": each.p50, "p99": each.p99}
