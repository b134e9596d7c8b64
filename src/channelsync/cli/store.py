"""The store a command works on: its config, its ledger for reading, and its daemon for everything else.

Reads go straight to the database. Whatever changes something or needs the shops goes through the running daemon; if none runs, the command
takes the ledger's lock and does the same work itself.
"""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from channelsync.cli.progress import Tell
from channelsync.config import Config, load
from channelsync.errors import ChannelsyncError
from channelsync.ledger import identity
from channelsync.ledger.channels import every
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.upgrade import check as schema_state
from channelsync.registry import Registry
from channelsync.shell.control import NoDaemon, ask, ask_long
from channelsync.shell.lock import beside
from channelsync.shell.spool import whole

if TYPE_CHECKING:
    from channelsync.shell.desk import Desk

P = ParamSpec("P")
R = TypeVar("R")

Read = Callable[..., Any]
"""(query, arguments) -> what the query answers."""
Ask = Callable[[str, Mapping[str, Any]], Any]
"""(verb, arguments) -> the answer as JSON values."""

HERE = Path("channelsync.toml")
SYSTEM = Path("/etc/channelsync")
LOCK_PATIENCE_SECONDS = 5.0
TELL_SECONDS = 0.25

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="The store's config file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")]


class NoStore(ChannelsyncError):
    """There is no config file, or no ledger yet."""

    code = "no_store"


class NoChannel(ChannelsyncError):
    """A channel was named that there is not."""

    code = "unknown_channel"


class StoreAt:
    """One store, as one command sees it."""

    def __init__(self, file: Path | None) -> None:
        self.registry = Registry.installed()
        where = found(file)
        self.config: Config = load(where, self.registry, environ=environment(where, os.environ))

    def channel(self, name: str | None) -> str | None:
        """The name, if there is such a channel: in the config, or in the ledger from before. Raises NoChannel."""
        known = {*self.config.channels, *(state.name for state in self.read(every))}
        if name is not None and name not in known:
            raise NoChannel(f"there is no channel {name!r}; known: {', '.join(sorted(known)) or 'none'}")
        return name

    def read(self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Raises NoStore if nothing was ever written, WrongDatabase if the schema is not this program's or the ledger not this store's."""
        with self.reader() as read:
            return read(query, *args, **kwargs)  # type: ignore[no-any-return]

    @contextmanager
    def reader(self) -> Iterator[Read]:
        """Many reads, one after another, each on a snapshot of its own: a long one would hold up the ledger. Raises what `read` raises."""
        url = make_url(self.config.store.database)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
            raise NoStore(f"there is no ledger at {url.database} yet; `channelsync plan` or `channelsync run` makes it")
        database = open_database(self.config.store.database, pooled=self.config.store.pooled)
        snapshots = reading(database)

        def read(query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            with snapshots.connect() as conn, conn.begin():
                return query(conn, *args, **kwargs)

        try:
            schema_state(database).require_current()
            read(identity.require_store, self.config.store.id)
            yield read
        finally:
            database.dispose()

    @contextmanager
    def session(self) -> Iterator[Ask]:
        """Many requests, one after another: to the running daemon, or else here, with the ledger's lock held until the block ends."""
        socket = beside(self.config, ".sock")
        with asyncio.Runner() as runner:
            try:
                runner.run(ask(socket, "live", {}))
            except NoDaemon:
                with self._desk(runner) as desk:
                    yield lambda verb, args: whole(runner.run(desk.handle(verb, args)))
            else:
                yield lambda verb, args: runner.run(ask(socket, verb, args))

    @contextmanager
    def _desk(self, runner: asyncio.Runner) -> Iterator[Desk]:
        opened = self._opened()
        desk = runner.run(opened.__aenter__())
        try:
            yield desk
        except BaseException as error:
            if not runner.run(opened.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            runner.run(opened.__aexit__(None, None, None))

    def ask(self, verb: str, args: Mapping[str, Any] | None = None, *, tell: Tell | None = None) -> Any:
        """The answer as JSON values; `tell` is told now and then how far it has come. Raises ControlError and Refusal with what was said instead."""
        return whole(self.ask_long(verb, args, tell=tell))

    def ask_long(self, verb: str, args: Mapping[str, Any] | None = None, *, tell: Tell | None = None) -> Any:
        """The same, but a Long answer is not held as a whole."""
        return asyncio.run(self._ask(verb, args or {}, tell))

    def ask_daemon(self, verb: str) -> Any | None:
        """Only a running daemon can answer this; None if there is none."""
        try:
            return asyncio.run(ask(beside(self.config, ".sock"), verb, {}))
        except NoDaemon:
            return None

    async def _ask(self, verb: str, args: Mapping[str, Any], tell: Tell | None) -> Any:
        socket = beside(self.config, ".sock")
        try:
            return await _told(ask_long(socket, verb, args), lambda: ask(socket, "live", {}), tell)
        except NoDaemon:
            return await self._do(verb, args, tell)

    async def _do(self, verb: str, args: Mapping[str, Any], tell: Tell | None) -> Any:
        async with self._opened() as desk:
            return await _told(desk.handle(verb, args), lambda: desk.handle("live", {}), tell)

    def _opened(self) -> AbstractAsyncContextManager[Desk]:
        """Imported only here: most commands only read, or find a daemon, and need not wait for all of the engine."""
        from channelsync.cli.alone import own_desk

        return own_desk(self.config, self.registry)


async def _told(work: Coroutine[Any, Any, Any], live: Callable[[], Coroutine[Any, Any, Any]], tell: Tell | None) -> Any:
    """What `work` answers; meanwhile `tell` hears what `live` says."""
    if tell is None:
        return await work
    doing = asyncio.ensure_future(work)
    try:
        while not doing.done():
            with suppress(ChannelsyncError):  # no daemon, or none that can answer: the work itself says so
                tell(await live())
            await asyncio.wait({doing}, timeout=TELL_SECONDS)
        return doing.result()
    finally:
        doing.cancel()


def found(file: Path | None) -> Path:
    """The file that was named, or the one that is meant."""
    if file is not None:
        return file
    if HERE.exists():
        return HERE
    system = sorted(SYSTEM.glob("*.toml")) if SYSTEM.is_dir() else []
    if len(system) == 1:
        return system[0]
    several = f"; {SYSTEM} has several: {', '.join(each.name for each in system)}" if system else ""
    raise NoStore(f"no {HERE} here{several}; say which store with --config FILE, or make one with `channelsync init`")


def environment(file: Path, environ: Mapping[str, str], root: Path = Path("/")) -> Mapping[str, str]:
    """For a store that systemd runs: its state and credential directories, as the service itself sees them, so that a person who runs a
    command on the same file means the same ledger. What is set already stands.
    """
    if file.absolute().parent != SYSTEM:
        return environ
    places = {
        "STATE_DIRECTORY": root / "var/lib/channelsync" / file.stem,
        "CREDENTIALS_DIRECTORY": root / "run/credentials" / f"channelsync@{file.stem}.service",
    }
    return {**{name: str(place) for name, place in places.items() if place.is_dir()}, **environ}


def actor() -> str:
    """Who is at the keyboard, for the ledger's log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"
