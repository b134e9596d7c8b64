"""The canary: whatever way a secret takes into the log, it must not come out."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog
from pydantic import SecretStr

from channelsync.shell.log import configure
from channelsync.shell.redact import MASK, SECRETS_MAX, TEXT_MAX, Redactor
from channelsync.testing.virtual_clock import VirtualClock

CANARY = "ck_canary/7f+3a=%"
ENCODED = "ck_canary%2F7f%2B3a%3D%25"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    kept = (root.handlers, root.level, sys.excepthook, logging.raiseExceptions)
    yield
    root.handlers, root.level, sys.excepthook, logging.raiseExceptions = kept
    logging.captureWarnings(False)
    structlog.reset_defaults()


def _logged(act: Callable[[], None], *, style: Any = "json", level: Any = "debug") -> str:
    stream = io.StringIO()
    configure(clock=VirtualClock(), redactor=Redactor([CANARY]), style=style, level=level, stream=stream)
    act()
    return stream.getvalue()


def _raise(text: str) -> None:
    raise ValueError(text)


def _exception() -> None:
    try:
        try:
            _raise(f"inner {CANARY}")
        except ValueError as error:
            raise RuntimeError(f"https://user:{CANARY}@db/x") from error
    except RuntimeError:
        structlog.get_logger().exception("failed", shop="x")


def _httpx_call() -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200))) as client:
        client.get(f"https://shop.example/?consumer_secret={ENCODED}")


def _warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"deprecated {CANARY}", stacklevel=1)


WAYS: dict[str, Callable[[], None]] = {
    "the event": lambda: structlog.get_logger().info(f"token is {CANARY}"),
    "a value": lambda: structlog.get_logger().info("x", note=f"a {CANARY} b"),
    "a nested value": lambda: structlog.get_logger().info("x", data={"a": [{"b": (CANARY,)}]}),
    "a key": lambda: structlog.get_logger().info("x", data={CANARY: 1}),
    "an object": lambda: structlog.get_logger().info("x", request=httpx.Request("GET", "https://shop.example/", params={"q": CANARY})),
    "bytes": lambda: structlog.get_logger().info("x", body=CANARY.encode()),
    "url encoded": lambda: structlog.get_logger().info(f"GET /?q={ENCODED}"),
    "json": lambda: structlog.get_logger().info(json.dumps({"q": CANARY})),
    "a bound logger": lambda: structlog.get_logger().bind(note=CANARY).info("x"),
    "an exception": _exception,
    "another library": lambda: logging.getLogger("some.library").warning("called with %s", CANARY),
    "another library's exception": lambda: logging.getLogger("lib").error("x", exc_info=ValueError(CANARY)),
    "httpx": _httpx_call,
    "a warning": _warning,
    "a crash": lambda: sys.excepthook(ValueError, ValueError(CANARY), None),
    "too deep to look": lambda: structlog.get_logger().info("x", data=[[[[[[[[[CANARY]]]]]]]]]),
}


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("way", WAYS)
def test_no_canary_comes_out(way: str, style: str) -> None:
    text = _logged(WAYS[way], style=style)
    assert "canary" not in text
    assert way == "httpx" or MASK in text


@pytest.mark.parametrize(
    "text",
    [
        "https://admin:unknown-pw@shop.example/x",
        "GET https://shop.example/?consumer_key=unknown-pw&x=1",
        "https://shop.example/?x=1&access_token=unknown-pw",
        "authorization was Bearer unknown-pw-12345",
        "authorization was Basic unknown-pw-12345==",
        "POST /webhooks/shop/unknown-pw",
    ],
)
def test_shapes_of_unknown_secrets_are_masked(text: str) -> None:
    assert "unknown-pw" not in Redactor().text(text)


@pytest.mark.parametrize(
    "key",
    ["access_token", "Authorization", "client_secret", "apiKey", "consumer_key", "db_password", "Set-Cookie", "X-Shopify-Hmac-Sha256"],
)
def test_values_under_telling_keys_are_masked(key: str) -> None:
    assert Redactor()(None, "info", {key: "unknown-pw", "data": {key: 12345}}) == {key: MASK, "data": {key: MASK}}


def test_ordinary_lines_are_left_alone() -> None:
    event = {"event": "order applied at https://shop.example/orders?page=2", "sku": "A-1", "units": 3, "token_missing": True, "none": None}
    assert Redactor(["", "abc"])(None, "info", dict(event)) == event


def test_pydantics_secrets_stay_hidden_too() -> None:
    assert "canary" not in str(Redactor().value({"a": SecretStr("canary")}))


def test_secrets_can_be_learned_later_and_are_bounded() -> None:
    redactor = Redactor()
    assert redactor.text("fresh-access") == "fresh-access"
    redactor.add("fresh-access")
    assert redactor.text("a fresh-access b") == f"a {MASK} b"
    redactor.add(*(f"refreshed-{number:04}" for number in range(SECRETS_MAX)))
    assert redactor.text("fresh-access") == "fresh-access"
    assert redactor.text("refreshed-0000") == MASK


def test_the_longest_secret_wins() -> None:
    assert Redactor(["abcd", "abcd-efgh"]).text("x abcd-efgh y") == f"x {MASK} y"


def test_a_huge_text_is_cut_after_redaction() -> None:
    text = Redactor([CANARY]).text("x" * (TEXT_MAX - 5) + CANARY + "y" * 100)
    assert len(text) < TEXT_MAX + 50
    assert "ck_" not in text


def test_json_lines_are_json_with_time_level_and_logger() -> None:
    line = json.loads(_logged(lambda: structlog.get_logger("channelsync.x").warning("hello", count=3)))
    assert line == {
        "event": "hello",
        "count": 3,
        "level": "warning",
        "logger": "channelsync.x",
        "timestamp": "2026-01-01T00:00:00.000+00:00",
    }


def test_the_level_is_kept_and_loud_libraries_are_quiet() -> None:
    def act() -> None:
        structlog.get_logger().info("not this")
        logging.getLogger("uvicorn.access").info("nor this")
        logging.getLogger("uvicorn.error").warning("nor this")
        logging.getLogger("apscheduler.scheduler").warning("nor this")
        structlog.get_logger().error("but this")

    lines = _logged(act, level="warning").splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["but this"]


def test_a_line_that_cannot_be_written_spills_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    configure(clock=VirtualClock(), redactor=Redactor(), stream=Full())
    structlog.get_logger().error(CANARY)
    assert capsys.readouterr() == ("", "")


def test_a_real_crash_is_redacted() -> None:
    program = f"""
from channelsync.clock import SystemClock
from channelsync.shell.log import configure
from channelsync.shell.redact import Redactor
secret = {CANARY!r}
configure(clock=SystemClock(), redactor=Redactor([secret]))
raise RuntimeError("bad credentials: " + secret)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "bad credentials" in done.stderr
    assert "canary" not in done.stderr + done.stdout
