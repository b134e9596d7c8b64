"""A connector in a distribution of its own: it is built and installed as a wheel, found by its entry point, and keeps every promise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent / "example_connector"
OURS = EXAMPLE.parents[1]
CONFIG = """
[store]
id = "example"

[channels.corner]
connector = "kiosk"
url = "http://127.0.0.1:9"
token = { env = "KIOSK_TOKEN" }
"""


def _run(*command: str, site: Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=os.environ | {"PYTHONPATH": str(site)} | env, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is installed, beside everything else."""
    built, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    source = built / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    wheel = (*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built), str(source))
    subprocess.run(wheel, check=True, timeout=100, capture_output=True)
    [made] = built.glob("channelsync_kiosk-1.0.0-*.whl")
    subprocess.run(
        (*pip, "install", "--no-index", "--no-deps", "--target", str(site), str(made)), check=True, timeout=100, capture_output=True
    )
    return site


def test_the_wheel_brings_the_connector_and_nothing_of_ours(site: Path) -> None:
    assert {path.name for path in site.iterdir()} == {"channelsync_kiosk", "channelsync_kiosk-1.0.0.dist-info"}


def test_it_is_found_and_its_settings_are_judged(site: Path, tmp_path: Path) -> None:
    config = tmp_path / "store.toml"
    config.write_text(CONFIG)
    command = (str(Path(sys.executable).with_name("channelsync")), "check", "-c", str(config))
    good = _run(*command, site=site, cwd=tmp_path, KIOSK_TOKEN="t")
    assert "config ok" in good.stdout, good.stdout + good.stderr  # nobody answers at that address; the settings are the connector's own
    config.write_text(CONFIG.replace("url =", "adress ="))
    bad = _run(*command, site=site, cwd=tmp_path, KIOSK_TOKEN="t")
    assert bad.returncode != 0
    assert "adress" in bad.stdout + bad.stderr


def test_it_keeps_every_promise(site: Path, tmp_path: Path) -> None:
    tests = shutil.copytree(EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={tests}", str(tests))
    done = _run(*command, site=site, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
