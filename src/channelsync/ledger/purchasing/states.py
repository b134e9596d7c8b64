"""The states of a purchase order, as `docs/back-room.md` draws them."""

from __future__ import annotations

from typing import Final

from channelsync.ledger.documents.states import Machine

CLOSED: Final = frozenset({"received", "cancelled"})
RECEIVING: Final = frozenset({"part_received", "received"})

PURCHASE: Final = Machine(
    "purchase order",
    "draft",
    {
        "edit": {"draft": frozenset({"draft"})},
        "order": {"draft": frozenset({"ordered"})},
        "receive": {"ordered": RECEIVING, "part_received": RECEIVING, "received": frozenset({"received"})},
        "close": {"part_received": frozenset({"received"})},
        "cancel": {"draft": frozenset({"cancelled"}), "ordered": frozenset({"cancelled"})},
    },
)
