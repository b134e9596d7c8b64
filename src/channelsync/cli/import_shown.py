"""What a preview or an import came to, for people; and files about the config, which are only ever shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer
from rich.markup import escape

from channelsync.cli.show import dump, out, say, table
from channelsync.cli.store import StoreAt
from channelsync.config.sheet_kind import ConfigKind, said
from channelsync.ledger.files.importing import CHUNK
from channelsync.ledger.files.reading import Reader, pieces
from channelsync.ledger.files.telling import Tally
from channelsync.tabular import Copy, opened

CHANGES: Final = ("line#", "what", "column", "now", "will be")


def show(name: str, tally: Tally, *, seen: Tally | None = None) -> None:
    """seen: the preview, which was shown; `tally` is what was done then, and of the bad rows only those are named that the preview did not name."""
    done = seen is not None
    told = tally.told()
    changes, opened_ = ("changed", "new") if done else ("would change", "would be new")
    rest = [f"{told[key]:,} {word}" for key, word in (("empty", "empty"), ("done_before", "done before with this file")) if told[key]]
    parts = [
        f"{told['changed']:,} {changes}",
        f"{told['new']:,} {opened_}",
        f"{told['unchanged']:,} unchanged",
        *rest,
        f"{told['bad']:,} bad",
    ]
    say(escape(f"{name}: {told['rows']:,} rows: {', '.join(parts)}"))
    if not done and tally.first:
        rows = [(each.line, each.about, one.column, one.old, one.new) for each in tally.first for one in each.differences]
        table("Changes" + ("" if len(tally.first) == tally.changing else f", the first {len(tally.first)}"), CHANGES, rows)
    problems = [_problem(each) for each in told["problems"]]
    named = set() if seen is None else {_problem(each) for each in seen.told()["problems"]}
    if new := [each for each in problems if each not in named]:
        table("Bad rows", ("line#", "column", "what is wrong"), new)
    if tally.bad > len(problems) and not done:
        say(f"... and {tally.bad - len(problems):,} more bad rows")


def _problem(told: Mapping[str, Any]) -> tuple[Any, ...]:
    return told["line"], told["column"], told["problem"]


def import_config(
    store: StoreAt, kind: ConfigKind[Any], copy: Copy, ignored: Sequence[str], *, apply: bool, first: int, json: bool
) -> None:
    """What stands in the config file is changed by a person, there."""
    if apply:
        raise typer.BadParameter(
            f"{kind.name} stand in the config file, which is yours alone; without --apply you get the TOML to put there"
        )
    sheet, tally, texts = opened(copy.file, copy.name), Tally(first), list[str]()
    for piece in pieces(sheet.rows, Reader(kind, sheet.header, defaults={}, ignored=ignored), CHUNK):
        rows = [asked for _, asked in piece.asked]
        verdicts = kind.compare(store.config, rows)
        tally.add(verdicts)
        tally.add_piece(piece)
        texts.append(said(rows, verdicts, kind.toml))
    toml = "\n".join(text for text in texts if text)
    if json:
        dump({"kind": kind.name, "file": copy.name, "applied": False, **tally.told(), "toml": toml})
    else:
        show(copy.name, tally)
        _show_toml(store, toml)
    if tally.bad:
        raise typer.Exit(1)


def _show_toml(store: StoreAt, toml: str) -> None:
    if not toml:
        say("the config file says all of it already")
        return
    say(escape(f"\nPut this into {store.config.path}, in the place of tables of the same name, and start the daemon anew:\n"))
    out.print(toml, markup=False, highlight=False)
