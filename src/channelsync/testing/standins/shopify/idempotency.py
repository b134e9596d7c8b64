"""What the shop remembers of `@idempotent` keys: 24 hours, failures too."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channelsync.clock import Clock

KEY_MEMORY_SECONDS = 24 * 3600.0


@dataclass(slots=True)
class _Attempt:
    fingerprint: bytes
    at: float
    payload: Mapping[str, Any] | None = None  # None while it is in flight
    failed: bool = False


class Memory:
    """begin -> (finish | a refusal code | the first result)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._attempts: dict[str, _Attempt] = {}

    def begin(self, key: str, parameters: Any) -> str | Mapping[str, Any] | None:
        """None: a new attempt, now in flight. A code: refused. A payload: this succeeded before, and that was its result."""
        self._forget_old()
        fingerprint = hashlib.sha256(repr(parameters).encode()).digest()
        attempt = self._attempts.get(key)
        if attempt is None:
            self._attempts[key] = _Attempt(fingerprint, self.clock.monotonic())
            return None
        if attempt.fingerprint != fingerprint:
            return "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
        if attempt.payload is None:
            return "IDEMPOTENCY_CONCURRENT_REQUEST"
        return "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED" if attempt.failed else attempt.payload

    def finish(self, key: str, payload: Mapping[str, Any], *, failed: bool) -> None:
        attempt = self._attempts[key]
        attempt.payload, attempt.failed = payload, failed

    def _forget_old(self) -> None:
        oldest = self.clock.monotonic() - KEY_MEMORY_SECONDS
        while self._attempts:  # in order of beginning
            key, attempt = next(iter(self._attempts.items()))
            if attempt.at > oldest:
                return
            del self._attempts[key]
