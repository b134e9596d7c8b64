"""`counts print` and `counts enter --file`: a sheet goes out on paper or as a table, and comes back filled in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from channelsync.cli.exporting import BOM, CannotWrite
from channelsync.cli.importing import copied_file
from channelsync.cli.numbers import number_argument
from channelsync.cli.rejecting import rejects_of
from channelsync.cli.show import dump, out, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.cli.times import NoTime, instant, shown
from channelsync.ledger import bounds
from channelsync.ledger.counts import pages, paper
from channelsync.ledger.counts.pages import SheetDetail
from channelsync.ledger.counts.paper import CountRow
from channelsync.ledger.counts.sheets import reference
from channelsync.ledger.counts.states import COUNT
from channelsync.ledger.files.kinds import Mistake, source_id
from channelsync.ledger.files.reading import Piece, Reader, pieces
from channelsync.ledger.refusals import KeyReused, NotAllowed
from channelsync.shell.control import ControlError
from channelsync.tabular import Copy, Row, Sheet, Value, opened, writer_for

Number = Annotated[int, number_argument("CNT", "SHEET", 4)]
RejectsAt = Annotated[
    Path | None, typer.Option("--rejects", help="Where bad rows of a --file are kept; FILE.rejected.csv, if left out.", show_default=False)
]
BLANK: Final = "______"
SHOWN: Final = 20


def print_(
    number: Number,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="As a table to fill in; XLSX if the name ends in .xlsx.", show_default=False),
    ] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """A sheet to count by: on paper, or with --csv as a table with an empty column, to be read back with `counts enter --file`.

    [dim]Example: channelsync counts print 4 --csv count.csv[/dim]
    """
    if json and csv is None:
        raise typer.BadParameter("--json tells what was written; it needs --csv (or see `counts show --json`)", param_hint="--json")
    store = StoreAt(config)
    found = store.read(pages.one_sheet, number)
    if csv is None:
        _on_paper(found, shown(found.sheet.created_at, store.config.store.time_zone))
        return
    lines = paper.rows(found)
    _write(csv, paper.header(found), lines)
    if json:
        dump({"number": number, "file": str(csv), "rows": len(lines)})
    else:
        done = len(found.lines) - len(lines)
        say(escape(f"{csv}: {len(lines)} lines to count" + (f"; {done} are counted already and left out" if done else "")))


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    """Whole or not at all; and never over a file that is there: it may be filled in already."""
    try:
        file = path.open("xb")
    except FileExistsError:
        raise CannotWrite(f"{path} exists already, and may be filled in; remove it, or name another file") from None
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error
    try:
        with file:
            file.write(b"" if path.suffix.lower() == ".xlsx" else BOM)  # by which spreadsheets know UTF-8
            with writer_for(file, str(path), header) as write:
                for row in rows:
                    write(row)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error
        raise


def _on_paper(found: SheetDetail, opened_at: str) -> None:
    """Plain text in columns, as wide as what is in them."""
    sheet = found.sheet
    told = [f"{reference(sheet.number)}   {sheet.location}   opened {opened_at}", *([sheet.note] if sheet.note else []), ""]
    blind = sheet.blind and sheet.state == "open"
    head = ["SKU", "title", *([] if blind else ["expected"]), "counted"]
    rows = [
        [
            line.sku,
            " ".join(line.title.split()),
            *([] if blind else [_cell(line.expected)]),
            BLANK if line.counted is None else str(line.counted),
        ]
        for line in found.lines
    ]
    rows += [[BLANK * 2, "", *([] if blind else [""]), BLANK] for _ in range(3)]  # for what is found and not on it
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    told += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
    told += ["", "counted by ____________________   at ____________________"]
    out.file.write("\n".join(told) + "\n")


def _cell(value: int | None) -> str:
    return "" if value is None else str(value)


def enter_file(
    store: StoreAt,
    number: int,
    file: str,
    at: datetime | None,
    by: str,
    now: datetime,
    *,
    again: bool,
    rejects: Path | None,
    key: str | None,
    json: bool,
) -> None:
    """Good rows are entered together, bad ones are named and kept. Exits 1 if there are any."""
    head = store.read(pages.one_sheet, number).sheet
    if wrong_state := COUNT.refuses(number, head.state, "enter"):
        raise wrong_state
    with copied_file(file) as copy:
        sheet = opened(copy.file, copy.name)
        piece = _read(sheet, copy.name, number, store.config.store.time_zone, now)
        known = store.read(paper.not_enterable, [row for _, row in piece.asked])
        good = [row for _, row in piece.asked if row.line not in known]
        bad = [*piece.wrong, *((row, known[asked.line]) for row, asked in piece.asked if asked.line in known)]
        bad.sort(key=lambda each: each[0].line)
        with rejects_of(copy.name, sheet, rejects) as kept:
            done = _enter(store, _asked(number, copy, good, at, by, key, again=again)) if good else None
            kept.keep(bad)
    rejected = None if kept.path is None else str(kept.path)
    if json:
        problems = [{"line": row.line, "column": mistake.column, "problem": mistake.why} for row, mistake in bad]
        dump({"number": number, "file": copy.name, "entered": done, "empty": piece.empty, "problems": problems, "rejects": rejected})
    else:
        _told(copy.name, done, bad, piece.empty, rejected)
    if bad:
        raise typer.Exit(1)


def _read(sheet: Sheet, name: str, number: int, zone: str, now: datetime) -> Piece[CountRow]:
    """The whole file: no sheet has more lines."""

    def moment(text: str) -> datetime:
        try:
            return instant(text, zone, now)
        except NoTime as error:
            raise ValueError(str(error)) from error

    reader = Reader(paper.kind(number, moment), sheet.header, defaults={}, ignored=None)
    found = list(islice(pieces(sheet.rows, reader, bounds.MAX_LINES + 1), 1))
    if not found:
        return Piece((), (), 0)
    if found[0].size > bounds.MAX_LINES:
        raise NotAllowed(f"{name} has more than {bounds.MAX_LINES} rows, and no sheet has more lines; nothing was entered, split it")
    return found[0]


def _enter(store: StoreAt, asked: dict[str, Any]) -> Any:
    try:
        return store.ask("counts.enter", asked)
    except (KeyReused, ControlError) as error:  # here, or in the daemon
        if error.code != KeyReused.code:
            raise
        raise NotAllowed(
            "this very file was entered before, when other rows of it were good, and nothing was entered now; enter what was rejected then from "
            "its own file, or all of it once more with --again (and --at, if it is not of now)"
        ) from error


def _asked(
    number: int, copy: Copy, rows: Sequence[CountRow], at: datetime | None, by: str, key: str | None, *, again: bool
) -> dict[str, Any]:
    """The same file says the same: entered a second time it would say that the units were there now."""
    meaning = str(number), "" if at is None else at.isoformat(), by, str(uuid.uuid4()) if again else ""
    lines = [
        {
            "sku": row.sku,
            "quantity": row.counted,
            "counted_at": None if row.counted_at is None else row.counted_at.isoformat(),
            "counted_by": row.counted_by,
        }
        for row in rows
    ]
    said = {"number": number, "lines": lines, "counted_at": None if at is None else at.isoformat(), "counted_by": by, "actor": actor()}
    return {**said, "key": key or f"counts:{source_id('count sheet', copy.digest, *meaning)}"}


def _told(name: str, done: Any, bad: Sequence[tuple[Row, Mistake]], empty: int, rejected: str | None) -> None:
    if done is None:
        say(escape(f"{name}: nothing to enter"))
    else:
        entered(done)
    if empty:
        say(f"{empty} rows without a number are not counted")
    if bad:
        table("Bad rows", ("line#", "column", "what is wrong"), [(row.line, mistake.column, mistake.why) for row, mistake in bad])
        say(escape(f"bad rows are in {rejected}: correct them there, and enter that file"))


def entered(done: Any) -> None:
    """What `counts.enter` has answered."""
    if done["repeat"]:
        say("these very counts were entered before, and nothing was changed (--again enters them once more)")
    lines = done["entered"]
    for line in [each for each in lines if each["was"] is not None or each["added"] or each["counted"] is None][:SHOWN]:
        number = "not counted" if line["counted"] is None else f"{line['counted']} counted"
        more = ", put on the sheet" if line["added"] else "" if line["was"] is None else f", {line['was']} before"
        say(escape(f"{line['sku']}: {number}{more}"))
    say(f"{reference(done['number'])}: {len(lines)} entered, {done['counted']} of {done['lines']} lines are counted")
