"""What every route is given: the store's doors, who asks, and under which idempotency key. Rules of stock are the ledger's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Header, Request

from channelsync.engine.store import Store
from channelsync.ledger.tokens import Token
from channelsync.shell.api import addresses, key_text
from channelsync.shell.api.rates import Rates
from channelsync.shell.desk import Desk

KEY_MAX = 128

T = TypeVar("T")

addresses.register()

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_MAX,
        description="The same key and the same request do it once, however often they are sent, and get the first answer again "
        "(`repeat: true`). The same key with another request is refused. Kept for 7 days, per token.",
        examples=["cart-4711-reserve"],
    ),
]


Repeatable = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_MAX,
        description="Accepted, and not needed here: asking twice comes to the same as asking once.",
        examples=["pause-4711"],
    ),
]


@dataclass(frozen=True, slots=True)
class Backend:
    """The daemon's own parts. desk: what the command line asks for, too. reservation_ttl: of a soft claim that says none.
    rates: how many requests a token may make; None: as many as it likes.
    """

    store: Store
    desk: Desk
    reservation_ttl: timedelta
    rates: Rates | None = None

    @property
    def currency(self) -> str:
        return self.desk.assembly.config.store.currency


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in."""

    backend: Backend
    token: Token

    @property
    def actor(self) -> str:
        return f"api {self.token.name}"

    def key(self, sent: str | None, line: int | None = None) -> str | None:
        """The ledger's idempotency key for the one that was sent. line: of a batch."""
        return None if sent is None else key_text.stored(sent, self.token.public_id, line)

    async def run(self, verb: Callable[..., Any], item: Any) -> Any:
        """A write. Shops are told at once. Raises its Refusal."""
        result = await self.backend.store.ledger.run(verb, item)
        self.backend.store.wake()
        return result

    async def ask(self, verb: str, args: Mapping[str, Any]) -> Any:
        """The same as a command asks the daemon. Raises Refusal and ChannelsyncError."""
        return await self.backend.desk.handle(verb, args)

    async def read(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self.backend.store.ledger.read(query, *args, **kwargs)


def backend_of(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend
