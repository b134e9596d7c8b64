"""What `doctor` finds on this machine: the config file and its secrets, the database and its disk, the address that shops are to call."""

from __future__ import annotations

import ipaddress
import platform
import shutil
import sqlite3
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from channelsync import __version__
from channelsync.config import Config
from channelsync.contract import Diagnosis, Severity
from channelsync.ledger.database import UnusableDatabase, open_database
from channelsync.ledger.upgrade import Schema, check

NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs", "lustre", "virtiofs")
)
"""Filesystems where SQLite's write-ahead log is not safe: its shared memory works on one machine only."""

DISK_LOW, DISK_FULL = 1024**3, 100 * 1024**2
MOUNTS = Path("/proc/mounts")


def examine(config: Config) -> list[Diagnosis]:
    """Everything that can be seen without a shop and without the ledger's rows. Writes nothing, and makes no database."""
    found = [
        Diagnosis(
            "version", Severity.NOTE, f"channelsync {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}", ""
        )
    ]
    found += _secrets(config)
    found += _public_url(config)
    url = make_url(config.store.database)
    if url.get_backend_name() == "sqlite":
        found += _file(Path(str(url.database)))
    return found + list(_database(config))


# -- secrets -----------------------------------------------------------------------------------------------------------------------------------


def _secrets(config: Config) -> Iterator[Diagnosis]:
    for warning in config.warnings:
        yield Diagnosis("config-warning", Severity.WARNING, str(warning.message), f"change it in {warning.file}", warning.key)
    try:
        raw = tomllib.loads(config.path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return  # made in memory
    for file in sorted({(config.path.parent / Path(name).expanduser()) for name in _files(raw)}):
        if file.exists() and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
            yield Diagnosis(
                "secret-readable",
                Severity.ERROR,
                f"{file} holds a secret, and others can read it (mode {mode:04o})",
                f"chmod 600 {file}",
                str(file),
            )


def _files(value: Any) -> Iterator[str]:
    """The paths of all `{ file = "path" }` in the config."""
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(value.get("file"), str):
            yield value["file"]
        for inner in value.values():
            yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)


# -- the address that shops call ---------------------------------------------------------------------------------------------------------------


def _public_url(config: Config) -> Iterator[Diagnosis]:
    wanted = [name for name, channel in config.channels.items() if channel.webhooks]
    if not wanted:
        return
    if config.listen.public_url is None:
        what = "there is no public_url, so no shop can call us: new orders are seen at the next poll"
        yield Diagnosis("public-url-missing", Severity.WARNING, what, "set public_url under [listen], or webhooks = false on each channel")
        return
    yield from judge_url(config.listen.public_url)


def judge_url(url: str) -> Iterator[Diagnosis]:
    """Shops call from the internet, most of them only over TLS, and some only on port 443."""
    parts = urlsplit(url)
    where = {"where": url}
    if parts.scheme != "https":
        remedy = "put a reverse proxy with a certificate in front, and write https:// into public_url"
        yield Diagnosis("public-url-insecure", Severity.ERROR, "public_url is not https: most shops refuse to call it", remedy, **where)
    elif parts.port not in (None, 443):
        what = f"public_url names port {parts.port}; some shops call port 443 only"
        yield Diagnosis("public-url-port", Severity.WARNING, what, "let the reverse proxy listen on 443, and leave the port out", **where)
    if _is_private(parts.hostname or ""):
        what = f"no shop on the internet can reach {parts.hostname}"
        yield Diagnosis("public-url-private", Severity.ERROR, what, "use a public name that leads to the reverse proxy", **where)


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".localhost", ".home.arpa"))


# -- the database ------------------------------------------------------------------------------------------------------------------------------


def _file(path: Path) -> Iterator[Diagnosis]:
    where = {"where": str(path)}
    kind = filesystem(path, MOUNTS)
    if kind in NETWORK:
        what = f"the database lies on a network filesystem ({kind}), where a crash or a second machine can corrupt it"
        yield Diagnosis("database-on-network", Severity.ERROR, what, "move it to a local disk, or use PostgreSQL", **where)
    if path.parent.exists():
        free = shutil.disk_usage(path.parent).free
        if free < DISK_LOW:
            severity = Severity.ERROR if free < DISK_FULL else Severity.WARNING
            what = f"{free / 1024**2:.0f} MiB are free on the database's disk; a full disk stops every sale"
            yield Diagnosis("disk-full", severity, what, "make room, or move the database", **where)
    if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
        what = f"others can read the database (mode {mode:04o}), and orders name people"
        yield Diagnosis("database-readable", Severity.WARNING, what, f"chmod 600 {path}", **where)


def filesystem(path: Path, mounts: Path) -> str:
    """The kind of filesystem a path lies on, as the kernel names it; "" if it does not tell."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    target, best, kind = path.absolute(), Path(), ""
    for fields in (line.split() for line in lines):
        point = Path(fields[1].replace("\\040", " ")) if len(fields) > 2 else None
        if point is not None and target.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, fields[2]
    return kind


def _database(config: Config) -> Iterator[Diagnosis]:
    url = make_url(config.store.database)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        yield Diagnosis(
            "no-ledger", Severity.WARNING, "there is no ledger yet", "`channelsync plan` or `channelsync run` makes it", str(url.database)
        )
        return
    try:
        database = open_database(config.store.database, pooled=config.store.pooled)
    except UnusableDatabase as error:
        yield Diagnosis("database-unusable", Severity.ERROR, str(error), "repair that first; nothing works without it")
        return
    try:
        yield from _schema(check(database).schema)
    finally:
        database.dispose()


def _schema(schema: Schema) -> Iterator[Diagnosis]:
    if schema in (Schema.EMPTY, Schema.BEHIND):
        what = "the database was made by an older program" if schema is Schema.BEHIND else "the database is empty"
        yield Diagnosis(f"schema-{schema.value}", Severity.ERROR, what, "back it up, then `channelsync db upgrade`")
    elif schema is Schema.NEWER:
        yield Diagnosis("schema-newer", Severity.ERROR, "the database was made by a newer program", "install that version again")
    elif schema is Schema.FOREIGN:
        yield Diagnosis(
            "schema-foreign", Severity.ERROR, "the database holds somebody else's tables", "give channelsync a database of its own"
        )
