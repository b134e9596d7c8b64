"""Stops asking a shop that does not answer, and says so once when an outage begins and once when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from channelsync.clock import Clock
from channelsync.errors import ChannelError, NotReached, RateLimited, Unavailable

log = structlog.get_logger(__name__)


class CircuitOpen(NotReached):
    """Not sent: the shop has not answered for a while and the next probe is not due."""


class Circuit:
    """Closed: calls pass. Open after `threshold` failures in a row: calls are refused here. When the pause is over one call probes the
    shop; if it fails the pause doubles up to `pause_max`, if it is answered (even with a refusal) the circuit closes.
    """

    def __init__(self, channel: str, clock: Clock, *, threshold: int = 5, pause: float = 5.0, pause_max: float = 300.0) -> None:
        self._channel = channel
        self._clock = clock
        self._threshold = threshold
        self._pause_first = pause
        self._pause_max = pause_max
        self._failures = 0
        self._pause = pause
        self._opened_at: float | None = None
        self._probe_at = 0.0
        self._probing = False

    @property
    def open(self) -> bool:
        return self._opened_at is not None

    def check(self) -> None:
        """Raises CircuitOpen if a call may not leave now."""
        if self._opened_at is None:
            return
        wait = self._probe_at - self._clock.monotonic()
        if wait > 0 or self._probing:
            raise CircuitOpen(f"{self._channel} does not answer; the next try is due in {max(wait, 0):.0f} s", retry_after=max(wait, 1.0))

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Around one call. Raises CircuitOpen instead of letting it leave; otherwise only looks at how it ends."""
        self.check()
        probe = self._probing = self.open
        try:
            yield
        except RateLimited:
            self._answered()
            raise
        except Unavailable as error:
            self._failed(error, probe=probe)
            raise
        except ChannelError:
            self._answered()
            raise
        else:
            self._answered()
        finally:
            if probe:
                self._probing = False

    def _answered(self) -> None:
        self._failures = 0
        if self._opened_at is None:
            return
        seconds = self._clock.monotonic() - self._opened_at
        self._opened_at, self._pause = None, self._pause_first
        log.info("channel answers again", channel=self._channel, outage_seconds=round(seconds))

    def _failed(self, error: Unavailable, *, probe: bool) -> None:
        self._failures += 1
        now = self._clock.monotonic()
        if self._opened_at is not None:
            if probe:
                self._pause = min(self._pause * 2, self._pause_max)
                self._probe_at = now + self._pause
        elif self._failures >= self._threshold:
            self._opened_at, self._probe_at = now, now + self._pause
            log.warning(
                "channel does not answer", channel=self._channel, failures=self._failures, error=str(error), probe_seconds=self._pause
            )
