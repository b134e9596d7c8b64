"""`export`: what the ledger and the config say, as a file for people and their spreadsheets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import typer
from rich.markup import escape

from channelsync.cli.progress import counting
from channelsync.cli.show import dump, say
from channelsync.cli.store import AsJson, ConfigFile, Read, StoreAt
from channelsync.config.sheets import CONFIG_KINDS
from channelsync.errors import ChannelsyncError
from channelsync.ledger.files.importing import KINDS
from channelsync.ledger.files.kinds import PAGE, LedgerKind, Value
from channelsync.tabular import csv_writer, xlsx_writer

BOM = "\ufeff".encode()


class FileKind(StrEnum):
    """The ledger's own, and those of the config file."""

    STOCK = "stock"
    SKUS = "skus"
    LISTINGS = "listings"
    PURCHASES = "purchase-orders"
    RECEIPTS = "receipts"
    LOCATIONS = "locations"
    RULES = "rules"


class CannotWrite(ChannelsyncError):
    """The file cannot be made."""


def export(
    kind: Annotated[FileKind, typer.Argument(help="What.")],
    to: Annotated[
        Path | None, typer.Option("--out", "-o", help="Into this file; left out: standard output. One that ends in .xlsx is XLSX.")
    ] = None,
    form: Annotated[
        Literal["csv", "xlsx"] | None, typer.Option("--format", help="As the file's name says, or CSV.", show_default=False)
    ] = None,
    delimiter: Annotated[str, typer.Option(help="Between the cells of a CSV file: a comma, a semicolon, or tab.")] = ",",
    bom: Annotated[bool, typer.Option("--bom", help="Begin the CSV file with the mark by which Excel knows UTF-8.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Only the header of a file to import.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Write stock, SKUs, listings, purchase orders, receipts, locations or rules as a table. Read again with `import`, it changes nothing (docs/files.md).

    [dim]Example: channelsync export stock --out stock.csv[/dim]
    """
    marks = {",": ",", ";": ";", "tab": "\t", "\t": "\t"}
    if delimiter not in marks:
        raise typer.BadParameter("one of , ; tab", param_hint="--delimiter")
    if json and to is None:
        raise typer.BadParameter("--json tells what was written; it needs --out", param_hint="--json")
    name = kind.value
    excel = form == "xlsx" or (form is None and to is not None and to.suffix.lower() == ".xlsx")
    header = _template(name) if template else (KINDS.get(name) or CONFIG_KINDS[name]).exported
    store = StoreAt(config)
    with _out(to) as file:
        file.write(BOM if bom and not excel else b"")
        with xlsx_writer(file, header, title=name) if excel else csv_writer(file, header, delimiter=marks[delimiter]) as write:
            written = 0 if template else _written(store, name, write)
    if json:
        dump({"kind": name, "file": str(to), "rows": written})
    elif to is not None:
        say(escape(f"{to}: {written:,} rows"))


def _template(name: str) -> tuple[str, ...]:
    kind = KINDS.get(name) or CONFIG_KINDS[name]
    return tuple(column.name for column in kind.columns if not column.told)


def _written(store: StoreAt, name: str, write: Callable[[Sequence[Value]], None]) -> int:
    count = 0
    if name in CONFIG_KINDS:
        for row in CONFIG_KINDS[name].export(store.config):
            write(row)
            count += 1
        return count
    with store.reader() as read, counting(f"{name} written", None) as told:
        for rows in pages(read, KINDS[name]):
            for row in rows:
                write(row)
            count += len(rows)
            told(len(rows))
    return count


def pages(read: Read, kind: LedgerKind[Any]) -> Iterator[list[tuple[Value, ...]]]:
    """By key, each on a snapshot of its own: what changes meanwhile is in it or not, row by row."""
    after: int | None = 0
    while after is not None:
        rows, after = read(kind.page, after, PAGE)
        yield rows


@contextmanager
def _out(to: Path | None) -> Iterator[BinaryIO]:
    """Whole or not at all: a file is put in place when it is complete."""
    if to is None:
        with suppress(BrokenPipeError):  # nobody reads on
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    part = to.with_name(f"{to.name}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise CannotWrite(f"{part} cannot be written: {error.strerror}") from error
    try:
        with file:
            yield file
        part.replace(to)
    except OSError as error:
        raise CannotWrite(f"{to} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
