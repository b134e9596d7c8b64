"""The one door through which a connector reaches its shop. The shell owns what is behind it: sockets, time-outs, retries, limits, redaction.

A connector hands over a request and a function that understands the answer; it never loops, sleeps or catches a socket error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from channelsync.contract.decoding import NotJson, decoded
from channelsync.errors import Misunderstood

T = TypeVar("T")

YEARS = range(1990, 9000)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """cost: what this call takes from the channel's rate budget (requests, points, units). body: sent as it is.

    entity: what a write changes, where the shop limits the writes to one thing; "": its address. refusal: the seconds that a 429 of this
    shop asks us to wait, where it does not say so in Retry-After; None: it does not tell.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cost: float = 1.0
    entity: str = ""
    refusal: Callable[[HttpResponse], float | None] | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """headers: lower-case names. body: decompressed, at most the shell's limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON (a UTF-8 BOM is tolerated). Raises Misunderstood with the first bytes of what came instead."""
        try:
            return decoded(self.body)
        except NotJson as error:
            raise Misunderstood(f"answer {self.status} is {error}") from error

    def date(self) -> datetime | None:
        """The shop's clock when it answered, in whole seconds. None if it does not say, or says what no clock shows."""
        try:
            first, gmt, _ = self.headers.get("date", "").partition("GMT")  # proxies have been seen to double the header
            told = parsedate_to_datetime(first + gmt)
            at = told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
        return at if at.year in YEARS else None


class Budget(Protocol):
    """The channel's rate limit as far as we know it. The door waits on it before each call; connectors feed it what the answers say."""

    def learn(self, *, remaining: float, maximum: float, per_second: float, resets_in: float | None = None, sliding: bool = False) -> None:
        """The shop told its bucket after the call just answered. resets_in: seconds until all of it is there again, where the shop counts in windows
        of `maximum / per_second` seconds; None: what was taken comes back steadily.

        sliding: nobody says when a window begins, so any stretch of that length holds at most `maximum`; `remaining` then only counts where `resets_in`
        says for how long, because our own calls are known.
        """


@dataclass(frozen=True, slots=True)
class Guardrail:
    """What a shop answers with a ban rather than a pause, as hard limits per minute; None: it has no such rule.

    A call that would break one is not sent: it raises Unavailable with the reason. identical_errors: equal requests that ended in an error.
    refusals: 429s. writes_per_entity: PUTs to the same thing. in_flight: calls at the same moment; further ones wait.
    """

    identical_errors: int | None = None
    refusals: int | None = None
    writes_per_entity: int | None = None
    in_flight: int | None = None


@runtime_checkable
class Guarded(Protocol):
    """A `Budget` that also keeps a guardrail; the daemon's does. A connector sets its shop's when it is made."""

    def guard(self, rail: Guardrail) -> None: ...


class Http(Protocol):
    """Both verbs raise NotReached (never left), Unavailable (time-out, broken), RateLimited (429), and whatever `understand` raises."""

    budget: Budget

    async def read(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        """A call without effect: repeated with back-off while it raises Unavailable, a few times."""

    async def write(self, request: HttpRequest, understand: Callable[[HttpResponse], T]) -> T:
        """A call with effect: exactly one try."""


@runtime_checkable
class Downloads(Protocol):
    """What the daemon's door offers besides, for shops that answer with a file."""

    def download(self, url: str, *, limit: int) -> AbstractAsyncContextManager[Iterator[bytes]]:
        """A file that the shop points to, perhaps at another host, line by line (ends cut off); on disk as long as the block runs.

        Nothing of ours goes with the request and no budget pays for it; a broken download is repeated like a read. limit: bytes, decompressed.
        Raises Refused if the host says no (4xx: the address is wrong or too old), Unavailable, and Misunderstood for what cannot be taken.
        """
