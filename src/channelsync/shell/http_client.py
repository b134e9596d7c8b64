"""One HTTP call to a shop: time-outs, a bounded body, and every way to fail turned into an error of ours. No retry, no budget.

httpx logs whole URLs at INFO; `shell.log` silences it, because tokens travel in URLs.
"""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from channelsync import __version__
from channelsync.clock import Clock
from channelsync.contract.http import HttpRequest, HttpResponse
from channelsync.errors import Misunderstood, NotReached, RateLimited, Unavailable
from channelsync.shell.inflate import ACCEPT_ENCODING, Body, Broken, TooLarge
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


class HttpClient:
    """The connection pool of one channel.

    timeout: seconds for a whole call on the injected clock, so that a shop which sends one byte a second cannot hold us.
    transport: where calls go instead of the network (a stand-in in process).
    """

    def __init__(
        self, clock: Clock, *, timeout: float = 30.0, transport: httpx.AsyncBaseTransport | None = None, body_max: int = BODY_MAX
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self._body_max = body_max
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            headers={"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": ACCEPT_ENCODING},
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),  # a shop's cookies must not steer the next call
            follow_redirects=False,
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Raises NotReached, Unavailable, RateLimited (429) and Misunderstood (a body we cannot take). Any other status is an answer."""
        where = _where(request)
        try:
            response = await within(self._clock, self._timeout, self._exchange(request))
        except TimeoutError as error:
            raise Unavailable(f"{where}: no complete answer within {self._timeout:g} s") from error
        except NEVER_LEFT as error:
            raise NotReached(f"{where}: not reached ({_kind(error)})") from error
        except httpx.TransportError as error:
            raise Unavailable(f"{where}: the connection broke ({_kind(error)})") from error
        except httpx.InvalidURL as error:
            raise NotReached(f"{where}: not a usable address; check the channel's url") from error
        except TooLarge as error:
            raise Misunderstood(f"{where}: the answer is larger than {self._body_max} bytes") from error
        except Broken as error:
            raise Misunderstood(f"{where}: the answer {error}") from error
        if response.status == httpx.codes.TOO_MANY_REQUESTS:
            wait = request.refusal(response) if request.refusal else None
            if wait is None:
                wait = seconds_to_wait(response.headers.get("retry-after"), self._clock.now())
            raise RateLimited(f"{where}: too many requests (429)", retry_after=wait)
        return response

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        outgoing = self._client.build_request(
            request.method, request.url, headers=dict(request.headers), params=dict(request.params) or None, content=request.body
        )
        response = await self._client.send(outgoing, stream=True)
        try:
            body = Body(response.headers.get("content-encoding", "").strip().lower(), self._body_max)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for chunk in response.stream:  # as it came; httpx's own decoder has no limit
                body.feed(chunk)
            return HttpResponse(response.status_code, dict(response.headers.items()), body.finish())
        finally:
            await response.aclose()


def _where(request: HttpRequest) -> str:
    """Method, host and path: never the query, the user info or a header, where secrets travel."""
    try:
        url = httpx.URL(request.url)
    except httpx.InvalidURL:
        return request.method
    return f"{request.method} {url.host}{url.path}"


def _kind(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
