"""Order snapshots as they are stored: plain JSON, and one digest for all that say the same. No personal data is in them by construction: where an
order is shipped to stands beside it, for as long as it is of use (`routing.destinations`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState


def to_json(snapshot: OrderSnapshot) -> dict[str, Any]:
    return {
        "ref": snapshot.ref,
        "state": snapshot.state.value,
        "modified_at": snapshot.modified_at.isoformat(),
        "created_at": snapshot.created_at.isoformat(),
        "number": snapshot.number,
        "hold_until": snapshot.hold_until and snapshot.hold_until.isoformat(),
        "reservation_ref": snapshot.reservation_ref,
        "test": snapshot.test,
        "lines": [
            {
                **{name: getattr(line, name) for name in _LINE_FIELDS},
                **({} if line.assigned else {"assigned": False}),
                "effects": [[effect.units, effect.at.isoformat()] for effect in line.effects],
            }
            for line in snapshot.lines
        ],
    }


_LINE_FIELDS = (
    "ref",
    "listing",
    "quantity",
    "sku",
    "title",
    "shipped",
    "cancelled",
    "quarantined",
    "restocked",
    "withheld",
    "location",
    "stocked",
)


def from_json(data: Mapping[str, Any]) -> OrderSnapshot:
    lines = tuple(
        OrderLine(
            **{name: line[name] for name in _LINE_FIELDS},
            effects=tuple(Effect(units, _time(at)) for units, at in line["effects"]),
            assigned=line.get("assigned", True),
        )
        for line in data["lines"]
    )
    return OrderSnapshot(
        ref=data["ref"],
        state=OrderState(data["state"]),
        modified_at=_time(data["modified_at"]),
        created_at=_time(data["created_at"]),
        lines=lines,
        number=data["number"],
        hold_until=data["hold_until"] and _time(data["hold_until"]),
        reservation_ref=data["reservation_ref"],
        test=data["test"],
    )


def read(data: Mapping[str, Any]) -> OrderSnapshot | None:
    """None: it is no snapshot (any more)."""
    try:
        return from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def digest(snapshot: OrderSnapshot) -> str:
    """Equal for snapshots that say the same."""
    return hashlib.sha256(json.dumps(to_json(snapshot), sort_keys=True).encode()).hexdigest()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
