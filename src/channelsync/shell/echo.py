"""A shop, or a page in front of it, may repeat what we sent: an error that quotes the key, a debug page, a redirect that keeps the query.

What comes back is cleaned of the call's own credentials before anybody reads it, and the text of an error of every secret we know, because
both are stored, shown and told to whoever asks for the status.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, quote_plus

from channelsync.contract.http import HttpRequest, HttpResponse
from channelsync.errors import ChannelError
from channelsync.shell.redact import MASK, Redactor, tells_secret

PLACE = re.compile(r"page|next|cursor|continu", re.IGNORECASE)
"""A "page_token" says where we are, and the answer may say it again."""

SHORTEST = 8
"""A shorter credential may stand in an answer by chance; errors are still cleaned of it."""


class Echoes:
    """Of one channel. What its calls carry is a secret from then on, such as a token that the shop has granted."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def cleaned(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The answer without the credentials of the request. Most answers carry none and are handed on as they are."""
        body, headers = response.body, dict(response.headers)
        for secret in credentials(request):
            self._redactor.add(secret)
            for spelling in {secret, quote(secret, safe=""), quote_plus(secret)}:
                body = body.replace(spelling.encode(), MASK.encode())
                headers = {name: value.replace(spelling, MASK) for name, value in headers.items()}
        return replace(response, body=body, headers=headers)

    def hush(self, error: ChannelError) -> None:
        error.args = tuple(self._redactor.text(part) if isinstance(part, str) else part for part in error.args)


def credentials(request: HttpRequest) -> set[str]:
    """What the call proves itself with, as it stands in headers and parameters of telling names."""
    carried = [
        value for name, value in (*request.headers.items(), *request.params.items()) if tells_secret(name) and not PLACE.search(name)
    ]
    return {part for value in carried for part in _parts(value) if len(part) >= SHORTEST}


def _parts(value: str) -> Iterator[str]:
    """Of "Bearer x" the x; of "Basic x" also what x says."""
    scheme, _, rest = value.rpartition(" ")
    yield rest
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return
        yield from (name, password)
