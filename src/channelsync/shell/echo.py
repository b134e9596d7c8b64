"""A shop, or a page in front of it, may repeat what we sent: an error that quotes the key, a debug page, a redirect that keeps the query.

What comes back is cleaned of the call's own credentials before anybody reads it, because rows and reasons are stored and shown.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl

from channelsync.contract.http import HttpRequest, HttpResponse
from channelsync.shell.redact import MASK, Redactor, spellings, tells_secret

PLACE = re.compile(r"page|next|cursor|continu", re.IGNORECASE)
"""A "page_token" says where we are, and the answer may say it again."""

SHORTEST = 8
"""A shorter credential may stand in an answer by chance."""


class Echoes:
    """Of one channel. What its calls carry is a secret from then on, such as a token that the shop has granted."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def cleaned(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The answer without the credentials of the request. Most answers carry none and are handed on as they are."""
        body, headers = response.body, dict(response.headers)
        for secret in self._credentials(request):
            self._redactor.add(secret)
            for spelling in spellings(secret):
                body = body.replace(spelling.encode(), MASK.encode())
                headers = {name: value.replace(spelling, MASK) for name, value in headers.items()}
        return replace(response, body=body, headers=headers)

    def _credentials(self, request: HttpRequest) -> set[str]:
        """What the call proves itself with, as it stands in headers, parameters and fields of telling names."""
        named = (*request.headers.items(), *request.params.items(), *_form(request))
        carried = [value for name, value in named if tells_secret(name) and not PLACE.search(name)]
        parts = [part for value in carried for part in _parts(value)]
        return {text for text, secret in parts if len(text) >= SHORTEST and (secret or self._redactor.knows(text))}


def _form(request: HttpRequest) -> list[tuple[str, str]]:
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return parse_qsl((request.body or b"").decode("latin-1")) if is_form else []


def _parts(value: str) -> Iterator[tuple[str, bool]]:
    """Of "Bearer x" the x; of "Basic x" also what x says. False: the name in it, which is a secret only at some shops."""
    scheme, _, rest = value.rpartition(" ")
    yield rest, True
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return
        yield name, False
        yield password, True
