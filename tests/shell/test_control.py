"""The control socket: private, one JSON object each way, and never a traceback for the caller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from channelsync.clock import SystemClock
from channelsync.ledger.refusals import UnknownSku
from channelsync.shell import control
from channelsync.shell.control import ControlError, NoDaemon, ask, ask_long, controlled
from channelsync.shell.spool import Long, Spool


async def handle(verb: str, args: Mapping[str, Any]) -> Any:
    match verb:
        case "echo":
            return dict(args)
        case "long":
            spool = Spool(["some", "none"])
            for number in range(args["rows"]):
                spool.add("some", [number, "ü" * 50])
            spool.end()
            return Long(spool, {"rows": "in the head, too"})
        case "refuse":
            raise UnknownSku("MUG")
        case "wrong":
            return args["rows"].missing
        case _:
            raise ZeroDivisionError("secret detail")


def test_answers_refusals_and_bugs(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"

    async def story() -> None:
        path.write_text("left by a process that was killed")
        async with controlled(path, handle, SystemClock()):
            assert path.stat().st_mode & 0o777 == 0o600
            assert await ask(path, "echo", {"units": 3}) == {"units": 3}
            assert await asyncio.gather(*(ask(path, "echo", {"n": n}) for n in range(20))) == [{"n": n} for n in range(20)]
            with pytest.raises(ControlError, match="no SKU 'MUG'") as refused:
                await ask(path, "refuse", {})
            assert refused.value.code == "unknown_sku"
            with pytest.raises(ControlError, match="ZeroDivisionError") as bug:
                await ask(path, "burst", {})
            assert "secret detail" not in str(bug.value)
            with pytest.raises(ControlError, match="AttributeError") as bug:
                await ask(path, "wrong", {"rows": None})
            assert bug.value.code == "bug", "and not the caller's mistake"
        assert not path.exists()
        with pytest.raises(NoDaemon):
            await ask(path, "echo", {})

    asyncio.run(story())


@pytest.mark.parametrize("rows", [0, 1, 20_000])
def test_a_long_answer_comes_row_by_row_however_long(tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.sock"
    monkeypatch.setattr(control, "LINE_MAX", 10_000)  # the whole of it is no line

    async def story() -> None:
        expected = {"some": [[number, "ü" * 50] for number in range(rows)], "none": [], "rows": "in the head, too"}
        async with controlled(path, handle, SystemClock()):
            if rows < 10:
                assert await ask(path, "long", {"rows": rows}) == expected, "in one line for who knows no rows"
            else:
                with pytest.raises(ControlError, match="too long for this command"):
                    await ask(path, "long", {"rows": rows})
            answer = await ask_long(path, "long", {"rows": rows})
            assert (answer.spool.counts, answer.head) == ({"some": rows, "none": 0}, {"rows": "in the head, too"})
            assert json.loads("".join(answer.document())) == expected
            assert await ask_long(path, "echo", {"rows": {}}) == {"rows": {}}

    asyncio.run(story())


def test_a_daemon_that_dies_within_a_long_answer_has_not_answered(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"

    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"rows": {"some": 1000000000}}\n[1]\n[2]\n[')
        await writer.drain()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_unix_server(dies, path)
        with pytest.raises(ControlError, match="closed the connection without an answer"):
            await ask_long(path, "long", {})
        server.close()
        await server.wait_closed()

    asyncio.run(story())


@pytest.mark.parametrize("line", [b"no json\n", b"[]\n", b'{"args": {}}\n', b'{"verb": "echo", "args": 7}\n', b"\xff\xfe\n"])
def test_what_is_no_request_is_told_so(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "s.sock"

    async def story() -> None:
        async with controlled(path, handle, SystemClock()):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(line)
            assert json.loads(await reader.readline())["error"]["code"] == "not_understood"
            writer.close()
            await writer.wait_closed()

    asyncio.run(story())


def test_a_caller_that_hangs_up_disturbs_nobody(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"

    async def story() -> None:
        async with controlled(path, handle, SystemClock()):
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
            await writer.wait_closed()
            assert await ask(path, "echo", {"a": 1}) == {"a": 1}

    asyncio.run(story())


@pytest.mark.parametrize("half", [b"", b'{"ok": {"unit'])
def test_a_daemon_that_dies_over_an_answer(tmp_path: Path, half: bytes) -> None:
    """With unread bytes its end of the socket is reset; with half an answer written that half must not be read as one."""
    path = tmp_path / "s.sock"

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(half)
        writer.transport.abort()

    async def story() -> None:
        async with await asyncio.start_unix_server(die, path, limit=8):
            with pytest.raises(ControlError, match="went away|without an answer"):
                await ask(path, "echo", {"long": "x" * 4_000_000})

    asyncio.run(story())
