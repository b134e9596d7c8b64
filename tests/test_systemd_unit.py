from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "systemd" / "channelsync@.service"
EXPOSURE_MAX = 1.2

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def _analyze(*arguments: str) -> str:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def _settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@needs_systemd
def test_its_exposure_stays_low() -> None:
    report = _analyze("security", "--offline=true", str(UNIT))
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", report)
    assert match, report
    assert float(match[1]) <= EXPOSURE_MAX


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    instance = tmp_path / "channelsync@acme.service"
    shutil.copy(UNIT, instance)
    complaints = [line for line in _analyze("verify", str(instance)).splitlines() if "channelsync@acme" in line]
    assert all("is not executable" in line for line in complaints), complaints


def test_it_runs_one_store_per_instance_and_is_watched() -> None:
    settings = _settings()
    assert settings["Type"] == ["notify"]
    assert settings["WatchdogSec"] == ["60"]
    assert settings["LoadCredential"] == ["%i.toml:/etc/channelsync/%i.toml"]
    (start,) = settings["ExecStart"]
    assert start.endswith("channelsync run --config %d/%i.toml")


def test_it_waits_longer_for_the_stop_than_the_daemon_takes() -> None:
    assert int(_settings()["TimeoutStopSec"][0]) >= 30


def test_every_directive_is_explained() -> None:
    """A comment stands above every block of them, and at most seven lines share one."""
    since_comment = 99
    for line in UNIT.read_text().splitlines():
        if line.startswith("#"):
            since_comment = 0
        elif "=" in line and not line.startswith(("Description=", "Documentation=", "WantedBy=")):
            since_comment += 1
            assert since_comment <= 7, f"unexplained: {line}"
        else:
            since_comment = 99
