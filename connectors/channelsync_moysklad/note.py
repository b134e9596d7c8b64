"""What our exported document says of itself in its comment: which claim it is, and which of our lines each position stands for.

Positions have no field for a reference of ours, and two of our lines may be one position. The comment belongs to people too: only the one
line that begins with our mark is ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from channelsync.errors import Misunderstood, Refused

MARK = "channelsync: "
COMMENT_MAX = 4096


@dataclass(frozen=True, slots=True)
class NotedLine:
    """good: the beginning of its id, long enough to tell it from the others of the document."""

    ref: str
    good: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Note:
    key: str
    lines: tuple[NotedLine, ...]

    def text(self) -> str:
        lines = [[line.ref, line.good, line.quantity] for line in self.lines]
        return MARK + json.dumps({"key": self.key, "lines": lines}, ensure_ascii=False, separators=(",", ":"))


def note(key: str, lines: Sequence[tuple[str, str, int]]) -> Note:
    """lines: (our ref, the good's id, quantity)."""
    goods = {good for _, good, _ in lines}
    length = next(size for size in (8, 13, 18, 36) if len({good[:size] for good in goods}) == len(goods))
    return Note(key, tuple(NotedLine(ref, good[:length], quantity) for ref, good, quantity in lines))


def read(comment: str) -> Note | None:
    """None if there is no note in it; raises Misunderstood if somebody edited it."""
    line = next((line for line in comment.splitlines() if line.startswith(MARK)), None)
    if line is None:
        return None
    try:
        raw = json.loads(line.removeprefix(MARK))
        return Note(str(raw["key"]), tuple(NotedLine(str(ref), str(good), int(quantity)) for ref, good, quantity in raw["lines"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Misunderstood(f"our note in the document's comment was edited: {line[:120]!r}; the next export writes it anew") from None


def within(comment: str, new: Note, number: str) -> str:
    """The comment with our line in it, everything else as it stands. Raises Refused if it does not fit."""
    kept = [line for line in comment.splitlines() if not line.startswith(MARK)]
    written = "\n".join([*(kept or [f"Order {number}"]), new.text()])
    if len(written) > COMMENT_MAX:
        raise Refused(
            f"order {number} has too many lines for one Moysklad document: the note that names them exceeds {COMMENT_MAX} characters"
        )
    return written
