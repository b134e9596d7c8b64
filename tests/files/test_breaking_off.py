"""A long import as a person sees it: a bar that grows, a daemon that is killed in the middle, and the same file once more."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from channelsync.testing.postgres import PostgresServer, available
from cli.test_commands import call, said
from support.store import Scene, write_config

CHANNELSYNC = [sys.executable, "-c", "from channelsync.cli import main; main()"]
SKUS, ROWS = 50, 6_000
APPLIED = re.compile(r"rows applied\D+([0-9]+)/([0-9]+)")
PATIENCE_SECONDS = 120.0
_serial = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that does not forget what it has committed: a daemon refuses any other."""
    if not available():
        pytest.skip("no PostgreSQL binaries here")
    server = PostgresServer(durable=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    """A store without shops, and fifty SKUs of which a hundred lie there."""
    more = {}
    if request.param == "postgresql":
        more["database"] = request.getfixturevalue("server").create_database(f"acme_{next(_serial)}")
    made = Scene(write_config(tmp_path, {}, **more), {})
    told(
        "import", "stock", write(made, "sku,on_hand\n" + "".join(f"S-{number},100\n" for number in range(SKUS)), "opening.csv"), scene=made
    )
    return made


def write(scene: Scene, content: str, name: str) -> str:
    path = scene.file.parent / name
    path.write_text(content)
    return str(path)


def told(*arguments: str, scene: Scene) -> dict[str, int]:
    """What a command that applies a file says."""
    result = call(*arguments, "--apply", "--json", scene=scene)
    assert result.exit_code == 0, result.output
    answer: dict[str, int] = json.loads(result.stdout)
    return answer


@pytest.fixture
def deliveries(scene: Scene) -> str:
    """A file that adds a unit to each SKU again and again: done twice, its sums would be wrong."""
    return write(scene, "sku,adjust,reason\n" + "".join(f"S-{row % SKUS},1,found\n" for row in range(ROWS)), "deliveries.csv")


class Screen:
    """A command whose complaints go to a terminal. text: all that was shown so far."""

    def __init__(self, *arguments: str) -> None:
        self._terminal, ours = pty.openpty()
        environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
        self.process = subprocess.Popen(  # noqa: S603
            [*CHANNELSYNC, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=ours, env=environ
        )
        os.close(ours)
        self.text = ""

    def look(self, seconds: float = 0.1) -> bool:
        """Whether there may be more to see."""
        if not select.select([self._terminal], [], [], seconds)[0]:
            return True
        try:
            self.text += os.read(self._terminal, 65_536).decode(errors="replace")
        except OSError:  # nobody writes to the terminal any more
            return False
        return True

    def applied(self) -> list[tuple[int, int]]:
        """Each state of the bar that was shown: rows applied, of so many."""
        return [(int(done), int(of)) for done, of in APPLIED.findall(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text))]

    def end(self) -> int:
        """The exit code."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.look() and time.monotonic() < deadline:
            pass
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@contextmanager
def screen(*arguments: str) -> Iterator[Screen]:
    opened = Screen(*arguments)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def running(scene: Scene) -> Iterator[subprocess.Popen[str]]:
    """A daemon in a process of its own."""
    with subprocess.Popen([*CHANNELSYNC, "run", "-c", str(scene.file)], stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stderr is not None
            assert any(json.loads(line)["event"] == "running" for line in process.stderr), "the daemon ended before it was up"
            yield process
        finally:
            process.kill()


def stock(scene: Scene) -> set[int]:
    return {row["on_hand"] for row in said("stock", "list", "--limit", "500", scene=scene)}


def test_a_long_import_shows_how_far_it_is(scene: Scene, deliveries: str) -> None:
    with screen("import", "stock", deliveries, "--apply", "-c", str(scene.file)) as seen:
        assert seen.end() == 0
        assert "rows read" in seen.text
        shown = seen.applied()
    assert {of for _, of in shown} == {ROWS}
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert len({done for done, _ in shown}) > 2, shown
    assert stock(scene) == {100 + ROWS // SKUS}


def test_nobody_looks_so_nothing_is_drawn(scene: Scene, deliveries: str) -> None:
    result = call("import", "stock", deliveries, scene=scene)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.slow
def test_a_daemon_that_is_killed_in_the_middle_and_the_same_file_once_more(scene: Scene, deliveries: str) -> None:
    with running(scene) as daemon, screen("import", "stock", deliveries, "--apply", "-c", str(scene.file)) as seen:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(0 < done < ROWS for done, _ in seen.applied()):
            assert seen.look(), seen.text
            assert time.monotonic() < deadline, seen.text
        daemon.kill()
        assert seen.end() == 1
        words = " ".join(seen.text.split())
        said_so = re.search(
            r"after ([0-9,]+) rows, of which [0-9,]+ changed something: .* Import the same file again: nothing is done twice", words
        )
        assert said_so, words
        assert "Traceback" not in words
        reached = int(said_so[1].replace(",", ""))
        assert reached >= max(done for done, _ in seen.applied())
    assert 0 < reached < ROWS
    assert stock(scene) != {100 + ROWS // SKUS}
    again = told("import", "stock", deliveries, scene=scene)
    assert again["done_before"] >= reached, "what was committed and not answered may be more"
    assert again["done_before"] + again["changed"] == ROWS
    assert stock(scene) == {100 + ROWS // SKUS}
    assert told("import", "stock", deliveries, scene=scene)["done_before"] == ROWS
    assert stock(scene) == {100 + ROWS // SKUS}
    assert call("audit", scene=scene).exit_code == 0
