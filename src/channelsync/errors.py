"""Errors a connector raises, grouped by what happens next, not by where they came from.

    ChannelError
    |-- Unavailable          no usable answer now; a read is retried later, a write's outcome is UNKNOWN
    |   |-- NotReached       the request never left (connection refused, DNS): a write had no effect
    |   `-- RateLimited      refused before it had any effect; costs no attempt
    |-- Unauthorized         credentials, scopes or a retired API version: the channel pauses and a person is told
    |-- Refused              this item is not accepted, now or ever: set aside with its reason
    |-- Misunderstood        the answer is not what the platform documents; after a write the outcome is UNKNOWN
    `-- BadDelivery          a webhook that does not verify (401) or that is not one (400)

Errors of the ledger's verbs (`Refusal` and its children) live in `channelsync.ledger.refusals`; mistakes in the config in `channelsync.config`.
"""

from __future__ import annotations

FAILED = "failed"


class ChannelsyncError(Exception):
    """Base of every error this project raises on purpose. The text says what happened, where, and what to do."""


class ChannelError(ChannelsyncError):
    """Something between us and a shop."""


class Unavailable(ChannelError):
    """No usable answer now (time-out, 5xx, broken connection, maintenance page).

    retry_after: seconds the shop asked us to wait, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotReached(Unavailable):
    """The request never left this machine, so it cannot have had an effect."""


class RateLimited(Unavailable):
    """The shop refused the request before doing anything because we ask too often."""


class Unauthorized(ChannelError):
    """Credentials are wrong, expired or lack a scope, or the shop no longer speaks our language. Repeating cannot help; a person must act.

    needs: what the channel is paused for, in words.
    """

    needs = "new credentials"


class Refused(ChannelError):
    """The shop understood and said no to this item for good."""


class Misunderstood(ChannelError):
    """The answer is not JSON, or not what the platform documents."""


class BadDelivery(ChannelError):
    """A webhook delivery that is not genuine (signature) or not a delivery at all.

    genuine: False answers 401 (we cannot know the sender); True answers 400 (signed, but not acceptable).
    """

    def __init__(self, message: str, *, genuine: bool = False) -> None:
        super().__init__(message)
        self.genuine = genuine


def code_of(error: ChannelsyncError) -> str:
    """A stable word for programs: the class's own `code`, if it has one. What connectors call so is their affair."""
    if isinstance(error, ChannelError):
        return "shop_away" if isinstance(error, Unavailable) else FAILED
    return str(getattr(error, "code", FAILED))
