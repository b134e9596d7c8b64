"""The states of a count sheet, as `docs/back-room.md` draws them."""

from __future__ import annotations

from typing import Final

from channelsync.ledger.documents.states import Machine

COUNT: Final = Machine(
    "count sheet",
    "open",
    {
        "enter": {"open": frozenset({"open"})},
        "apply": {"open": frozenset({"applied"})},
        "cancel": {"open": frozenset({"cancelled"})},
    },
)
