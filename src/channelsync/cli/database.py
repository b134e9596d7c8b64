"""`db`: the ledger's database itself."""

from __future__ import annotations

import asyncio

import typer

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import LOCK_PATIENCE_SECONDS, AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.ledger.audit import audit
from channelsync.ledger.database import open_database
from channelsync.ledger.upgrade import SchemaState
from channelsync.ledger.upgrade import check as schema_state
from channelsync.ledger.upgrade import upgrade as upgrade_schema
from channelsync.shell.lock import exclusive

group = typer.Typer(
    no_args_is_help=True,
    help="The ledger's database: bring its schema up to date, or check that it proves itself.\n\n[dim]Example: channelsync db check[/dim]",
)


@group.command()
def upgrade(config: ConfigFile = None, json: AsJson = False) -> None:
    """Bring the database to this program's schema (the daemon does so by itself). Back it up first.

    [dim]Example: channelsync db upgrade -c acme.toml[/dim]
    """
    store = StoreAt(config)

    async def locked() -> SchemaState:
        async with exclusive(store.config, SystemClock(), patience=LOCK_PATIENCE_SECONDS):
            database = open_database(store.config.store.database)
            try:
                return upgrade_schema(database)
            finally:
                database.dispose()

    state = asyncio.run(locked())
    dump(state) if json else say(f"[green]up to date[/green]: revision {state.found}")


@group.command()
def check(config: ConfigFile = None, json: AsJson = False) -> None:
    """Check the schema and let the ledger prove itself: every number against its log, every hold against its owner.

    [dim]Example: channelsync db check -c acme.toml[/dim]
    """
    store = StoreAt(config)
    differences = store.read(audit)
    database = open_database(store.config.store.database)
    try:
        state = schema_state(database)
    finally:
        database.dispose()
    if json:
        dump({"schema": state.schema.value, "revision": state.found, "differences": [_row(each) for each in differences]})
    else:
        say(f"schema {state.schema.value}, revision {state.found}")
        rows = [(each.check, each.where, each.expected, each.found) for each in differences]
        table("Differences", ("rule", "where", "should be", "is"), rows, empty="none, everything adds up")
    if differences:
        raise typer.Exit(1)


def _row(each: object) -> dict[str, str]:
    return {name: str(getattr(each, name)) for name in ("check", "where", "expected", "found")}
