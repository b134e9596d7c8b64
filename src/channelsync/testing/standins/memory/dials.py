"""What differs from one memory shop to the next. Seconds are the shop clock's; nothing here changes while the shop runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CarrierName = Literal["compare_and_set", "adjust", "set"]
LowersOn = Literal["placed", "paid", "shipped"]
Restores = Literal["yes", "no", "per order"]


@dataclass(frozen=True, slots=True)
class Dials:
    """carrier: the one kind of write the shop knows.
    key_memory: how long it remembers idempotency keys; None: it does not know keys.
    race_seconds: None: writes are atomic. Otherwise an adjustment reads its base, waits this long and writes the sum (0.0: only the gate
        can slip something in between).
    write_visible_after: > 0: a write is accepted at once and applied after this time.
    all_or_nothing: one bad write of a call spoils the whole call.
    writes_per_call, levels_per_call, page_size: limits of the API.
    locations: where the shop keeps numbers; ("",) is a shop with one number per item. Shoppers are served from the first that has units.
    backorders: shoppers may buy what is not there, and the number goes below zero.
    withholds: unpaid checkouts hold their units back for `hold_seconds` without lowering the number.
    lowers_stock_on, restores_on_cancel: the shop's own effects.
    visibility_lag: how long an order's change stays out of the order list; `lag_varies`: a random time up to it.
    lines_name_variants: order lines name the item by its variant's id, which is only an alias of the listing.
    request_seconds: how long every request takes; webhook_seconds: how long after the fact a webhook leaves.
    """

    carrier: CarrierName = "compare_and_set"
    key_memory: float | None = 86_400.0
    race_seconds: float | None = None
    write_visible_after: float = 0.0
    all_or_nothing: bool = False
    writes_per_call: int = 100
    levels_per_call: int = 100
    page_size: int = 50
    locations: tuple[str, ...] = ("",)
    backorders: bool = False
    withholds: bool = False
    hold_seconds: float = 3600.0
    lowers_stock_on: LowersOn = "placed"
    restores_on_cancel: Restores = "per order"
    visibility_lag: float = 0.0
    lag_varies: bool = False
    lines_name_variants: bool = False
    request_seconds: float = 0.0
    webhook_seconds: float = 0.05

    @property
    def atomic(self) -> bool:
        return self.carrier != "set" and self.race_seconds is None
