"""A copy of a SQLite ledger while others write to it: one snapshot, one file, readable by its owner only, there as a whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from channelsync.errors import ChannelsyncError


class NoBackup(ChannelsyncError):
    """No copy was made; what is there was not touched."""


def copy(source: Path, target: Path) -> int:
    """Copy the ledger to a new file. Returns its size in bytes. Raises NoBackup.

    In one step, so it is one snapshot: writers go on meanwhile (WAL), and a copy page by page would begin anew at each of their commits.
    """
    if target.exists():
        raise NoBackup(f"{target} is there already; name a new file, an old backup is never overwritten")
    unfinished = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    except OSError as problem:
        raise NoBackup(f"{target} cannot be written: {problem.strerror}; check the folder and its permissions") from problem
    try:
        _copy(source, unfinished)
        _keep(unfinished, target)
    except (OSError, sqlite3.Error) as problem:
        raise NoBackup(f"the copy to {target} failed: {problem}; is there room for {source.stat().st_size:,} bytes?") from problem
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def opened(file: Path) -> Engine:
    """A copy, to be read and not changed in any way, not even by files beside it."""
    where = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(where, uri=True), poolclass=NullPool)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as ours, closing(sqlite3.connect(target)) as copied:
        ours.backup(copied)
        copied.execute("PRAGMA journal_mode = DELETE").close()  # one file without companions; the ledger makes it a WAL again
        [(verdict,)] = copied.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged, and so perhaps is the ledger: {verdict}")


def _keep(unfinished: Path, target: Path) -> None:
    """On the disk before it has its name. A link, because a rename would take the place of a file that came meanwhile."""
    _flush(unfinished)
    os.link(unfinished, target)
    _flush(target.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
