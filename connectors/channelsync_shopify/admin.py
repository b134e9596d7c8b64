"""The Admin API as the connector sees it: one GraphQL document out, data or one of our errors back. Knows no document by name."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from channelsync.contract import Budget, Clock, Context, HttpRequest, HttpResponse
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync_shopify.documents import Operation
from channelsync_shopify.login import ClientCredentials, LastingToken, Login
from channelsync_shopify.settings import ShopifySettings

T = TypeVar("T")
Token = Callable[[], Awaitable[str]]
Open = Callable[[HttpResponse, Budget, Clock], "Answer"]
Send = Callable[[HttpRequest, Callable[[HttpResponse], T]], Awaitable[T]]

LOCKED_SECONDS = 900.0
"""How long to leave a shop alone that locked us out (423) or took us for an attack (430)."""
THROTTLED_SECONDS_MIN = 1.0
POINTS_MAX = 1_000_000
"""More than any query may cost: a shop that asks for so much has not counted."""


class TokenRejected(Unauthorized):
    """HTTP 401: nothing happened; with the client-credentials grant a new token may help."""


class AccessDenied(Unauthorized):
    """The token is good, and the app may not do this: a scope is missing."""


class WrongVersion(Unauthorized):
    """Shopify answers in another API version than was asked for: it no longer serves that one, and what it says may mean something else now."""

    needs = "a newer channelsync"

    def __init__(self, asked: str, served: str | None, supported: Sequence[str] = ()) -> None:
        known = f"knows one of {', '.join(supported)}" if supported else f"knows {served}"
        super().__init__(
            f"API version {asked} was asked for, {served or 'another'} answered: Shopify no longer serves {asked}, and nothing is written "
            f"by other rules. Channelsync must be updated to a release that {known}; then set api_version of the channel to it"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """data: the `data` of the answer. at: the shop's clock when it answered, whole seconds. version: the API version that really served it.

    bucket: points there now, points at most, points back per second.
    """

    data: Mapping[str, Any]
    at: datetime
    version: str | None = None
    bucket: tuple[float, float, float] | None = None

    def field(self, name: str) -> Any:
        """One root field. Raises Misunderstood if the answer lacks it."""
        if name not in self.data:
            raise Misunderstood(f"the answer has no field {name!r}")
        return self.data[name]


class Admin:
    def __init__(self, settings: ShopifySettings, context: Context) -> None:
        self._http, self._clock = context.http, context.clock
        self._version = settings.api_version
        self._url = f"{settings.base}/admin/api/{self._version}/graphql.json"
        lasting = settings.access_token
        self._login: Login = LastingToken(lasting.get_secret_value()) if lasting else ClientCredentials(settings, context)

    async def read(
        self, operation: Operation, variables: Mapping[str, Any], understand: Callable[[Answer], T], *, any_version: bool = False
    ) -> T:
        """Run a query; the door may repeat it. any_version: the caller compares what served it."""
        open_ = partial(understood, asked=None if any_version else self._version)
        return await self._ask(self._http.read, self._login.token, self._request(operation, variables), understand, open_)

    async def write(
        self, operation: Operation, variables: Mapping[str, Any], understand: Callable[[Answer], T], *, request_id: str | None = None
    ) -> T:
        """Run a mutation: one try. (A rejected token had no effect, so a second try with a new one is still the first.)"""
        request = self._request(operation, variables, request_id)
        open_ = partial(understood_write, asked=self._version)
        return await self._ask(self._http.write, self._token_for_write, request, understand, open_)

    async def _ask(self, send: Send[T], token: Token, request: HttpRequest, understand: Callable[[Answer], T], open_: Open) -> T:
        def understand_response(response: HttpResponse) -> T:
            return understand(open_(response, self._http.budget, self._clock))

        used = await token()
        try:
            return await send(_signed(request, used), understand_response)
        except TokenRejected:
            if not self._login.rejected(used):
                raise
        return await send(_signed(request, await token()), understand_response)

    async def _token_for_write(self) -> str:
        """No token means that the write never left: say so, or its outcome would count as unknown."""
        try:
            return await self._login.token()
        except (RateLimited, Unauthorized, NotReached):
            raise
        except ChannelError as error:
            raise NotReached(f"no access token: {error}") from error

    def _request(self, operation: Operation, variables: Mapping[str, Any], request_id: str | None = None) -> HttpRequest:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if request_id:
            headers["x-request-id"] = request_id
        body = json.dumps({"query": operation.text, "variables": variables}, separators=(",", ":")).encode()
        return HttpRequest("POST", self._url, headers=headers, body=body, cost=operation.cost(variables))


def _signed(request: HttpRequest, token: str) -> HttpRequest:
    return replace(request, headers={**request.headers, "x-shopify-access-token": token})


def understood(response: HttpResponse, budget: Budget, clock: Clock, *, asked: str | None) -> Answer:
    """The answer's data. Feeds the budget; raises what `errors` and the status mean. asked: the one API version that is believed; None: any.

    An answer that names no version is taken for the one that was asked for.
    """
    _status(response)
    served = response.headers.get("x-shopify-api-version")
    if asked is not None and served not in (None, asked):
        raise WrongVersion(asked, served)
    body = response.json()
    if not isinstance(body, dict):
        raise Misunderstood(f"the answer is no object: {response.body[:120]!r}")
    cost = _cost(body)
    _learn(budget, cost)
    if errors := body.get("errors"):
        raise _error(errors, cost)
    data = body.get("data")
    if not isinstance(data, dict):
        raise Misunderstood(f"the answer has neither data nor errors: {response.body[:120]!r}")
    return Answer(data, _date(response, clock), served, _throttle_status(cost))


def understood_write(response: HttpResponse, budget: Budget, clock: Clock, *, asked: str) -> Answer:
    """As `understood`, but an error beside signs that the mutation ran never says that nothing happened, nor does another version's answer."""
    try:
        return understood(response, budget, clock, asked=asked)
    except WrongVersion as error:
        raise Misunderstood(f"whether the write took effect is not known: {error}") from error
    except (RateLimited, Unauthorized) as error:
        if response.status == 200 and _ran(response.json()):
            raise Misunderstood(f"the write ran, and part of its answer is an error: {error}") from error
        raise


def _ran(body: Mapping[str, Any]) -> bool:
    """A mutation ran if its field has a value, or an error lies below the field."""
    data, errors = body.get("data"), body.get("errors")
    paths = [error.get("path") for error in errors] if isinstance(errors, list) else []
    return (isinstance(data, dict) and any(data.values())) or any(isinstance(path, list) and len(path) > 1 for path in paths)


def _status(response: HttpResponse) -> None:
    status = response.status
    if status == 200:
        return
    text = f"the shop answers {status}: {response.body[:200].decode('utf-8', 'replace')}"
    if status == 401:
        raise TokenRejected(f"{text}; check access_token, or client_id and client_secret")
    if status in (402, 403, 404):
        hint = {402: "the shop is frozen", 403: "a scope is missing or the token is of the wrong kind", 404: "check the shop's domain"}
        raise Unauthorized(f"{text}; {hint[status]}")
    if status in (423, 429, 430):
        raise RateLimited(text, retry_after=_retry_after(response) or (THROTTLED_SECONDS_MIN if status == 429 else LOCKED_SECONDS))
    if status >= 500:
        raise Unavailable(text, retry_after=_retry_after(response))
    raise Misunderstood(text)


def _retry_after(response: HttpResponse) -> float | None:
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _error(errors: Any, cost: Mapping[str, Any]) -> ChannelError:
    """The error that `errors` means: a list with codes, or on refused credentials a plain string."""
    if not isinstance(errors, list) or not all(isinstance(error, dict) for error in errors) or not errors:
        return Unauthorized(f"the shop refuses us: {errors}") if "access token" in str(errors) else Misunderstood(f"errors: {errors}")
    codes = [_code(error) for error in errors]
    text = "; ".join(str(error.get("message", ""))[:300] for error in errors[:3])
    if "THROTTLED" in codes:
        return RateLimited(f"throttled: {text}", retry_after=_wait(cost))
    if "ACCESS_DENIED" in codes:
        return AccessDenied(text)
    if "SHOP_INACTIVE" in codes:
        return Unauthorized(text)
    if "INTERNAL_SERVER_ERROR" in codes:
        return Unavailable(text)
    return Misunderstood(f"the shop refuses the request ({', '.join(str(code) for code in codes[:3])}): {text}")


def _code(error: Mapping[str, Any]) -> Any:
    extensions = error.get("extensions")
    return extensions.get("code") if isinstance(extensions, dict) else None


def _cost(body: Mapping[str, Any]) -> Mapping[str, Any]:
    extensions = body.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    return cost if isinstance(cost, dict) else {}


def _throttle_status(cost: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """currentlyAvailable, maximumAvailable, restoreRate."""
    status = cost.get("throttleStatus")
    try:
        told = (float(status["currentlyAvailable"]), float(status["maximumAvailable"]), float(status["restoreRate"])) if status else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return told if told and all(map(math.isfinite, told)) else None


def _learn(budget: Budget, cost: Mapping[str, Any]) -> None:
    if status := _throttle_status(cost):
        remaining, maximum, rate = status
        budget.learn(remaining=remaining, maximum=maximum, per_second=rate)


def _wait(cost: Mapping[str, Any]) -> float:
    """Seconds until the bucket holds what was asked for. Never 0: a refusal that costs no time is asked again without end."""
    status = _throttle_status(cost)
    requested = cost.get("requestedQueryCost")
    if status is None or not isinstance(requested, int | float) or not 0 <= requested <= POINTS_MAX or status[2] <= 0:
        return THROTTLED_SECONDS_MIN
    return max(THROTTLED_SECONDS_MIN, (requested - status[0]) / status[2])


def _date(response: HttpResponse, clock: Clock) -> datetime:
    """The shop's clock. Ours stands in only where the answer carries no date."""
    return response.date() or clock.now()
