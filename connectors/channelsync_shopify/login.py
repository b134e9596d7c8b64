"""The access token: a lasting one from the settings, or one from the client-credentials grant that is asked for again before it ends."""

from __future__ import annotations

import asyncio
from typing import Protocol
from urllib.parse import urlencode

from channelsync.contract import Context, HttpRequest, HttpResponse
from channelsync.errors import Misunderstood, RateLimited, Unauthorized, Unavailable
from channelsync_shopify.answers import Granted
from channelsync_shopify.settings import ShopifySettings
from channelsync_shopify.shapes import shaped

RENEW_AT = 0.8
"""Part of a token's life after which a new one is asked for: of 24 hours the last 5 are room for an outage of the token endpoint."""


class Login(Protocol):
    async def token(self) -> str: ...

    def rejected(self, token: str) -> bool:
        """The shop refused this token. True if a new one can be had."""


class LastingToken:
    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    def rejected(self, token: str) -> bool:
        return False


class ClientCredentials:
    """The grant has no refresh token: it is simply asked for again. One request at a time, however many verbs are waiting."""

    def __init__(self, settings: ShopifySettings, context: Context) -> None:
        self._settings, self._http, self._clock = settings, context.http, context.clock
        self._token: str | None = None
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        async with self._lock:
            if self._token is None or self._clock.monotonic() >= self._renew_at:
                await self._renew()
            assert self._token is not None
            return self._token

    def rejected(self, token: str) -> bool:
        if self._token == token:
            self._token = None
        return True

    async def _renew(self) -> None:
        secret = self._settings.client_secret
        assert secret is not None
        form = {"grant_type": "client_credentials", "client_id": self._settings.client_id or "", "client_secret": secret.get_secret_value()}
        request = HttpRequest(
            "POST",
            f"{self._settings.base}/admin/oauth/access_token",
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            body=urlencode(form).encode(),
            cost=0,
        )
        asked = self._clock.monotonic()
        granted = await self._http.read(request, understand_grant)
        self._token = granted.access_token
        self._renew_at = asked + RENEW_AT * granted.expires_in


def understand_grant(response: HttpResponse) -> Granted:
    if response.status == 200:
        return shaped(Granted, response.json(), "the answer of the token endpoint")
    if response.status == 429:
        raise RateLimited("the token endpoint is asked too often", retry_after=5.0)
    if 400 <= response.status < 500:
        raise Unauthorized(f"the shop grants no token ({response.status}): check client_id, client_secret and that the app is installed")
    if response.status >= 500:
        raise Unavailable(f"the token endpoint answers {response.status}")
    raise Misunderstood(f"the token endpoint answers {response.status}")
