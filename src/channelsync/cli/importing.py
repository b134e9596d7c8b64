"""`import`: a file is read, what it would change is shown, and, if that is wanted, done; bad rows are named and kept in a file of their own."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from channelsync.cli.exporting import FileKind
from channelsync.cli.import_shown import import_config, show
from channelsync.cli.import_work import Import
from channelsync.cli.rejecting import rejects_of
from channelsync.cli.show import dump, say
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.cli.times import instant
from channelsync.clock import SystemClock
from channelsync.config.sheets import CONFIG_KINDS
from channelsync.ledger.files.importing import KINDS, WHOLE_MAX
from channelsync.ledger.files.kinds import Source, source_id
from channelsync.ledger.files.telling import Tally
from channelsync.ledger.refusals import NotAllowed
from channelsync.tabular import Copy, copied, opened_file

STDIN = "-"


def import_(
    kind: Annotated[FileKind, typer.Argument(help="What the file is about.")],
    file: Annotated[str, typer.Argument(help="A CSV file in UTF-8, or an XLSX file; - for standard input.")],
    apply: Annotated[bool, typer.Option("--apply", help="Do it, without a question. Without this, nothing is changed.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="stock, receipts: when it was counted or came, in the store's time zone; now, if left out. What was sold or received since then is added, so a count of "
            "yesterday evening is right today, too.",
            show_default=False,
        ),
    ] = None,
    location: Annotated[
        str | None, typer.Option("--location", "-l", help="stock, purchase-orders: for rows that name none.", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option(help="stock: for rows that give none. An adjustment needs one.", show_default=False)] = "",
    reference: Annotated[str, typer.Option(help="purchase-orders: for rows that name none.", show_default=False)] = "",
    supplier: Annotated[str, typer.Option(help="purchase-orders: for rows that name none.", show_default=False)] = "",
    order: Annotated[str, typer.Option(help="receipts: for rows that name none.", show_default=False)] = "",
    whole: Annotated[bool, typer.Option("--all-or-nothing", help=f"Change nothing if any row is bad. At most {WHOLE_MAX} rows.")] = False,
    ignore: Annotated[list[str] | None, typer.Option(help="A column of the file to leave alone.", show_default=False)] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where bad rows are kept; FILE.rejected.csv, if left out.", show_default=False)
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Do it once more although this very file was imported before: a new count that came out the same."),
    ] = False,
    first: Annotated[int, typer.Option(min=0, max=10_000, help="So many of the changes are shown.")] = 20,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Read a table of stock, SKUs, listings, purchase orders, receipts, locations or rules, and show what it would change; --apply, or a yes to the question, does it.

    Good rows are applied, bad ones are named and kept in FILE.rejected.csv, to be corrected and imported again. The same file again changes
    nothing twice. Stock is what is physically there: a row of on_hand is a count at --as-of, and whatever has been sold or received since is
    added to it; claims of carts and orders stay as they are. Purchase orders are drafted and changed, as long as they are drafts. Locations and rules stand in the config file: their import prints the TOML to put there.
    docs/files.md has the columns; `channelsync export stock --template` makes an empty file.

    [dim]Example: channelsync import stock count.csv --as-of 2026-01-31T18:00 --apply[/dim]
    """
    _fitting(kind.value, as_of, {"location": location, "reason": reason, "reference": reference, "supplier": supplier, "order": order})
    store = StoreAt(config)
    ignored = tuple(ignore or ())
    with copied_file(file) as copy:
        if kind.value in CONFIG_KINDS:
            import_config(store, CONFIG_KINDS[kind.value], copy, ignored, apply=apply, first=first, json=json)
            return
        store.ask("live")  # whoever answers has brought the ledger's places up to the config, as whoever applies will have
        now = SystemClock().now()
        when = now if as_of is None else instant(as_of, store.config.store.time_zone, now)
        meaning = (as_of or "", location or "", str(uuid.uuid4()) if again else "", *filter(None, [order]))
        source = Source(source_id(kind.value, copy.digest, *meaning), when, actor())
        said = {"location": _place(store, location), "reason": reason, "reference": reference, "supplier": supplier, "order": order}
        defaults = {name: value for name, value in said.items() if name in KINDS[kind.value].spoken}
        work = Import(store, KINDS[kind.value], copy, source, defaults, ignored, whole, first)
        _run(work, apply=apply, json=json, rejects=rejects, now=now)


def _run(work: Import, *, apply: bool, json: bool, rejects: Path | None, now: datetime) -> None:
    seen = work.preview(now)
    if not json:
        show(work.copy.name, seen)
    if not (apply or (seen.changing and not json and _asked(work, seen))):
        _end(work, seen, applied=False, json=json)
        return
    if work.whole and seen.bad:
        raise NotAllowed(
            f"{seen.bad} of {seen.rows} rows are bad, so nothing was changed (--all-or-nothing); correct them and import the file again"
        )
    with rejects_of(work.copy.name, work.sheet, rejects) as kept:
        done = work.apply(kept)
    if not json:
        show(work.copy.name, done, seen=seen)
    _end(work, done, applied=True, json=json, rejects=kept.path)


@contextmanager
def copied_file(file: str) -> Iterator[Copy]:
    """The file of that name, or what comes in; as it is now."""
    if file == STDIN:
        with copied(sys.stdin.buffer, "stdin") as copy:
            yield copy
        return
    with opened_file(Path(file)) as stream, copied(stream, file) as copy:
        yield copy


def _fitting(kind: str, as_of: str | None, said: Mapping[str, str | None]) -> None:
    goes_with = {f"--{name}": [each.name for each in KINDS.values() if name in each.spoken] for name, value in said.items() if value}
    if as_of:
        goes_with["--as-of"] = [each.name for each in KINDS.values() if each.dated]
    for option, kinds in goes_with.items():
        if kind not in kinds:
            raise typer.BadParameter(f"goes with {' and '.join(kinds)} only, not with {kind}", param_hint=option)


def _place(store: StoreAt, location: str | None) -> str:
    """For rows that name none: the one that was said, or the only one there is."""
    known = list(store.config.locations)
    return location or (known[0] if len(known) == 1 else "")


def _asked(work: Import, seen: Tally) -> bool:
    if work.copy.name == "stdin" or not _at_terminal():
        say("nothing was changed; --apply does it")
        return False
    if typer.confirm(f"Apply {seen.changing:,} changes?"):
        return True
    say("nothing was changed")
    return False


def _at_terminal() -> bool:
    """Is there a person who can answer?"""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _end(work: Import, tally: Tally, *, applied: bool, json: bool, rejects: Path | None = None) -> None:
    """Bad rows are an error to whoever calls, though the good ones were applied."""
    kept = None if rejects is None else str(rejects)
    if json:
        dump({"kind": work.kind.name, "file": work.copy.name, "applied": applied, **tally.told(), "rejects": kept})
    elif kept is not None:
        say(escape(f"bad rows are in {kept}: correct them there, and import that file"))
    if tally.bad:
        raise typer.Exit(1)
