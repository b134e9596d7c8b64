"""One HTTP call to a shop: time-outs, a bounded body, and every way to fail turned into an error of ours. No retry, no budget.

httpx logs whole URLs at INFO; `shell.log` silences it, because tokens travel in URLs.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO, Any

import httpx

from channelsync import __version__
from channelsync.clock import Clock
from channelsync.contract.http import HttpRequest, HttpResponse
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Refused, Unavailable
from channelsync.shell.inflate import ACCEPT_ENCODING, Body, Broken, TooLarge
from channelsync.shell.reach import FIRST_BYTE, Trace, all_of, only_while, public_only, require_https
from channelsync.shell.retry_after import seconds_to_wait
from channelsync.shell.within import within

BODY_MAX = 10 * 1024 * 1024
CONNECT_SECONDS = 5.0
USER_AGENT = f"channelsync/{__version__}"

NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


@cache
def _tls() -> ssl.SSLContext:
    """One for all channels: reading the certificates takes as long as anything at a start."""
    return httpx.create_ssl_context()


class HttpClient:
    """The connection pool of one channel.

    timeout: seconds for a whole call on the injected clock, so that a shop which sends one byte a second cannot hold us.
    transport: where calls go instead of the network (a stand-in in process). private_hosts: they may go to plain http and to hosts that are
    not on the public internet.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        body_max: int = BODY_MAX,
        private_hosts: bool = False,
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self._body_max = body_max
        self._anywhere = private_hosts or transport is not None
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=_tls(),
            timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            headers={"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": ACCEPT_ENCODING},
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),  # a shop's cookies must not steer the next call
            follow_redirects=False,
        )

    async def send(self, request: HttpRequest, *, may_leave: Callable[[], bool] | None = None) -> HttpResponse:
        """Raises NotReached, Unavailable, RateLimited (429) and Misunderstood (a body we cannot take). Any other status is an answer.

        may_leave: asked when the first byte is about to leave, over a connection that stands; False ends it with NotReached.
        """
        where = _where(request)
        with self._errors(where, self._body_max):
            response = await within(self._clock, self._timeout, self._exchange(request, where, may_leave))
        if response.status == httpx.codes.TOO_MANY_REQUESTS:
            wait = request.refusal(response) if request.refusal else None
            if wait is None:
                wait = seconds_to_wait(response.headers.get("retry-after"), self._clock.now())
            raise RateLimited(f"{where}: too many requests (429)", retry_after=wait)
        return response

    async def save(self, url: str, file: IO[bytes], limit: int) -> None:
        """What lies behind `url` into `file`, from its beginning. It may take long, but each piece of it only the usual time.

        Raises as `Http.download` says.
        """
        file.seek(0)
        file.truncate()
        where = _where(HttpRequest("GET", url))
        with self._errors(where, limit):
            outgoing = self._client.build_request("GET", url, extensions=self._reach(where, url))
            response = await within(self._clock, self._timeout, self._client.send(outgoing, stream=True))
            try:
                if response.status_code != httpx.codes.OK:
                    raise _no_file(where, response, self._clock.now())
                body = Body(response.headers.get("content-encoding", "").strip().lower(), limit, file.write)
                assert isinstance(response.stream, httpx.AsyncByteStream)
                pieces = aiter(response.stream)
                while (piece := await within(self._clock, self._timeout, _next(pieces))) is not None:
                    body.feed(piece)
                body.finish()
            finally:
                await response.aclose()

    @contextmanager
    def _errors(self, where: str, limit: int) -> Iterator[None]:
        """Every way in which a call can fail, as an error of ours."""
        try:
            yield
        except TimeoutError as error:
            raise Unavailable(f"{where}: no complete answer within {self._timeout:g} s") from error
        except NEVER_LEFT as error:
            raise NotReached(f"{where}: not reached ({_kind(error)})") from error
        except httpx.TransportError as error:
            raise Unavailable(f"{where}: the connection broke ({_kind(error)})") from error
        except httpx.InvalidURL as error:
            raise NotReached(f"{where}: not a usable address; check the channel's url") from error
        except TooLarge as error:
            raise Misunderstood(f"{where}: the answer is larger than {limit} bytes") from error
        except Broken as error:
            raise Misunderstood(f"{where}: the answer {error}") from error

    async def aclose(self) -> None:
        await self._client.aclose()

    def _reach(self, where: str, url: str, *more: Trace) -> dict[str, Any]:
        """Extensions of a request that keep it from where it may not go. Raises OutOfReach if that is plain from its address."""
        if not self._anywhere:
            require_https(where, url)
            more = (public_only(where), *more)
        return {"trace": all_of(more)} if more else {}

    async def _exchange(self, request: HttpRequest, where: str, may_leave: Callable[[], bool] | None) -> HttpResponse:
        gate = () if may_leave is None else (only_while(may_leave, where),)
        outgoing = self._client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            params=dict(request.params) or None,
            content=request.body,
            extensions=self._reach(where, request.url, *gate),
        )
        for check in gate:
            await check(FIRST_BYTE, {})  # before a connection is made for it, and for transports that tell of no events
        response = await self._client.send(outgoing, stream=True)
        try:
            body = Body(response.headers.get("content-encoding", "").strip().lower(), self._body_max)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for chunk in response.stream:  # as it came; httpx's own decoder has no limit
                body.feed(chunk)
            return HttpResponse(response.status_code, dict(response.headers.items()), body.finish())
        finally:
            await response.aclose()


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


def _no_file(where: str, response: httpx.Response, now: datetime) -> ChannelError:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Unavailable(f"{where}: answers {status}", retry_after=seconds_to_wait(response.headers.get("retry-after"), now))
    if status >= httpx.codes.BAD_REQUEST:
        return Refused(f"{where}: answers {status}; the address is wrong or too old")
    return Misunderstood(f"{where}: answers {status} instead of a file")


def _where(request: HttpRequest) -> str:
    """Method, host and path: never the query, the user info or a header, where secrets travel."""
    try:
        url = httpx.URL(request.url)
    except httpx.InvalidURL:
        return request.method
    return f"{request.method} {url.host}{url.path}"


def _kind(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
