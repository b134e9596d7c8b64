"""`drift`: what a shop shows that nothing explains, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.errors import ChannelsyncError
from channelsync.ledger import drifts
from channelsync.ledger.brackets import EditPolicy
from channelsync.ledger.drifts import Foreseen

ROWS_SHOWN = 200
AT_ONCE = 500
"""Answers in one request to the daemon."""

group = typer.Typer(
    no_args_is_help=True, help="Numbers somebody typed into a shop, or that nothing explains.\n\n[dim]Example: channelsync drift list[/dim]"
)


class Undecided(ChannelsyncError):
    """Neither or both ways of resolving were chosen."""

    code = "malformed"


@group.command("list")
def list_(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show every shelf that shows another number than we expect.

    [dim]Example: channelsync drift list[/dim]
    """
    found = StoreAt(config).read(drifts.listed)
    if json:
        dump(found)
        return
    rows = [
        (
            d.shelf,
            d.channel,
            d.sku or d.listing,
            d.location,
            d.book,
            d.shows,
            ago(d.since),
            "waits for you" if d.asked else "being looked at",
        )
        for d in found
    ]
    table("Drift", ("shelf#", "channel", "SKU", "location", "expected#", "shown#", "since?", "state"), rows, empty="none")


@group.command()
def resolve(
    shelf: Annotated[int | None, typer.Argument(help="The shelf's number in `drift list`.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Our number is right: write it over the shop's.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="The shop's number is right: correct the ledger.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Instead of one shelf: every drift that waits; shows first what it would do.")
    ] = False,
    channel: Annotated[str | None, typer.Option("--channel", help="With --all: only this channel's.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --all: do it.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Answer a drift, or all of them alike: overwrite the shop's number, or adopt it.

    [dim]Example: channelsync drift resolve 17 --overwrite; channelsync drift resolve --all --channel webshop --overwrite --yes[/dim]
    """
    if overwrite == adopt:
        raise Undecided("say which number is right: --overwrite (ours) or --adopt (the shop's)")
    if (shelf is None) != every:
        raise Undecided("name one shelf, or all of them with --all")
    if not every and (yes or channel):
        raise typer.BadParameter("they go with --all", param_hint="--yes, --channel")
    policy = EditPolicy.OVERWRITE if overwrite else EditPolicy.ADOPT
    store = StoreAt(config)
    if shelf is None:
        _resolve_all(store, policy, store.channel(channel), yes=yes, json=json)
    else:
        _resolve_one(store, policy, shelf, json=json)


def _resolve_one(store: StoreAt, policy: EditPolicy, shelf: int, *, json: bool) -> None:
    mine = next((each for each in store.read(drifts.listed, after=shelf - 1, limit=1) if each.shelf == shelf), None)
    if mine is None:
        raise Undecided(f"shelf {shelf} has no drift (any more); `channelsync drift list` shows those that have")
    done = store.ask("drift.resolve", {"shelf": shelf, "policy": policy.value, "shows": mine.shows})
    dump({"shelf": shelf, "done": done}) if json else say(f"shelf {shelf}: {done}")


# -- all of them -----------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """One drift of many: what its answer does, or has done, and why it was left alone, if it was."""

    shelf: int
    channel: str
    sku: str
    location: str
    book: int
    shows: int
    will: str
    done: str
    refused: str


def _resolve_all(store: StoreAt, policy: EditPolicy, channel: str | None, *, yes: bool, json: bool) -> None:
    foreseen = _foreseen(store, policy, channel)
    answered = _answer(store, policy, foreseen) if yes else [_row(each) for each in foreseen]
    left = [each for each in answered if each.refused]
    if json:
        dump({"answered": len(answered) - len(left) if yes else 0, "left": len(left), "drifts": answered})
    else:
        _show(answered, left, yes=yes)
    if yes and left:
        raise typer.Exit(1)


def _foreseen(store: StoreAt, policy: EditPolicy, channel: str | None) -> list[Foreseen]:
    found: list[Foreseen] = []
    after: int | None = 0
    while after is not None:
        page, after = store.read(drifts.foresee, policy, channel=channel, after=after)
        found += page
    return found


def _answer(store: StoreAt, policy: EditPolicy, foreseen: Sequence[Foreseen]) -> list[Answered]:
    """Each with the number that was shown for it just now: one that shows another by then is left alone."""
    wanted = [each for each in foreseen if not each.refused]
    said: dict[int, dict[str, str]] = {}
    for start in range(0, len(wanted), AT_ONCE):
        chunk = wanted[start : start + AT_ONCE]
        answers = [{"shelf": each.drift.shelf, "policy": policy.value, "shows": each.drift.shows} for each in chunk]
        told = store.ask("drift.answer", {"answers": answers})
        said |= {each.drift.shelf: answer for each, answer in zip(chunk, told, strict=True)}
    return [_row(each, **said.get(each.drift.shelf, {})) for each in foreseen]


def _row(each: Foreseen, *, done: str = "", refused: str = "") -> Answered:
    d = each.drift
    return Answered(d.shelf, d.channel, d.sku or d.listing, d.location, d.book, d.shows, each.will, done, refused or each.refused)


def _show(answered: Sequence[Answered], left: Sequence[Answered], *, yes: bool) -> None:
    columns = ("shelf#", "channel", "SKU", "location", "expected#", "shown#", "done" if yes else "would be done")
    rows = [(a.shelf, a.channel, a.sku, a.location, a.book, a.shows, f"left alone: {a.refused}" if a.refused else a.will) for a in answered]
    table("Drift", columns, rows[:ROWS_SHOWN], empty="none")
    if len(rows) > ROWS_SHOWN:
        say(f"... and {len(rows) - ROWS_SHOWN} more; --json names them all")
    if yes:
        say(f"[green]answered[/green]: {len(answered) - len(left)}, left alone: {len(left)}")
    elif answered:
        say("nothing was changed; add --yes to do it")
