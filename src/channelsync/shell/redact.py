"""Keeps secrets out of every line we write: by the name of the key, by the known value, and by the shapes in which tokens travel.

The last step before rendering, so that exception texts and other libraries' lines pass through it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

from structlog.typing import EventDict, WrappedLogger

MASK = "***"
SHORTEST = 4  # a shorter "secret" would blot out ordinary words
SECRETS_MAX = 1000
TEXT_MAX = 20_000
DEPTH_MAX = 6

_NAMES = r"secret|token|passw(?:or)?d|passphrase|authori[sz]ation|api_?key|consumer_?key|private_?key|cookie|credential|signature|hmac"
_SECRET_KEY = re.compile(_NAMES, re.IGNORECASE)
_SHAPES = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{MASK}@"),  # user info in a URL
    (re.compile(rf"([?&;][\w.-]*(?:{_NAMES}|auth)[\w.-]*=)[^&\s\"'#]+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(/webhooks/[\w%-]+/)[^\s/?\"']+"), rf"\1{MASK}"),
)


class Redactor:
    """A structlog processor. Secrets learned later (an access token from a refresh) are added as they come."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: dict[str, None] = {}  # in order of arrival, so that the oldest refreshed tokens leave first
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        before = set(self._known)
        for secret in secrets:
            if len(secret) >= SHORTEST:
                self._known.pop(secret, None)
                self._known[secret] = None
        while len(self._known) > SECRETS_MAX:
            del self._known[next(iter(self._known))]
        if before != set(self._known):
            self._compile()

    def knows(self, secret: str) -> bool:
        return secret in self._known

    def _compile(self) -> None:
        longest_first = sorted({spelling for secret in self._known for spelling in spellings(secret)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(spelling) for spelling in longest_first)) if longest_first else None

    def text(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}... ({len(text) - TEXT_MAX} more characters)"

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same value with secrets masked; what is not plain data becomes its masked repr."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping) and depth < DEPTH_MAX:
            return {self.text(str(key)): self._by_key(str(key), inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)) and depth < DEPTH_MAX:
            return [self.value(inner, depth + 1) for inner in value]
        return self.text(repr(value))

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {key: self._by_key(key, value, 0) for key, value in event.items()}

    def _by_key(self, key: str, value: Any, depth: int) -> Any:
        if tells_secret(key) and value is not None and not isinstance(value, bool):
            return MASK
        return self.value(value, depth)


def tells_secret(name: str) -> bool:
    """What stands under this name is a secret."""
    return _SECRET_KEY.search(name) is not None


def spellings(secret: str) -> set[str]:
    """As it is, in addresses, in JSON (PHP puts a backslash before each slash), in HTML and in Python's repr."""
    in_json = json.dumps(secret)[1:-1]
    in_address = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    return {secret, *in_address, in_json, in_json.replace("/", "\\/"), escape(secret), repr(secret)[1:-1]}
