"""Who may call, and how often: access tokens (lasting, or by client credentials and expiring) and the leaky bucket of cost points."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from urllib.parse import parse_qs

from channelsync.clock import Clock

INVALID_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"


class Tokens:
    """Access tokens of one app on one shop. `lasting` never expires; others come from the client-credentials grant."""

    def __init__(self, clock: Clock, source: random.Random, *, seconds: float, scopes: frozenset[str]) -> None:
        self.clock, self.random, self.seconds, self.scopes = clock, source, seconds, scopes
        self.lasting = "shpat_" + self._hex(16)
        self.client_id = self._hex(16)
        self.client_secret = "shpss_" + self._hex(16)
        self._issued: dict[str, float] = {}  # token -> monotonic time of its end

    def valid(self, token: str) -> bool:
        return token == self.lasting or self._issued.get(token, float("-inf")) > self.clock.monotonic()

    def revoke(self) -> None:
        """Every issued token dies at once, as after a secret rotation."""
        self._issued.clear()

    def grant(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """The token endpoint: form in, JSON out."""
        form = {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if "application/x-www-form-urlencoded" not in headers.get("content-type", ""):
            return 400, _error("invalid_request", "the body must be form-encoded")
        if form.get("grant_type") != "client_credentials":
            return 400, _error("unsupported_grant_type", "only client_credentials")
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return 400, _error("application_cannot_be_found", "client id or secret is wrong")
        now = self.clock.monotonic()
        self._issued = {token: end for token, end in self._issued.items() if end > now}
        token = "shpua_" + self._hex(16)
        self._issued[token] = now + self.seconds
        answer = {"access_token": token, "scope": ",".join(sorted(self.scopes)), "expires_in": int(self.seconds)}
        return 200, json.dumps(answer).encode()

    def _hex(self, size: int) -> str:
        return self.random.randbytes(size).hex()


def _error(code: str, text: str) -> bytes:
    return json.dumps({"error": code, "error_description": text}).encode()


class Bucket:
    """Leaky bucket: holds `size` points, gets `rate` back per second."""

    def __init__(self, clock: Clock, *, size: float, rate: float) -> None:
        self.clock, self.size, self.rate = clock, size, rate
        self.level = size
        self._at = clock.monotonic()

    def take(self, points: float) -> bool:
        """False if there are not enough points; then none are taken."""
        self._refill()
        if points > self.level:
            return False
        self.level -= points
        return True

    def give_back(self, points: float) -> None:
        self.level = min(self.size, self.level + points)

    def status(self) -> dict[str, float]:
        self._refill()
        return {"maximumAvailable": self.size, "currentlyAvailable": int(self.level), "restoreRate": self.rate}

    def _refill(self) -> None:
        now = self.clock.monotonic()
        self.level = min(self.size, self.level + (now - self._at) * self.rate)
        self._at = now
