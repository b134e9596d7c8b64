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


GOOD, STORE = "{good}", "{store}"
"""Stand for the good's and the store's id within a ref: our refs may be made of both, and a comment is short."""


@dataclass(frozen=True, slots=True)
class NotedLine:
    ref: str
    good: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Note:
    """store: of the document, by id."""

    key: str
    store: str
    lines: tuple[NotedLine, ...]

    def text(self) -> str:
        lines = [[_short(line.ref, line.good, self.store), line.good, line.quantity] for line in self.lines]
        return MARK + json.dumps({"key": self.key, "lines": lines}, ensure_ascii=False, separators=(",", ":"))


def note(key: str, store: str, lines: Sequence[tuple[str, str, int]]) -> Note:
    """lines: (our ref, the good's id, quantity)."""
    return Note(key, store, tuple(NotedLine(*line) for line in lines))


def read(comment: str, store: str) -> Note | None:
    """None if there is no note in it; raises Misunderstood if somebody edited it."""
    line = next((line for line in comment.splitlines() if line.startswith(MARK)), None)
    if line is None:
        return None
    try:
        raw = json.loads(line.removeprefix(MARK))
        lines = [(_long(str(ref), str(good), store), str(good), int(quantity)) for ref, good, quantity in raw["lines"]]
        return note(str(raw["key"]), store, lines)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Misunderstood(f"our note in the document's comment was edited: {line[:120]!r}; the next export writes it anew") from None


def _short(ref: str, good: str, store: str) -> str:
    return ref if GOOD in ref or STORE in ref or not store else ref.replace(good, GOOD).replace(store, STORE)


def _long(ref: str, good: str, store: str) -> str:
    return ref.replace(GOOD, good).replace(STORE, store)


def within(comment: str, new: Note, number: str) -> str:
    """The comment with our line in it, everything else as it stands. Raises Refused if it does not fit."""
    kept = [line for line in comment.splitlines() if not line.startswith(MARK)]
    written = "\n".join([*(kept or [f"Order {number}"]), new.text()])
    if len(written) > COMMENT_MAX:
        raise Refused(
            f"order {number} has too many lines for one Moysklad document: the note that names them exceeds {COMMENT_MAX} characters"
        )
    return written
