"""Who may write to a SQLite ledger: one process at a time. PostgreSQL needs no such lock, there channels are leased row by row."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from channelsync.clock import Clock
from channelsync.config import Config
from channelsync.errors import ChannelsyncError

STEP_SECONDS = 0.1


class LedgerInUse(ChannelsyncError):
    """Another process holds the ledger."""


class NoPlace(ChannelsyncError):
    """The folder that the ledger belongs in does not exist, or may not be written to."""


def beside(config: Config, suffix: str) -> Path:
    """The path of a small file that belongs to this store's ledger: beside the SQLite file, or beside the config file for PostgreSQL."""
    url = make_url(config.store.database)
    home = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else config.path.with_suffix("")
    return home.with_name(home.name + suffix)


@asynccontextmanager
async def exclusive(config: Config, clock: Clock, *, patience: float = 0.0) -> AsyncIterator[None]:
    """Hold the ledger of this store. Waits `patience` seconds for a short command to end. Raises LedgerInUse, naming the other process; NoPlace."""
    if make_url(config.store.database).get_backend_name() != "sqlite":
        yield
        return
    path = beside(config, ".lock")
    handle = _opened(path)
    try:
        await _acquire(handle, path, clock, clock.monotonic() + patience)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)  # which releases the lock, as the process's end would


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NoPlace(
            f"the ledger {path.with_suffix('')} cannot be opened for writing: {error.strerror} ({path.name}). Its folder must exist and belong to "
            "the user who runs this; or name another place under [store] database"
        ) from error


async def _acquire(handle: int, path: Path, clock: Clock, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock.monotonic() >= until:
                raise LedgerInUse(_who(handle, path)) from None
        await clock.sleep(STEP_SECONDS)


def _who(handle: int, path: Path) -> str:
    pid = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
    return f"the ledger {path.with_suffix('')} is in use by process {pid}; stop that daemon first, or wait until it has ended"
