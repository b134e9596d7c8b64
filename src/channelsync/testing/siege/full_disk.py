"""The disk is full: no delivery is answered 2xx unless it is kept, the daemon stays up, and it goes on once there is space again."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.process import Process
from channelsync.testing.siege.scene import Scene, scene, until
from channelsync.testing.siege.town import Register

Way = Literal["limit", "tmpfs"]
"""limit: no file of the daemon may grow past its first page (SQLITE_IOERR), its log neither. tmpfs: a small file system is really full
(SQLITE_FULL), which takes the right to mount one.
"""

FULL_BYTES = 4096
TMPFS_BYTES = 24 * 1024 * 1024
REFUSALS = 20
FULL_SECONDS = (1.0, 4.0)
"""So long that every loop of the daemon has run into it."""


@dataclass(frozen=True, slots=True)
class FullDisk:
    """refused: deliveries that were answered 503 while the disk was full. other: statuses other than 2xx and 503, which nobody should see
    (0: no answer). answers_again_seconds: from the space's return to the next delivery that was answered 2xx.
    """

    way: Way
    times: int
    refused: int
    other: tuple[int, ...]
    survived: bool
    answers_again_seconds: float
    outcome: Outcome


async def fill_the_disk(home: Path, times: int, *, way: Way = "limit", seed: int = 1) -> FullDisk:
    """On SQLite, `times` times over."""
    with _folder(home, way) as folder:
        async with scene(folder, seed=seed) as play, play.daemon() as process:
            return await _fill(play, process, way, times)


async def _fill(play: Scene, process: Process, way: Way, times: int) -> FullDisk:
    again = []
    register = play.town.register
    register.refused.clear()
    async with play.shoppers.shopping():
        for _ in range(times):
            await asyncio.sleep(play.random.uniform(0.5, 1.5))
            with _full(play.home, process, way):
                wanted = register.refused[503] + REFUSALS
                await asyncio.sleep(play.random.uniform(*FULL_SECONDS))
                await until(partial(_refused_often, register, wanted))
            again.append(await play.answers_again())
            await play.check()
    settled = await play.settled()
    await play.check()
    other = tuple(sorted(status for status in register.refused if status != 503))
    return FullDisk(way, times, register.refused[503], other, process.alive, round(max(again), 1), play.outcome(settled))


def _refused_often(register: Register, wanted: int) -> bool:
    return register.refused[503] >= wanted


@contextmanager
def _folder(home: Path, way: Way) -> Iterator[Path]:
    """Where the ledger and the logs lie."""
    home.mkdir(parents=True, exist_ok=True)
    if way == "limit":
        yield home
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "siege", str(home)], check=True, capture_output=True)
    try:
        yield home
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


@contextmanager
def _full(folder: Path, process: Process, way: Way) -> Iterator[None]:
    if way == "limit":
        pid = process.child.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES, before[1]))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        return
    ballast = folder / "ballast"
    _write_until_full(ballast)
    try:
        yield
    finally:
        ballast.unlink()


def _write_until_full(ballast: Path) -> None:
    """To the last byte."""
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def may_mount(folder: Path) -> bool:
    """Whether this process may make a small file system of its own."""
    if os.geteuid() != 0:
        return False
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=65536", "siege", str(folder)], check=False, capture_output=True)
    if done.returncode:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True
