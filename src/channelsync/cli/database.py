"""`db`: the ledger's database itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from sqlalchemy.engine import URL, make_url

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import LOCK_PATIENCE_SECONDS, AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.ledger import backup as copying
from channelsync.ledger import identity
from channelsync.ledger.audit import audit
from channelsync.ledger.backup import NoBackup
from channelsync.ledger.database import open_database
from channelsync.ledger.upgrade import SchemaState
from channelsync.ledger.upgrade import check as schema_state
from channelsync.ledger.upgrade import upgrade as upgrade_schema
from channelsync.ledger.verifier import verify
from channelsync.shell.lock import exclusive

group = typer.Typer(
    no_args_is_help=True,
    help="The ledger's database: bring its schema up to date, check that it proves itself, back it up.\n\n[dim]Example: channelsync db check[/dim]",
)


@group.command()
def upgrade(config: ConfigFile = None, json: AsJson = False) -> None:
    """Bring the database to this program's schema (the daemon does so by itself). Back it up first.

    [dim]Example: channelsync db upgrade -c acme.toml[/dim]
    """
    store = StoreAt(config)

    async def locked() -> SchemaState:
        async with exclusive(store.config, SystemClock(), patience=LOCK_PATIENCE_SECONDS):
            database = open_database(store.config.store.database, pooled=store.config.store.pooled)
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
    database = open_database(store.config.store.database, pooled=store.config.store.pooled)
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


@group.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The new file; it must not be there yet.")], config: ConfigFile = None, json: AsJson = False
) -> None:
    """Copy the ledger to a file, while the daemon runs, and let the copy prove itself. docs/backup.md tells how to go back to it.

    [dim]Example: channelsync db backup /backup/acme-2026-01-31.db[/dim]
    """
    store = StoreAt(config)
    url = make_url(store.config.store.database)
    if url.get_backend_name() != "sqlite":
        options = {name: value for name, value in url.query.items() if "password" not in name}
        shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, options).render_as_string()
        raise NoBackup(f"PostgreSQL makes its own backups: (umask 077; pg_dump --format=custom --file={file} --dbname={shown})")
    store.read(identity.require_store, store.config.store.id)  # it is there, and it is this store's
    size = copying.copy(Path(str(url.database)), file)
    differences = _proved(file)
    if json:
        dump({"file": str(file), "bytes": size, "differences": differences})
    else:
        say(f"[green]copied[/green]: {escape(str(file))}, {size:,} bytes")
        say(
            "the copy adds up" if not differences else f"{differences} things in it do not add up: `channelsync audit --offline` names them"
        )
    if differences:
        raise typer.Exit(1)


def _proved(file: Path) -> int:
    """How many things in the copy do not add up."""
    database = copying.opened(file)
    try:
        with database.connect() as conn:
            return len(audit(conn)) + len(verify(conn, SystemClock().now()).mismatches)
    finally:
        database.dispose()


def _row(each: object) -> dict[str, str]:
    return {name: str(getattr(each, name)) for name in ("check", "where", "expected", "found")}
