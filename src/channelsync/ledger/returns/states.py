"""The states of a return, as `docs/back-room.md` draws them."""

from __future__ import annotations

from typing import Final

from channelsync.ledger.documents.states import Machine

CLOSED: Final = frozenset({"inspected", "cancelled"})

RETURN: Final = Machine(
    "return",
    "expected",
    {
        "receive": {"expected": frozenset({"received"}), "received": frozenset({"received"})},
        "inspect": {"received": frozenset({"received", "inspected"})},
        "cancel": {"expected": frozenset({"cancelled"})},
    },
)
