"""POST /import/{kind}: a CSV or XLSX file as the body. What its columns mean and what a row may change is the ledger's affair."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request

from channelsync.config.sheets import CONFIG_KINDS
from channelsync.errors import ChannelsyncError
from channelsync.ledger import bounds
from channelsync.ledger.files import importing
from channelsync.ledger.files.beginning import Begin, begin_import
from channelsync.ledger.files.importing import CHUNK, KINDS, WHOLE_MAX, Chunk
from channelsync.ledger.files.kinds import LedgerKind, Source, source_id
from channelsync.ledger.files.reading import Piece, Reader, pieces
from channelsync.ledger.files.telling import Tally
from channelsync.ledger.tokens import Scope
from channelsync.shell.api import problems
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import KEY_MAX, Call
from channelsync.shell.api.exporting import CSV, Exported
from channelsync.shell.api.import_models import ImportedOut
from channelsync.shell.api.problems import MEDIA_TYPE, Problem, ProblemBody
from channelsync.shell.api.requests import Instant
from channelsync.tabular import Copy, copying, opened

router = APIRouter(prefix="/import", tags=["files"])

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES: Final = {CSV: "file.csv", XLSX: "file.xlsx"}
ROWS_MAX: Final = 250_000
PROBLEMS_MAX: Final = 1_000
AT_ONCE: Final = 2
"""Imports that are worked on; others wait. Each keeps some bytes of each row in memory."""
IN_HAND: Final = 16
"""Imports that come in, wait or are worked on. Each keeps its file on disk."""

Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_MAX,
        description="The same key and the same file do nothing twice; the same key with another file is refused. Without a key the file stands for "
        "itself: sent again byte for byte it does nothing twice, so a count that came out the same needs a key.",
        examples=["count-2026-01-31"],
    ),
]
BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "description": "The table, its first line being the header. At most 16 MiB and 250,000 rows.",
        "required": True,
        "content": {
            CSV: {"schema": {"type": "string"}, "example": "sku,location,on_hand\r\nMUG-01,main,12\r\n"},
            XLSX: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
NO_TABLE: Final[dict[int | str, dict[str, Any]]] = {
    415: {"description": "The body is no CSV in UTF-8 and no XLSX.", "model": ProblemBody, "content": {MEDIA_TYPE: {}}}
}


class Imports:
    """How many files there are at once in this process."""

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(AT_ONCE)
        self._in_hand = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises Problem, before anything is read, if there are too many."""
        if self._in_hand >= IN_HAND:
            detail = f"{IN_HAND} imports come in or wait already; nothing was done, send the same again after `Retry-After`"
            raise Problem(503, "busy", detail, headers={"retry-after": problems.RETRY_SECONDS})
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1


@router.post(
    "/{kind}",
    summary="Import a table",
    description="Shows what the file would change, or, with `apply=true`, does it. Good rows are applied, in short transactions of 250; bad ones are left "
    "alone and named. The columns are those of `channelsync import`. `locations` and `rules` stand in the config file and are refused.",
    operation_id="import_file",
    openapi_extra=BODY,
    responses=NO_TABLE,
)
async def import_file(
    call: Adjuster,
    request: Request,
    kind: Annotated[Exported, Path(description="What the file is about.", examples=["stock"])],
    idempotency_key: Key = None,
    apply: Annotated[bool, Query(description="Do it. Otherwise nothing is changed.")] = False,
    mode: Annotated[
        Literal["all", "each"], Query(description="each: what can be done is done. all: nothing, if any row is bad; at most 1,000 rows.")
    ] = "each",
    as_of: Annotated[
        Instant | None,
        Query(description="stock, receipts: when it was counted or came; now, if left out.", examples=["2026-01-31T18:00:00Z"]),
    ] = None,
    location: Annotated[str, Query(max_length=64, description="For rows that name none.", examples=["main"])] = "",
    reason: Annotated[str, Query(max_length=255, description="stock: for rows that give none.", examples=["broken"])] = "",
    reference: Annotated[str, Query(max_length=255, description="purchase-orders: for rows that name none.", examples=["A-4711"])] = "",
    supplier: Annotated[str, Query(max_length=64, description="purchase-orders: for rows that name none.", examples=["ACME"])] = "",
    order: Annotated[str, Query(max_length=32, description="receipts: for rows that name none.", examples=["PO-7"])] = "",
    ignore: Annotated[list[str] | None, Query(max_length=256, description="Columns to leave alone.", examples=[["colour"]])] = None,
    first: Annotated[int, Query(ge=0, le=1_000, description="So many of the changes are told.")] = 20,
) -> ImportedOut:
    said = {"location": location, "reason": reason, "reference": reference, "supplier": supplier, "order": order}
    known = _kind(kind.value, as_of, said)
    if ahead := bounds.happened("as_of", as_of, call.backend.store.clock.now()):
        raise ahead
    name = _name(request.headers.get("content-type", ""))
    imports: Imports = request.app.state.imports
    with imports.one(), copying(name) as file:
        async for piece in request.stream():  # all of it before it waits for its turn: a client that is not read from is cut off
            file.take(piece)
        async with imports.turn:
            copy = await _bounded(file.done())
            key = call.key(idempotency_key)
            meaning = ("" if as_of is None else as_of.isoformat(), location, key or "", *filter(None, [order]))
            source = Source(source_id(known.name, copy.digest, *meaning), as_of or call.backend.store.clock.now(), call.actor)
            defaults = {column: said[column] or _usual(call, column) for column in known.spoken}
            return await _done(_Import(call, known, copy, source, defaults, ignore or [], first, key, whole=mode == "all"), apply=apply)


async def _done(work: _Import, *, apply: bool) -> ImportedOut:
    tally, applied = None, False
    if not apply or work.whole:
        tally = await work.preview()
    if apply and not (tally and tally.bad):
        tally, applied = await work.apply()
    assert tally is not None
    return ImportedOut.of(work.kind.name, tally.told(), applied=applied, repeat=work.repeat)


class _Import:
    """One file. It is read once for a preview and once to apply it. repeat: it was sent with this key before."""

    def __init__(
        self,
        call: Call,
        kind: LedgerKind[Any],
        copy: Copy,
        source: Source,
        defaults: Mapping[str, str],
        ignored: list[str],
        first: int,
        key: str | None,
        *,
        whole: bool,
    ) -> None:
        self.kind, self.whole, self.repeat = kind, whole, False
        self._key, self._begun = key, False
        self._call, self._copy, self._source = call, copy, source
        self._defaults, self._ignored, self._first = defaults, ignored, first

    async def preview(self) -> Tally:
        tally, so_far, now = Tally(self._first, PROBLEMS_MAX), dict[Any, int](), self._call.backend.store.clock.now()
        async for piece in self._pieces(tally):
            if chunk := self._chunk(piece):
                tally.add(await self._call.read(importing.preview, chunk, so_far, now))
            tally.add_piece(piece)
        return tally

    async def apply(self) -> tuple[Tally, bool]:
        """False: it was all or none, and none: something is bad by now that was not at the preview."""
        tally, done = Tally(self._first, PROBLEMS_MAX), True
        with _telling_how_far(tally):
            async for piece in self._pieces(tally):
                if chunk := self._chunk(piece):
                    await self._begin()
                    answer = await self._call.backend.desk.take_rows(chunk)
                    done = done and answer.done
                    tally.add(answer.rows)
                tally.add_piece(piece)
        return tally, done

    async def _begin(self) -> None:
        """The key stands for this file from now on. A file that cannot be read leaves it free."""
        if self._key is not None and not self._begun:
            self.repeat = (await self._call.run(begin_import, Begin(self._source.id, key=self._key))).repeat
        self._begun = True

    async def _pieces(self, tally: Tally) -> AsyncIterator[Piece[Any]]:
        """Read beside the event loop: a piece may hold megabytes."""
        rest = await asyncio.to_thread(self._read)
        while (piece := await asyncio.to_thread(next, rest, None)) is not None:
            if self.whole and tally.rows + piece.size > WHOLE_MAX:
                raise Problem(413, "too_large", f"the file has more than {WHOLE_MAX:,} rows, and so many at most are applied all or none")
            yield piece

    def _read(self) -> Iterator[Piece[Any]]:
        sheet = opened(self._copy.file, self._copy.name)
        reader = Reader(self.kind, sheet.header, defaults=self._defaults, ignored=self._ignored)
        return pieces(sheet.rows, reader, WHOLE_MAX + 1 if self.whole else CHUNK)

    def _chunk(self, piece: Piece[Any]) -> Chunk | None:
        rows = tuple(asked for _, asked in piece.asked)
        return Chunk(self.kind.name, self._source, rows, self.whole) if rows else None


def _kind(name: str, as_of: datetime | None, said: Mapping[str, str]) -> LedgerKind[Any]:
    if name in CONFIG_KINDS:
        raise Problem(
            422,
            "not_allowed",
            f"{name} stand in the config file, which no program writes; `channelsync import {name} FILE` shows the TOML to put there",
        )
    kind = KINDS[name]
    wrong = [column for column, value in said.items() if value and column not in kind.spoken]
    wrong += ["as_of"] if as_of is not None and not kind.dated else []
    if wrong:
        raise Problem(422, "malformed", f"query.{wrong[0]}: it does not go with {name}; leave it out")
    return kind


def _name(content_type: str) -> str:
    """Of the file, by which it is read."""
    media, _, parameters = content_type.lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if media.strip() not in FILES or charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise Problem(415, "unsupported_media_type", f"send CSV in UTF-8 as {CSV}, or XLSX as {XLSX}, not {content_type[:80]!r}")
    return FILES[media.strip()]


def _usual(call: Call, column: str) -> str:
    """The only location there is need not be named."""
    known = list(call.backend.desk.assembly.config.locations)
    return known[0] if column == "location" and len(known) == 1 else ""


async def _bounded(copy: Copy) -> Copy:
    lines = copy.breaks if copy.name == FILES[CSV] else await asyncio.to_thread(_rows, copy)
    if lines > ROWS_MAX + 1:
        raise Problem(413, "too_large", f"the file has {lines:,} lines, at most {ROWS_MAX:,} and a header are taken; send it in parts")
    return copy


def _rows(copy: Copy) -> int:
    return sum(1 for _ in opened(copy.file, copy.name).rows)


@contextmanager
def _telling_how_far(tally: Tally) -> Iterator[None]:
    """What breaks an import off says what was done by then."""
    try:
        yield
    except (ChannelsyncError, Problem) as error:
        if not tally.rows:
            raise
        told, headers = (error.body, error.headers) if isinstance(error, Problem) else problems.failure(error)
        how_far = f"after {tally.rows:,} rows, of which {tally.changing:,} changed something: {told['detail']}. Send the same again: nothing is done twice"
        raise Problem(told["status"], told["code"], how_far, headers=headers) from error
