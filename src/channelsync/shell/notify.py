"""sd_notify(3): tells systemd that we are ready, alive, and stopping. Does nothing where systemd does not listen."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

STATUS_MAX = 200


class Notifier:
    """The watchdog ping must come from a loop that has just proved that the database and the scheduler move on, never from a bare timer."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_seconds = _watchdog_seconds(environ)
        """How often systemd wants to hear `alive` at the latest; None: it does not watch. Ping at half of it."""

    def ready(self, status: str = "") -> None:
        self._send("READY=1", status)

    def alive(self, status: str = "") -> None:
        self._send("WATCHDOG=1", status)

    def stopping(self, status: str = "") -> None:
        self._send("STOPPING=1", status)

    def status(self, text: str) -> None:
        self._send("", text)

    def _send(self, state: str, status: str) -> None:
        line = " ".join(status.split())[:STATUS_MAX]
        message = "\n".join(part for part in (state, line and f"STATUS={line}") if part)
        if not self._address or not message:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.sendto(message.encode(), self._address)
            except OSError:
                return  # a full or vanished socket is systemd's affair; if it matters, the watchdog tells


def _address(text: str) -> str:
    """A path, or an abstract name, which the environment spells with "@" and the kernel with NUL."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else ""


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6
