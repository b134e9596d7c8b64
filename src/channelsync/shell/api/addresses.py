"""Names in paths. A SKU or an order may have a slash in it, written %2F, but servers decode a path before it is split: here it is split first."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor

from channelsync.shell.api import problems
from channelsync.shell.receiver import Receive, Send
from channelsync.shell.serve import App

NUL = b"%00"


class NameConvertor(Convertor[str]):
    """`{sku:name}`: one segment of a path that came through `split`, with all its characters."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value.replace("%2F", "/").replace("%25", "%")

    def to_string(self, value: str) -> str:
        return value.replace("%", "%25").replace("/", "%2F")


def register() -> None:
    """Before the first route is made."""
    register_url_convertor("name", NameConvertor())


def split(app: App) -> App:
    """The app, with the slashes inside names kept apart from those between them."""

    async def apart(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path")
        if scope["type"] == "http" and (NUL in (raw or b"") or NUL in scope.get("query_string", b"")):
            told = problems.body(422, "malformed", "the address has a NUL (%00) in it, and no name here has; remove it")
            await problems.answer(told)(scope, receive, send)
            return
        if scope["type"] == "http" and raw is not None:
            names = raw.decode("ascii", "replace").partition("?")[0].split("/")
            scope = {**scope, "path": "/".join(CONVERTOR.to_string(unquote(name)) for name in names)}
        await app(scope, receive, send)

    return apart


CONVERTOR = NameConvertor()
