"""The states of a transfer, as `docs/back-room.md` draws them."""

from __future__ import annotations

from typing import Final

from channelsync.ledger.documents.states import Machine

CLOSED: Final = frozenset({"received", "cancelled"})
RECEIVING: Final = frozenset({"part_received", "received"})

TRANSFER: Final = Machine(
    "transfer",
    "draft",
    {
        "edit": {"draft": frozenset({"draft"})},
        "ship": {"draft": frozenset({"shipped"})},
        "receive": {"shipped": RECEIVING, "part_received": RECEIVING},
        "close": {"shipped": frozenset({"received"}), "part_received": frozenset({"received"})},
        "cancel": {"draft": frozenset({"cancelled"})},
    },
)
