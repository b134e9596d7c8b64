"""Alerts to people by way of apprise: e-mail, Telegram, Slack and many more. It is synchronous, so it runs in a thread, one message at a time per
target, and where that thread may connect to is judged at every connection.

apprise logs addresses, which are secrets; its logger is off, and what it says about a failure is kept for the queue after redaction.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from channelsync.clock import Clock
from channelsync.engine.alerts import Sent
from channelsync.ledger.alert_queue import Message, Said
from channelsync.shell.reach import is_public
from channelsync.shell.redact import Redactor
from channelsync.shell.within import within

TIMEOUT = timedelta(seconds=60)
LOGGER = "apprise"
_MARK = {"info": "info", "warning": "warning", "critical": "failure"}


class NotUnderstood(ValueError):
    """An address that apprise can make nothing of."""


class AppriseTarget:
    """One target. Loading apprise takes half a second: it is done by `load`, or with the first message."""

    timeout = TIMEOUT

    def __init__(self, store: str, url: str, clock: Clock, redactor: Redactor, *, private_hosts: bool) -> None:
        self._store, self._url, self._clock, self._redactor, self._private = store, url, clock, redactor, private_hosts
        self._loaded: tuple[Any, Any] | None = None
        self._busy: asyncio.Future[Any] | None = None

    def load(self) -> tuple[Any, Any]:
        """The plug-in for the address, and apprise's kinds of messages. Raises NotUnderstood."""
        if self._loaded is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # some of its plug-ins import what Python is about to drop
                import apprise

                _install()
                asset = apprise.AppriseAsset(app_id="channelsync", app_desc="channelsync")
                plugin = apprise.Apprise.instantiate(self._url, asset=asset, suppress_exceptions=True)
            if plugin is None:
                raise NotUnderstood("is not an address that apprise understands; see https://github.com/caronc/apprise/wiki")
            self._loaded = plugin, apprise.NotifyType
        return self._loaded

    async def send(self, message: Message) -> Sent:
        """A thread cannot be stopped: one that is past its time is left to end by itself, and until then nothing else is sent here."""
        if self._busy is not None and not self._busy.done():
            return Sent(Said.LATER, "the try before has not ended yet")
        self._busy = asyncio.get_running_loop().run_in_executor(None, self._send, message)
        try:
            return await within(self._clock, TIMEOUT.total_seconds(), _shielded(self._busy))
        except TimeoutError:
            return Sent(Said.LATER, f"no end within {TIMEOUT.total_seconds():g} s")

    def _send(self, message: Message) -> Sent:
        with _listening(private=self._private) as heard:
            try:
                plugin, kinds = self.load()
                done = plugin.notify(
                    body=text(message), title=f"[{self._store}] {message.title}", notify_type=kinds(_MARK[message.severity])
                )
            except Exception as error:  # a plug-in may raise anything
                done, heard.said = False, [*heard.said, f"{type(error).__name__}: {error}"]
        if done:
            return Sent(Said.SENT)
        why = heard.blocked or "; ".join(heard.said[-2:]) or "apprise could not send it"
        return Sent(Said.LATER, self._redactor.text(why))


def text(message: Message) -> str:
    """What stands below the title."""
    data = message.data
    lines = [str(each) for each in data.get("first", ())]
    lines += [
        f"{name}: {data[name]}"
        for name in ("sku", "location", "available", "level", "channel", "reason", "reference")
        if data.get(name) not in (None, "")
    ]
    return "\n".join([*lines, f"{message.kind}, {message.severity}, {message.created_at:%Y-%m-%d %H:%M} UTC"])


async def _shielded(doing: asyncio.Future[Any]) -> Any:
    return await asyncio.shield(doing)


class _Here(threading.local):
    """What holds in this thread while it sends. private: it may connect to anybody."""

    sending = False
    private = False
    blocked = ""
    said: list[str]


_here = _Here()
_lock = threading.Lock()


@contextmanager
def _listening(*, private: bool) -> Iterator[_Here]:
    _here.sending, _here.private, _here.blocked, _here.said = True, private, "", []
    try:
        yield _here
    finally:
        _here.sending = False


class _Keep(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if _here.sending and record.levelno >= logging.WARNING:
            _here.said.append(record.getMessage()[:300])


def _install() -> None:
    with _lock:
        logger = logging.getLogger(LOGGER)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        if not any(isinstance(handler, _Keep) for handler in logger.handlers):
            logger.addHandler(_Keep())
        _judge_connections()


@cache
def _judge_connections() -> None:
    """Once per process: an audit hook cannot be taken back. It asks nothing of threads that do not send."""
    sys.addaudithook(_judge)


class OutOfReach(OSError):
    """Not a host that this target may reach."""


def _judge(event: str, args: tuple[Any, ...]) -> None:
    """Before each connection of a sending thread: the address it really goes to, whatever its name resolved to before, redirects too."""
    if event != "socket.connect" or not _here.sending or _here.private:
        return
    address = args[1][0] if isinstance(args[1], tuple) and args[1] else str(args[1])
    try:
        public = is_public(str(address))
    except ValueError:  # a name, which the socket resolves itself, or a local socket
        public = False
    if not public:
        _here.blocked = f"leads to {address}, which is not on the public internet; allow_private_hosts = true for this target allows it"
        raise OutOfReach(_here.blocked)
