"""The daemon's door for commands on the same machine: a unix socket beside the database that only its owner can open.

One JSON object per line each way: {"verb": ..., "args": {...}} -> {"ok": ...} or {"error": {"code": ..., "message": ...}}. Who asks
with "rows": true may get a long answer as {"rows": {section: how many, ...}}, that many lines of one row each, and then {"ok": head}.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from channelsync.clock import Clock
from channelsync.errors import FAILED, ChannelsyncError, code_of
from channelsync.shell.spool import Long, NoRoom, Spool
from channelsync.shell.within import within

log = structlog.get_logger(__name__)

Handle = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""(verb, arguments) -> a JSON value, or a Long one. Raises ChannelsyncError for what the caller should be told."""

LINE_MAX = 64 * 1024 * 1024
REQUEST_SECONDS = 30.0
PATH_MAX = 100


class ControlError(ChannelsyncError):
    """The daemon cannot be reached, or said no. `code` is that of what was said."""

    def __init__(self, message: str, code: str = FAILED) -> None:
        super().__init__(message)
        self.code = code


@asynccontextmanager
async def controlled(path: Path, handle: Handle, clock: Clock) -> AsyncIterator[None]:
    """Listen as long as the block runs."""
    if len(os.fsencode(path)) > PATH_MAX:
        raise ControlError(f"the path {path} is too long for a socket ({PATH_MAX} bytes at most); move the database to a shorter one")
    _remove(path)  # left by a process that was killed: whoever holds the ledger's lock may take its place
    mask = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(lambda r, w: _serve(r, w, handle, clock), path, limit=LINE_MAX)
    finally:
        os.umask(mask)
    try:
        yield
    finally:
        server.close()
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handle, clock: Clock) -> None:
    try:
        line = await within(clock, REQUEST_SECONDS, reader.readline())
        async for piece in _answer(line, handle):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # a reader that is fast must not keep the daemon from everything else
    except (OSError, ValueError, TimeoutError) as error:
        log.warning("control request dropped", error=str(error))
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _answer(line: bytes, handle: Handle) -> AsyncIterator[bytes]:
    try:
        request = json.loads(line)
        verb, args, by_rows = str(request["verb"]), dict(request.get("args", {})), request.get("rows") is True
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield _line({"error": {"code": "not_understood", "message": f"the request was not understood: {error}"}})
        return
    answer = await _done(verb, args, handle)
    if isinstance(value := answer.get("ok"), Long):
        if by_rows:
            for piece in value.wire():
                yield piece
        answer = {"ok": value.head} if by_rows else _in_one(value)
    yield _line(answer)


async def _done(verb: str, args: Mapping[str, Any], handle: Handle) -> dict[str, Any]:
    try:
        return {"ok": await handle(verb, args)}
    except ChannelsyncError as error:
        return {"error": {"code": code_of(error), "message": str(error)}}
    except Exception as error:
        log.exception("control request failed")
        return {"error": {"code": "bug", "message": f"the daemon failed at it ({type(error).__name__}); its log says more"}}


def _in_one(value: Long) -> dict[str, Any]:
    """For a command that asks for no rows: one from before the daemon was upgraded."""
    if value.spool.size < LINE_MAX // 2:
        return {"ok": value.whole()}
    return {
        "error": {"code": FAILED, "message": "it is done, but the answer is too long for this command: install the daemon's own version"}
    }


def _line(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


async def ask(path: Path, verb: str, args: Mapping[str, Any]) -> Any:
    """The daemon's answer. Raises NoDaemon if none listens there, ControlError with what it said instead of an answer."""
    return await _asked(path, {"verb": verb, "args": dict(args)})


async def ask_long(path: Path, verb: str, args: Mapping[str, Any]) -> Any:
    """The same, but a Long answer is not held as a whole; a daemon from before an upgrade may answer with one that is."""
    return await _asked(path, {"verb": verb, "args": dict(args), "rows": True})


async def _asked(path: Path, request: Mapping[str, Any]) -> Any:
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_MAX)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoDaemon(f"no daemon listens at {path}") from None
    except PermissionError as error:
        raise ControlError(f"{path} belongs to another user; run this command as the daemon's user (sudo -u)") from error
    try:
        writer.write(_line(request))
        await writer.drain()
        spool, line = await _rows(reader, await reader.readline())
    except ConnectionError as error:
        raise ControlError(
            f"the daemon went away before it answered ({error.strerror or error}); what was asked may be done or not"
        ) from error
    except NoRoom as error:
        raise ControlError(f"{error}. What was asked may be done or not", error.code) from error
    except ValueError as error:
        raise ControlError("the daemon's answer is longer than this command takes; what was asked may be done or not") from error
    finally:
        writer.close()
    if not line.endswith(b"\n"):
        raise ControlError(
            "the daemon closed the connection without an answer; it is probably stopping. What was asked may be done or not; try again"
        )
    answer = json.loads(line)
    if "error" in answer:
        raise ControlError(answer["error"]["message"], answer["error"]["code"])
    return answer["ok"] if spool is None else Long(spool, answer["ok"])


async def _rows(reader: asyncio.StreamReader, line: bytes) -> tuple[Spool | None, bytes]:
    """The rows of a long answer, if it is one, and its last line."""
    if not line.startswith(b'{"rows": '):
        return None, line
    counts: dict[str, int] = json.loads(line)["rows"]
    spool = Spool(counts)
    for section, count in counts.items():
        for _ in range(count):
            if not (row := await reader.readline()).endswith(b"\n"):
                return None, b""
            spool.put(section, row.rstrip(b"\n"))
    spool.end()
    return spool, await reader.readline()


class NoDaemon(ControlError):
    """Nobody listens: the ledger may be opened directly."""
