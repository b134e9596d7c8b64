"""A connector's traits as a recording has them."""

from __future__ import annotations

from datetime import timedelta

from channelsync import contract
from channelsync.ledger.recording.model import Traits

LOWERS = frozenset({"placed", "paid", "shipped"})
RESTORES = frozenset({"yes", "no", "per order"})


def recorded(traits: contract.Traits) -> Traits:
    """Words of a connector's own become "other"."""
    return Traits.model_validate(
        {
            "carrier": traits.carrier.value,
            "exclusive": traits.atomic,
            "key_memory": _seconds(traits.key_memory),
            "visible_after": _seconds(traits.write_visible_after),
            "drains_within": _seconds(traits.write_drains_within),
            "lag": _seconds(traits.visibility_lag),
            "lowers_stock_on": traits.lowers_stock_on if traits.lowers_stock_on in LOWERS else "other",
            "restores_on_cancel": traits.restores_on_cancel if traits.restores_on_cancel in RESTORES else "other",
            "withholds": traits.withholds,
        }
    )


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()
