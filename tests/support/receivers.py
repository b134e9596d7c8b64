"""Receivers of alerts on loopback: an HTTP server that answers as told, a mail server, and the other side of Standard Webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from channelsync.clock import SystemClock

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another-secret-of-32-bytes-size!").decode()


class LateClock(SystemClock):
    """Sleeps like any other, and can be told that time has passed."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


@dataclass
class Got:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """status, headers, text: of every answer; echo: it repeats what it was sent. got: what came and was answered with 2xx; all: everything that came."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    text: bytes = b""
    echo: bool = False
    got: list[Got] = field(default_factory=list)
    all: list[Got] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Receiver]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            came = Got(method, path, headers, body)
            self.all.append(came)
            if self.status < 300:
                self.got.append(came)
            text = json.dumps({"description": f"{path} {headers} {body!r}"}).encode() if self.echo else self.text
            extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            writer.write(
                f"HTTP/1.1 {self.status} X\r\ncontent-type: application/json\r\n{extra}content-length: {len(text)}\r\nconnection: close\r\n\r\n".encode()
            )
            writer.write(text)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@dataclass
class Mailbox:
    """A mail server: the little SMTP that a sender needs."""

    mails: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    port: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mailbox]:
        server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        try:
            say("220 mail.test ESMTP")
            while line := (await reader.readline()).decode().strip():
                verb = line[:4].upper()
                if verb == "EHLO":
                    say("250-mail.test")
                    say("250 8BITMIME")
                elif verb == "RCPT":
                    self.recipients.append(line.partition("<")[2].partition(">")[0])
                    say("250 ok")
                elif verb == "DATA":
                    say("354 go on")
                    data = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append(message_from_bytes(data[:-5], policy=default))
                    say("250 taken")
                elif verb == "QUIT":
                    say("221 bye")
                    break
                else:
                    say("250 ok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class NotVerified(Exception):
    """What came is not from whom it should be."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime, *, tolerance: timedelta = timedelta(minutes=5)) -> Any:
    """As the specification of Standard Webhooks tells a receiver to."""
    try:
        name, timestamp, signatures = headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]
    except KeyError as error:
        raise NotVerified(f"no {error}") from error
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise NotVerified("too old or too new")
    key = base64.b64decode(secret.split("_", 1)[1])
    wanted = base64.b64encode(hmac.new(key, f"{name}.{timestamp}.{body.decode()}".encode(), hashlib.sha256).digest()).decode()
    for each in signatures.split(" "):
        version, _, signature = each.partition(",")
        if version == "v1" and hmac.compare_digest(signature, wanted):
            return json.loads(body)
    raise NotVerified("no signature fits")
