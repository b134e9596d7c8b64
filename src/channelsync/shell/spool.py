"""Answers that may be too long to hold: a head, and rows that lie in a temporary file, section by section, until they are handed on.

What rows say is not known here.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from pydantic import TypeAdapter

from channelsync.errors import ChannelsyncError

HELD = 1024 * 1024
"""Bytes that are kept in memory; what is longer lies on the disk, in a file without a name."""
PIECE = 64 * 1024


class NoRoom(ChannelsyncError):
    """The temporary file cannot be written."""

    code = "no_room"


class Spool:
    """Filled once, section after section in the order of their names, then read by one at a time. size: of all rows, in bytes."""

    def __init__(self, sections: Iterable[str]) -> None:
        self.counts, self.size = dict.fromkeys(sections, 0), 0
        self._file = _file()

    def __del__(self) -> None:
        self._drop()

    def begin(self) -> None:
        """Forget all rows. In another file: one that was full would still want to be rid of what it could not write."""
        self._drop()
        self.counts, self.size = dict.fromkeys(self.counts, 0), 0
        self._file = _file()

    def add(self, section: str, row: Any) -> None:
        """A row as its type says it. Raises NoRoom."""
        kind: Any = type(row)
        self.put(section, _adapter(kind).dump_json(row))

    def put(self, section: str, row: bytes) -> None:
        """A row that is JSON already, on one line. Raises NoRoom."""
        places = list(self.counts)
        if any(self.counts[later] for later in places[places.index(section) + 1 :]):
            raise ValueError(f"{section!r} is over")
        with _room():
            self._file.write(row + b"\n")
        self.counts[section] += 1
        self.size += len(row)

    def moved(self) -> None:
        """Nothing to put down."""

    def end(self) -> None:
        """That was all: it is written, and can be read. Raises NoRoom."""
        with _room():
            self._file.flush()

    def _drop(self) -> None:
        with suppress(OSError, AttributeError):
            self._file.close()

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """(section, row as JSON)"""
        self._file.seek(0)
        for section, count in self.counts.items():
            for line in islice(self._file, count):
                yield section, line.rstrip(b"\n")


def _file() -> tempfile.SpooledTemporaryFile[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=HELD)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:  # also where not one folder can be written to at all
        where = tempfile.tempdir or os.environ.get("TMPDIR", "/tmp")  # noqa: S108  only named
        raise NoRoom(f"the answer could not be put down in {where} ({error.strerror or error}); make room there, or set TMPDIR") from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@dataclass(frozen=True, slots=True)
class Long:
    """A long answer: the document {section: [rows], ..., **head}. The head says something."""

    spool: Spool
    head: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any], sections: Iterable[str]) -> Long:
        """From the document, of which some are rows. Raises NoRoom."""
        spool = Spool(sections)
        for section in spool.counts:
            for row in document[section]:
                spool.put(section, json.dumps(row).encode())
        spool.end()
        return cls(spool, {name: value for name, value in document.items() if name not in spool.counts})

    def whole(self) -> dict[str, Any]:
        """The document, held: for those who know that it is short."""
        found: dict[str, Any] = {section: [] for section in self.spool.counts}
        for section, row in self.spool.rows():
            found[section].append(json.loads(row))
        return {**found, **self.head}

    def document(self) -> Iterator[str]:
        """The document as JSON, a row on each line, in pieces."""
        return (piece.decode() for piece in _gathered(self._lines()))

    def _lines(self) -> Iterator[bytes]:
        yield b"{\n"
        rows = self.spool.rows()
        for section, count in self.spool.counts.items():
            yield b"  " + json.dumps(section).encode() + b": ["
            for place, (_, row) in enumerate(islice(rows, count)):
                yield (b",\n    " if place else b"\n    ") + row
            yield b"\n  ],\n" if count else b"],\n"
        told = json.dumps(dict(self.head), ensure_ascii=False, indent=2)
        yield told.removeprefix("{\n").encode(errors="replace") + b"\n"

    def wire(self) -> Iterator[bytes]:
        """For the control socket: a line that names the sections, then the rows, in pieces."""
        yield json.dumps({"rows": self.spool.counts}).encode() + b"\n"
        yield from _gathered(row + b"\n" for _, row in self.spool.rows())


def whole(answer: Any) -> Any:
    """Any answer as one JSON value."""
    return answer.whole() if isinstance(answer, Long) else answer


def _gathered(parts: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for part in parts:
        held += part
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
