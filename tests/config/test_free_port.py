"""A port that was given away is given to nobody else, not even before anybody listens on it, and not in another process."""

from __future__ import annotations

import subprocess
import sys
from collections import deque

import pytest

from channelsync.testing import config_file


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows names of sockets that are no files")
def test_a_port_is_given_away_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_file, "_CLAIMED", deque())
    monkeypatch.setattr(config_file, "CLAIMS_MAX", 4)
    every = config_file.LISTENING
    first = config_file.free_port()
    monkeypatch.setattr(config_file, "LISTENING", [first] * 100)
    with pytest.raises(OSError, match="none of a hundred"):
        config_file.free_port()
    asked = f"from channelsync.testing import config_file as c; c.LISTENING = [{first}] * 100; c.free_port()"
    other = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)  # noqa: S603  ourselves
    assert "none of a hundred" in other.stderr
    monkeypatch.setattr(config_file, "LISTENING", every)
    assert len({config_file.free_port() for _ in range(5)}) == 5
    monkeypatch.setattr(config_file, "LISTENING", [first] * 100)
    assert config_file.free_port() == first, "nobody came, and it is long ago"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows names of sockets that are no files")
def test_as_many_claims_are_kept_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there were when fewer became allowed."""
    monkeypatch.setattr(config_file, "_CLAIMED", deque())
    for _ in range(9):
        config_file.free_port()
    monkeypatch.setattr(config_file, "CLAIMS_MAX", 4)
    config_file.free_port()
    assert len(config_file._CLAIMED) == 4
