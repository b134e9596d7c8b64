"""A throw-away PgBouncer in transaction mode before a throw-away PostgreSQL, where the machine has its binary (Debian: `apt-get install pgbouncer`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from channelsync.testing.config_file import free_port
from channelsync.testing.postgres import NOBODY, SUPERUSER, PostgresServer

BINARY: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
START_SECONDS: Final = 20.0
STEP_SECONDS: Final = 0.05
SETTINGS: Final = """
[databases]
* = host={home} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
"""


def available() -> bool:
    return BINARY is not None


class PgBouncer:
    """As a context. connections: to the server, for all clients of one database together, so that they change hands all the time."""

    def __init__(self, server: PostgresServer, *, connections: int = 3) -> None:
        self._server, self._connections, self.port = server, connections, free_port()

    def __enter__(self) -> Self:
        assert BINARY is not None, "ask `available` first"
        self._home = Path(tempfile.mkdtemp(prefix="cs-pgb-"))
        file = self._home / "pgbouncer.ini"
        file.write_text(SETTINGS.format(home=self._server.socket_folder, user=SUPERUSER, port=self.port, connections=self._connections))
        whose: dict[str, Any] = {}
        if os.geteuid() == 0:  # it refuses to run as root, like the server
            shutil.chown(self._home, NOBODY, NOBODY)
            whose = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self._log = (self._home / "log").open("wb")
        self._process = subprocess.Popen([BINARY, str(file)], stdout=self._log, stderr=self._log, cwd=self._home, **whose)
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2, prepare_threshold=None).close()
                return
            except psycopg.OperationalError as problem:
                if self._process.poll() is not None or time.monotonic() > until:
                    said = (self._home / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"PgBouncer did not come up: {problem}\n{said}") from problem
            time.sleep(STEP_SECONDS)
