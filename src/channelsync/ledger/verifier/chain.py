"""The chain of seals over a log: does every sealed row still say what it said when it was sealed, and does every seal follow the one before?

How a seal is made is told in docs/decisions/0014-the-log-is-sealed.md; this is the second implementation of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, text

from channelsync.ledger.verifier.found import Mismatches
from channelsync.ledger.verifier.rows import Row as LogRow

NOTHING: Final = "0" * 64
MARK: Final = 4
FORM: Final = 1

_SEALS: Final = text(
    "SELECT id, form, after_id, upto_id, entries, marks, previous, hash, sealed_at FROM seals WHERE log = :log ORDER BY after_id, id"
)


@dataclass(frozen=True, slots=True)
class Seals:
    """How far a log is sealed. head: the newest seal's hash, None if there is none; whoever has noted it can prove later that nothing before it changed.

    waiting: rows that are not sealed yet. sealed_at: microseconds since 1970.
    """

    log: str
    seals: int
    upto: int
    waiting: int
    head: str | None
    sealed_at: int | None
    hashes: frozenset[str]


class Chain:
    """Takes the rows of one log in their order and holds them against its seals."""

    def __init__(self, conn: Connection, log: str, found: Mismatches) -> None:
        self._log, self._found = log, found
        self._seals = conn.execute(_SEALS, {"log": log}).all()
        self._place, self._waiting = 0, 0
        self._digests: list[bytes] = []
        self._ids: list[int] = []
        self._check_links()

    def take(self, row: LogRow) -> None:
        while self._place < len(self._seals) and row[0] > self._seals[self._place].upto_id:
            self._close()
        if self._place == len(self._seals):
            self._waiting += 1
        elif row[0] <= self._seals[self._place].after_id:
            self._found.add("chain", f"{self._log}, row {row[0]}", "in a seal, as everything before it", "in none")
        else:
            self._digests.append(hashlib.sha256(_line(list(row))).digest())
            self._ids.append(row[0])

    def finish(self) -> None:
        while self._place < len(self._seals):
            self._close()

    def summary(self) -> Seals:
        last = self._seals[-1] if self._seals else None
        hashes = frozenset(seal.hash for seal in self._seals)
        upto, head, at = (last.upto_id, last.hash, last.sealed_at) if last else (0, None, None)
        return Seals(self._log, len(self._seals), upto, self._waiting, head, at, hashes)

    def _check_links(self) -> None:
        after, previous = 0, NOTHING
        for seal in self._seals:
            if (seal.after_id, seal.previous) != (after, previous):
                where = f"{self._log}, seal {seal.id}"
                self._found.add(
                    "chain",
                    where,
                    f"after row {after} and seal {previous[:12]}",
                    f"after row {seal.after_id} and seal {seal.previous[:12]}",
                )
            after, previous = seal.upto_id, seal.hash

    def _close(self) -> None:
        """All rows of a seal were seen."""
        seal, digests, ids = self._seals[self._place], self._digests, self._ids
        self._place, self._digests, self._ids = self._place + 1, [], []
        where = f"{self._log}, seal {seal.id} over rows {seal.after_id + 1} to {seal.upto_id}"
        if seal.form != FORM:
            self._found.add("chain", where, f"a seal of form {FORM}", f"form {seal.form}, which this program does not know")
            return
        head = ["channelsync", seal.form, self._log, seal.after_id, seal.upto_id, seal.entries, seal.sealed_at, seal.previous]
        root = hashlib.sha256(_line(head) + b"".join(digests)).hexdigest()
        if len(digests) != seal.entries or root != seal.hash:
            self._found.add(
                "chain",
                f"{where}, {_first(seal, digests, ids)}",
                f"{seal.entries} rows, {seal.hash[:12]}",
                f"{len(digests)} rows, {root[:12]}",
            )
        elif b"".join(digest[:MARK] for digest in digests) != bytes(seal.marks):
            self._found.add("chain", where, "the marks of its rows", "other marks")


def _first(seal: Row[tuple[object, ...]], digests: list[bytes], ids: list[int]) -> str:
    """The first row that is not what it was; the seal's own numbers, if all of them are."""
    marks = bytes(seal.marks)
    sealed = [marks[start : start + MARK] for start in range(0, len(marks), MARK)]
    for digest, id_, mark in zip(digests, ids, sealed, strict=False):
        if digest[:MARK] != mark:
            return f"first at row {id_}"
    if len(digests) > len(sealed):
        return f"first at row {ids[len(sealed)]}"
    return f"after row {ids[-1] if ids else seal.after_id}" if len(digests) < len(sealed) else "in the seal itself"


def _line(values: list[object]) -> bytes:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n"
