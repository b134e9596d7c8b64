"""How much of what there is may be told: the one function between a number of the ledger and the public. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from channelsync.ledger.availability import Standing
from channelsync.ledger.skus import Backorder

Detail = Literal["state", "low", "exact"]


@dataclass(frozen=True, slots=True)
class Telling:
    """detail: state, only whether there is any; low, also how many while at most `low` are left; exact, always how many."""

    detail: Detail = "low"
    low: int = 5

    def told(self, standing: Standing) -> dict[str, str | int]:
        """What the public is told. Where nothing is left, only whether more may be ordered and when it comes: never how far below zero it is."""
        told: dict[str, str | int] = {"sku": standing.sku}
        if standing.available > 0:
            few = self.detail != "state" and standing.available <= self.low
            told["state"] = "low" if few else "in_stock"
            if few or self.detail == "exact":
                told["left"] = standing.available
            return told
        if standing.beyond is Backorder.DENY:
            return {**told, "state": "out"}
        told["state"] = "preorder" if standing.beyond is Backorder.PREORDER else "backorder"
        if standing.text:
            told["text"] = standing.text
        if standing.on is not None:
            told["date"] = standing.on.isoformat()
        return told

    def text(self, standing: Standing) -> str:
        return json.dumps(self.told(standing), separators=(",", ":"))
