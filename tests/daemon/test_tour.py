"""docs/tour.md is true: its blocks are run in order, in one shell, against a real daemon and a stand-in, and answer what stands below them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from channelsync.testing.config_file import free_port

PAGE = Path(__file__).parents[2] / "docs" / "tour.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "--- end of block"


def with_ports(text: str) -> str:
    """The page's ports are for people; here they may be taken."""
    for port in ("9000", "8080", "8081"):
        text = text.replace(port, str(free_port()))
    return text


def script(blocks: list[tuple[str, str]]) -> str:
    """All shell blocks, a mark after each; config files are written where they stand."""
    parts = ["set -eu", "trap 'kill $(jobs -p) 2> /dev/null' EXIT"]
    for kind, text in blocks:
        if kind == "sh":
            parts.append(f"{text}\necho '{MARK}'")
        elif kind == "toml":
            parts.append(f"(umask 077; cat > channelsync.toml <<'END'\n{text}END\n)")
    return "\n".join(parts)


def assert_holds(told: Any, wanted: Any, where: str) -> None:
    """All that is wanted is there; what is told beside it does not matter."""
    if isinstance(wanted, dict):
        assert isinstance(told, dict), where
        for name, value in wanted.items():
            assert name in told, f"{where}: no {name} in {told}"
            assert_holds(told[name], value, f"{where}.{name}")
    elif isinstance(wanted, list) and wanted:
        assert isinstance(told, list), where
        assert len(told) == len(wanted), f"{where}: {told}"
        for number, (each, value) in enumerate(zip(told, wanted, strict=True)):
            assert_holds(each, value, f"{where}[{number}]")
    else:
        assert told == wanted, f"{where}: {told!r} is not {wanted!r}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="the page is for people who have curl and bash")
def test_the_tour_is_true(tmp_path: Path) -> None:
    blocks = [(found[1], found[2]) for found in BLOCK.finditer(with_ports(PAGE.read_text()))]
    answers = _run(script(blocks), tmp_path)
    number, checked = -1, 0
    for kind, text in blocks:
        if kind == "sh":
            number += 1
        elif kind == "json":
            assert_holds(_last_document(answers[number]), json.loads(text), f"block {number + 1}")
            checked += 1
    assert checked > 12


def _last_document(text: str) -> Any:
    """Every command prints one JSON document, over one line or several, and curl ends none with a line; the last one counts."""
    found, place, decoder = None, text.find("{"), json.JSONDecoder()
    while place >= 0:
        found, end = decoder.raw_decode(text, place)
        place = text.find("{", end)
    return found


def _run(commands: str, folder: Path) -> list[str]:
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(
        ["bash", "-c", commands], cwd=folder, env=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as shell:
        try:
            out, complaints = shell.communicate(timeout=500)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            out, complaints = shell.communicate()
    log = (folder / "daemon.log").read_text()[-3000:] if (folder / "daemon.log").exists() else ""
    answers = out.split(f"{MARK}\n")
    assert shell.returncode == 0, f"after {len(answers) - 1} blocks: {answers[-1]}\n{complaints}\n{log}"
    return answers[:-1]
