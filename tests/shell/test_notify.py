from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from channelsync.shell.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_what_we_say(tmp_path: Path, abstract: bool) -> None:
    name = f"channelsync-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}" if abstract else name)
        systemd.settimeout(2)
        notifier = Notifier({"NOTIFY_SOCKET": f"@{name}" if abstract else name})
        notifier.ready("3 channels")
        notifier.alive()
        notifier.status("busy\nREADY=1")
        notifier.stopping()
        heard = [systemd.recv(1000) for _ in range(4)]
        assert heard == [b"READY=1\nSTATUS=3 channels", b"WATCHDOG=1", b"STATUS=busy READY=1", b"STOPPING=1"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/notify"}, {"NOTIFY_SOCKET": "relative"}])
def test_without_systemd_nothing_happens(environ: dict[str, str]) -> None:
    Notifier(environ).ready("x")


def test_a_full_socket_does_not_block(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(2000):
            notifier.alive("x" * 500)
        deaf.settimeout(1)
        assert len(deaf.recv(1000)) <= 230, "a status is bounded"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdogs_time(environ: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environ).watchdog_seconds == seconds
