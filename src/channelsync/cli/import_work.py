"""The work of an import: a file is read piece by piece, and each piece is shown or done by the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from channelsync.cli.progress import counting
from channelsync.cli.rejecting import Rejects
from channelsync.cli.store import Ask, StoreAt
from channelsync.errors import ChannelsyncError, code_of
from channelsync.ledger.files import importing
from channelsync.ledger.files.importing import CHUNK, WHOLE_MAX, Applied, Chunk
from channelsync.ledger.files.kinds import LedgerKind, Source
from channelsync.ledger.files.reading import Piece, Reader, pieces
from channelsync.ledger.files.telling import Tally
from channelsync.ledger.refusals import NotAllowed
from channelsync.tabular import Copy, opened

_APPLIED = TypeAdapter(Applied)


class Stopped(ChannelsyncError):
    """An import that could not go on. code: that of the reason."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Import:
    """One file against one store. The copy is read twice: to show, and to do."""

    def __init__(
        self,
        store: StoreAt,
        kind: LedgerKind[Any],
        copy: Copy,
        source: Source,
        defaults: dict[str, str],
        ignored: Sequence[str],
        whole: bool,
        first: int,
    ) -> None:
        self.copy, self.kind, self.whole = copy, kind, whole
        self._store, self._source = store, source
        self._defaults, self._ignored, self._first = defaults, ignored, first
        self.sheet = opened(copy.file, copy.name)

    def preview(self, now: datetime) -> Tally:
        tally, so_far = Tally(self._first), dict[Any, int]()
        with self._store.reader() as read, counting("rows read", self._total()) as told:
            for piece in self._pieces():
                chunk = self._chunk(piece)
                tally.add(read(importing.preview, chunk, so_far, now) if chunk.rows else ())
                tally.add_piece(piece)
                told(piece.size)
                if self.whole and tally.rows > WHOLE_MAX:
                    raise NotAllowed(
                        f"{self.copy.name} has more than {WHOLE_MAX} rows, and so many at most are applied all or none; leave that out, or split it"
                    )
        return tally

    def apply(self, rejects: Rejects) -> Tally:
        tally = Tally(self._first)
        with self._store.session() as ask, counting("rows applied", self._total()) as told:
            for piece in self._pieces():
                try:
                    self._apply(ask, piece, tally, rejects)
                except ChannelsyncError as error:
                    raise _stopped(error, tally) from error
                rejects.keep(piece.wrong)
                tally.add_piece(piece)
                told(piece.size)
        return tally

    def _apply(self, ask: Ask, piece: Piece[Any], tally: Tally, rejects: Rejects) -> None:
        chunk = self._chunk(piece)
        if not chunk.rows:
            return
        asked = {"kind": chunk.kind, "source": _plain(self._source), "rows": _rows(chunk), "whole": self.whole}
        answer = _APPLIED.validate_python(ask("import", asked))
        if not answer.done:
            why = next(verdict for verdict in answer.rows if verdict.mistake)
            raise NotAllowed(
                f"line {why.line} is bad by now, so nothing was changed (--all-or-nothing): {why.mistake.why if why.mistake else ''}"
            )
        tally.add(answer.rows)
        rejects.keep((row, verdict.mistake) for (row, _), verdict in zip(piece.asked, answer.rows, strict=True) if verdict.mistake)

    def _pieces(self) -> Iterator[Piece[Any]]:
        sheet = opened(self.copy.file, self.copy.name)
        reader = Reader(self.kind, sheet.header, defaults=self._defaults, ignored=self._ignored)
        return pieces(sheet.rows, reader, WHOLE_MAX if self.whole else CHUNK)

    def _chunk(self, piece: Piece[Any]) -> Chunk:
        return Chunk(self.kind.name, self._source, tuple(asked for _, asked in piece.asked), self.whole)

    def _total(self) -> int | None:
        """Of a CSV file as many as it has lines, about."""
        return max(0, self.copy.breaks - 1) if self.sheet.delimiter else None


def _stopped(error: ChannelsyncError, tally: Tally) -> ChannelsyncError:
    if not tally.rows:
        return error
    return Stopped(
        f"after {tally.rows:,} rows, of which {tally.changing:,} changed something: {error}. Import the same file again: nothing is done twice",
        code_of(error),
    )


def _plain(source: Source) -> dict[str, Any]:
    return {**asdict(source), "as_of": source.as_of.isoformat()}


def _rows(chunk: Chunk) -> list[dict[str, Any]]:
    return [asdict(row) for row in chunk.rows]
