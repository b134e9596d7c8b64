"""`channelsync run` as a child of ours: started, killed, stopped, frozen. Its log goes to a file, because a pipe that nobody reads would stop it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

COMMAND = (sys.executable, "-c", "from channelsync.cli import main; main()")
SESSION = "channelsync-siege"
STEP_SECONDS = 0.02
UP = b'"event": "running"'


def environment() -> dict[str, str]:
    """Ours, but bytecode is kept: an installed daemon has it, and compiling all sources at every start would be most of a short life. And
    PostgreSQL shows whose sessions they are.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"PGAPPNAME": SESSION}


class NotUp(Exception):
    """The daemon ended, or did not come up in time; the text is the end of its log."""


class Process:
    """One command of ours on one config file. Killed at the end of the `with` block, if it still runs."""

    def __init__(self, file: Path, log: Path, *command: str, program: Sequence[str] = COMMAND) -> None:
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._command = (*program, *(command or ("run",)), "-c", str(file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None and self._child.poll() is None:
            self.kill()

    @property
    def child(self) -> subprocess.Popen[bytes]:
        assert self._child is not None, "not started"
        return self._child

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    @property
    def has_been_up(self) -> bool:
        return UP in self.log.read_bytes()

    def start(self) -> None:
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())

    async def up(self, seconds: float = 60.0) -> None:
        """Return once it has said that it runs. Raises NotUp."""
        until = time.monotonic() + seconds
        while not self.has_been_up:
            if not self.alive or time.monotonic() > until:
                raise NotUp(self.said())
            await asyncio.sleep(STEP_SECONDS)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """kill -9."""
        self.child.kill()
        self.child.wait()

    def freeze(self) -> None:
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.child.send_signal(signal.SIGCONT)

    async def stop(self, seconds: float = 60.0) -> int | None:
        """SIGTERM, and the exit status; None if it did not end in time."""
        self.child.send_signal(signal.SIGTERM)
        return await self.ended(seconds)

    async def ended(self, seconds: float) -> int | None:
        until = time.monotonic() + seconds
        while self.alive and time.monotonic() < until:  # noqa: ASYNC110  a child has no event
            await asyncio.sleep(STEP_SECONDS)
        return self.child.poll()
