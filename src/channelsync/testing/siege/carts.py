"""A storefront of ours beside the shops: it reserves, releases and ships by the daemon's API, each request under a key of its own that is sent again until
it is answered. What was answered must hold, whatever became of the daemon.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from sqlalchemy import Connection, func, select

from channelsync.ledger.levels import MovementType
from channelsync.ledger.schema import movements, reservations
from channelsync.ledger.tokens import Scope
from channelsync.shell.token_text import mint

TILLS = 4
"""Requests under way at the same time, each for another cart."""

PAUSE_SECONDS = 0.1
TIMEOUT_SECONDS = 5.0
RELEASES, SHIPS = 0.25, 0.45
"""Of all requests, as long as something is held; the rest reserve."""

PREFIX = "cart-"


Request = tuple[str, dict[str, Any], str]
"""(verb, body, the cart's reference)"""


@dataclass(slots=True)
class Cart:
    """As it was answered. unsure: a request of it was sent and not answered yet, so that it may have had its effect or not."""

    sku: str
    held: int = 0
    shipped: int = 0
    unsure: bool = False


class Carts:
    """acknowledged: requests that were answered 2xx. repeats: those among them whose effect had come before, unseen."""

    def __init__(self, source: random.Random, port: int, skus: Sequence[str], rate: float) -> None:
        self._random, self._skus, self._rate = source, skus, rate
        self._url = f"http://127.0.0.1:{port}/api/v1/inventory"
        self._token, self.public_id, self._hash = mint(source.randbytes)
        self.carts: dict[str, Cart] = {}
        self.acknowledged = self.repeats = 0
        self._sent: list[Request | None] = [None] * TILLS
        self._number = 0

    def new_token(self) -> dict[str, Any]:
        """What the daemon is asked to let in."""
        scopes = [Scope.RESERVE.value, Scope.ADJUST.value]
        return {"public_id": self.public_id, "name": "storefront", "secret_hash": self._hash, "scopes": scopes}

    @asynccontextmanager
    async def coming(self) -> AsyncIterator[None]:
        """They come as long as the block runs. What was sent and not answered then is left for `finish`."""
        tasks = [asyncio.create_task(self._come(till), name=f"till {till}") for till in range(TILLS)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result

    async def finish(self) -> None:
        """A daemon runs: what was sent and not answered is sent until it is."""
        async with self._client() as client:
            for till, sent in enumerate(self._sent):
                if sent is not None:
                    await self._answered(client, till, sent)

    async def _come(self, till: int) -> None:
        async with self._client() as client:
            while True:
                sent = self._sent[till] = self._sent[till] or self._next()
                await self._answered(client, till, sent)
                await asyncio.sleep(self._random.uniform(0.2, 1.8) * TILLS / self._rate)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(headers={"authorization": f"Bearer {self._token}"}, timeout=TIMEOUT_SECONDS)

    def _next(self) -> Request:
        full = [reference for reference, cart in self.carts.items() if cart.held and not cart.unsure]
        draw = self._random.random()
        if full and draw < SHIPS:
            reference = self._random.choice(full)
            self.carts[reference].unsure = True
            part = {"reference": reference, "quantity": self._random.randint(1, self.carts[reference].held)}
            return ("release" if draw < RELEASES else "fulfil"), part, reference
        self._number += 1
        reference = f"{PREFIX}{self._number}"
        sku = self._random.choice(self._skus)
        self.carts[reference] = Cart(sku, unsure=True)
        line = {"sku": sku, "location": "main", "quantity": self._random.randint(1, 2)}
        return "reserve", {"reference": reference, "lines": [line], "kind": "hard"}, reference

    async def _answered(self, client: httpx.AsyncClient, till: int, sent: Request) -> None:
        """Under its key, again and again; a daemon that is gone, or has not heard of the token yet, is asked again like one that is slow."""
        verb, body, reference = sent
        cart = self.carts[reference]
        key = f"{reference} {verb} {cart.held} {cart.shipped}"
        while True:
            try:
                answer = await client.post(f"{self._url}/{verb}", json=body, headers={"idempotency-key": key})
            except httpx.TransportError:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if answer.status_code < 500:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        self._sent[till] = None
        cart.unsure = False
        if answer.status_code == 409:
            return  # sold out meanwhile
        answer.raise_for_status()
        self.acknowledged += 1
        self.repeats += answer.json()["repeat"]
        _book(cart, verb, answer.json())

    def taken(self) -> dict[str, int]:
        """Of each SKU, what the carts hold or have had shipped."""
        sums = dict.fromkeys(self._skus, 0)
        for cart in self.carts.values():
            sums[cart.sku] += cart.held + cart.shipped
        return sums

    def as_answered(self) -> dict[str, Cart]:
        return {reference: replace(cart) for reference, cart in self.carts.items()}


def broken(conn: Connection, carts: dict[str, Cart]) -> list[str]:
    """Carts that are not in the ledger as they were answered, but for the one whose answer is still to come."""
    here = reservations.c.reference.startswith(PREFIX)
    held = {row[0]: int(row[1]) for row in conn.execute(_sum(reservations.c.reference, reservations.c.open).where(here))}
    gone = (movements.c.type == MovementType.FULFIL.value) & movements.c.reference.startswith(PREFIX)
    shipped = {row[0]: -int(row[1]) for row in conn.execute(_sum(movements.c.reference, movements.c.on_hand).where(gone))}
    told = {reference: (held.get(reference, 0), shipped.get(reference, 0)) for reference in held.keys() | shipped.keys() | carts.keys()}
    return [
        f"{reference}: the ledger holds {now[0]} and has shipped {now[1]}, but {cart.held} and {cart.shipped} were answered"
        for reference, now in sorted(told.items())
        if not (cart := carts.get(reference, Cart("?"))).unsure and now != (cart.held, cart.shipped)
    ]


def _sum(by: Any, of: Any) -> Any:
    return select(by, func.sum(of)).group_by(by)


def _book(cart: Cart, verb: str, answer: dict[str, Any]) -> None:
    if verb == "reserve":
        cart.held += sum(claim["quantity"] for claim in answer["claims"])
        return
    cart.held -= answer["units"]
    if verb == "fulfil":
        cart.shipped += answer["units"]
