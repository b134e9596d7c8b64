"""What a connector can do. Five required verbs; the rest by presence: a class that has the methods of an optional protocol offers it.

A connector speaks one shop's dialect and keeps no state of its own beyond its settings and access token: the engine owns time, retries,
storage and logs. Every verb may raise the errors of `channelsync.errors`; each docstring says what is *not* an error.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from channelsync.clock import Clock
from channelsync.contract.authority import Claim, Claimed, Physical
from channelsync.contract.http import Http
from channelsync.contract.setup import ChannelLocation, Diagnosis, Setup
from channelsync.contract.values import (
    Call,
    Cursor,
    Delivery,
    Gone,
    Identity,
    Listing,
    OrderSnapshot,
    Page,
    Parsed,
    Reading,
    ShelfRef,
    Subscription,
    Switch,
    SwitchResult,
    Traits,
    WriteResult,
)


class Role(StrEnum):
    CHANNEL = "channel"  # it sells
    AUTHORITY = "authority"  # it owns on hand


@dataclass(frozen=True, slots=True)
class Context:
    """What the engine gives a connector for one channel. `http` already carries time-outs, limits, retries and redaction.

    role: what the system is to this store. As an authority it owns on hand and sells nothing of its own through us.
    """

    channel: str
    http: Http
    clock: Clock
    role: Role = Role.CHANNEL


@runtime_checkable
class Connector(Protocol):
    """One shop's dialect."""

    @property
    def traits(self) -> Traits: ...

    async def check(self) -> Identity:
        """Ask the shop who it is. Raises Unauthorized naming the missing scope or credential."""

    def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        """All listings (empty cursor) or those changed since. Absence from a run proves nothing."""

    def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        """Orders changed since the cursor: closed lower bound, the connector's own overlap, plus `widen` further back.

        With an empty cursor: at least every order that can still change stock (not completely shipped or cancelled). The high-water mark
        comes from the shop's own clock or rows. The same order may appear twice. An order that changes while a run goes on may move between
        pages; it must not be lost, if need be until the next run.
        """

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        """One order, read directly (not through a search index). Gone only if the shop itself says so."""

    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        """What the shelves show now, one Reading per shelf that exists; a shelf the shop does not know is simply absent. Any length."""

    async def push(self, call: Call) -> Sequence[WriteResult]:
        """Write; at most `traits.writes_per_call`. One result per write, by id. Never repeats anything by itself.

        Raising RateLimited, NotReached or Unauthorized means that nothing was written. Any other error: the outcome of every write is
        unknown. A result that is missing counts as unknown.
        """


@runtime_checkable
class ReceivesWebhooks(Protocol):
    """Both verbs are pure: no I/O, no clock, no state."""

    def verify(self, delivery: Delivery) -> str:
        """Check the signature over the raw body in constant time; return a key that is equal for repeats of the same delivery.

        Raises BadDelivery. A genuine call without content (a ping) verifies.
        """

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        """What a verified delivery says. Raises Misunderstood if it cannot be understood; the delivery is then set aside."""


@runtime_checkable
class SecretInAddress(Protocol):
    """For shops that cannot sign: their webhooks come to `/webhooks/{channel}/{secret}`, and nowhere else. `verify` compares it once more."""

    @property
    def address_secrets(self) -> Sequence[str]:
        """Those that are taken: one, and while it is replaced the old one too. Empty: webhooks are not set up, and none is taken."""


@runtime_checkable
class RegistersWebhooks(Protocol):
    async def subscriptions(self) -> Sequence[Subscription]:
        """The webhooks that exist at the shop, ours and others'."""

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        """Make sure that every topic we need is delivered to `url`: create what is missing, re-arm what is switched off. Idempotent."""


@runtime_checkable
class StockAuthority(Protocol):
    """A system that owns on hand (`role = "authority"`). From it physical stock is imported, and it is told about our sales.

    Its listings have no shelves (`Listing.locations` is empty), and `orders` yields nothing: what it holds for its own customers is in
    `Physical.reserved`.
    """

    def physical(self, cursor: Cursor, *, full: bool = False) -> AsyncIterator[Page[Physical]]:
        """Stock that changed since the cursor, with an overlap; everything that has a number, zeros too, if `full` or the cursor is too old.

        A row that does not come says nothing. Every number was asked for after the call began.
        """

    async def physical_of(self, shelves: Sequence[ShelfRef]) -> Sequence[Physical]:
        """The same by name, any length: what cannot be told is absent, what is being recalculated has `units` None."""

    async def export(self, claim: Claim) -> Claimed:
        """Make the authority's document hold what the claim says, creating it if it is missing. Idempotent by `claim.key`.

        Raises Refused if it will never be accepted as it is (a closed period, an unknown item): the reason is for people. After any other
        error it may or may not have happened; the same call again brings the same end.
        """

    def claims(self, cursor: Cursor) -> AsyncIterator[Page[Claimed]]:
        """Our documents that changed since the cursor, deleted ones included; closed lower bound and overlap as for orders."""


@runtime_checkable
class HasLocations(Protocol):
    async def locations(self) -> Sequence[ChannelLocation]:
        """The places where this channel keeps numbers. A channel without the verb has one, and it has no name."""


@runtime_checkable
class TurnsSwitches(Protocol):
    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        """Turn the backorder switches of these listings, and nothing else of them. At most one result per switch; a few at a time.

        A switch that says it already, in whatever words the shop has for it, is left as it is. Idempotent: after any error, and for what has
        no result, the same call again brings the same end. Raises Refused if this shop does not let us turn any (a missing right), with the
        reason for people.
        """


@runtime_checkable
class Diagnoses(Protocol):
    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        """Everything wrong or doubtful about this shop's set-up that can be seen from outside, each with its remedy. Writes nothing.

        Raises only if the shop cannot be reached at all; wrong credentials are a finding.
        """


@runtime_checkable
class ConnectorType(Protocol):
    """What an entry point in the group `channelsync.connectors` names: how to make a connector from its settings.

    settings: a pydantic model with extra = "forbid"; the engine validates the `[channels.<name>]` table (less the engine's own keys) by it.
    """

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> type[BaseModel]: ...

    def connect(self, settings: Any, context: Context) -> Connector: ...
