"""The last movements of a SKU as a table: what none of them has moved beside on hand and claims has no column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from channelsync.cli.show import table
from channelsync.ledger.looking import MovementRow

_SELDOM: Final = {
    "incoming": "incoming#?",
    "quarantined": "quarantined#?",
    "damaged": "damaged#?",
    "pending_debit": "pending#?",
    "held_elsewhere": "elsewhere#?",
}


def show_moves(title: str, moved: Sequence[MovementRow], when: Callable[[datetime], str]) -> None:
    seldom = [name for name in _SELDOM if any(getattr(each, name) for each in moved)]
    rows = [
        (
            when(each.at),
            each.location,
            each.type,
            each.on_hand,
            each.soft,
            each.hard,
            *(getattr(each, name) for name in seldom),
            each.reference,
            each.reason,
            each.actor,
        )
        for each in moved
    ]
    columns = (
        "when",
        "location",
        "type",
        "on hand#",
        "soft#?",
        "hard#?",
        *(_SELDOM[name] for name in seldom),
        "reference",
        "reason?",
        "by?",
    )
    table(title, columns, rows)
