"""Carries out a script: each deed at its time, on the stand-ins and through the daemon, and tells which could not be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from channelsync.ledger import reservations, stock
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Line, Release, Reserve
from channelsync.ledger.stock import Change
from channelsync.testing.simulation.script import Buy, Cancel, Deed, Edit, Hold, LetGo, Lose, Move, Pay, Refund, Script, Ship
from channelsync.testing.standins.base import SoldOut, StandIn
from channelsync.testing.standins.memory import MemoryStandIn

if TYPE_CHECKING:
    from channelsync.testing.simulation.stage import Stage

REST_SECONDS = 3600.0
AT_REST = text(
    "SELECT (SELECT COUNT(*) FROM shelves WHERE due OR verify OR gap <> 0 OR book IS NULL) "
    "+ (SELECT COUNT(*) FROM attempts WHERE state IN ('armed', 'sent', 'unknown'))"
)

OfOrder = Pay | Cancel | Refund | Ship


@dataclass(slots=True)
class Played:
    """missed: deeds that this world did not allow, in words. sold: (shop, item) -> pieces bought; turned_away: that could not be."""

    missed: list[str] = field(default_factory=list)
    sold: Counter[tuple[str, str]] = field(default_factory=Counter)
    turned_away: Counter[tuple[str, str]] = field(default_factory=Counter)


class Player:
    def __init__(self, stage: Stage, script: Script) -> None:
        self._stage, self._script = stage, script
        self._refs: dict[tuple[str, str], str] = {}
        self._serial = 0
        self.played = Played()

    def before(self) -> None:
        """What the shops had sold before the first day."""
        for deed in self._deeds():
            if deed.at < 0 and isinstance(deed, Buy | Pay | Cancel | Refund | Ship):
                self._in_shop(deed)

    async def open(self) -> None:
        """The script's levels are there from now on; then the daemon brings every shop in line. Its first deeds meet a business at rest."""
        for (sku, place), units in (self._script.levels or {}).items():
            self._serial += 1
            change = Change(sku, place, units, reason="as it was", key=f"script-{self._serial}")
            await self._stage.ask(stock.receive if units else stock.count, change)
        until = self._stage.clock.monotonic() + REST_SECONDS
        while self._stage.clock.monotonic() < until:
            await self._stage.clock.sleep(1.0)
            with self._stage.database.connect() as conn, conn.begin():
                if _resting(conn):
                    return

    async def play(self, began: float) -> None:
        for deed in self._deeds():
            if deed.at < 0 and self._script.levels is not None:
                continue
            await self._stage.clock.sleep(began + deed.at - self._stage.clock.monotonic())
            await self._do(deed)
            self._stage.passed()

    def _deeds(self) -> list[Deed]:
        return sorted(self._script.deeds, key=lambda deed: deed.at)

    async def _do(self, deed: Deed) -> None:
        match deed:
            case Move() | Hold() | LetGo():
                await self._at_home(deed)
            case Edit():
                self._edit(deed)
            case Lose():
                self._stage.lines[deed.shop].lose(deed.what, deed.within)
            case _:
                self._in_shop(deed)

    # -- in the shops ------------------------------------------------------------------------------------------------------------------------

    def _in_shop(self, deed: Buy | OfOrder) -> None:
        shop = self._stage.shops[deed.shop]
        with _told(shop, heard=deed.heard):
            if isinstance(deed, Buy):
                self._buy(shop, deed)
            elif (ref := self._refs.get((deed.shop, deed.order))) is None:
                self._miss(deed, "the order was never placed here")
            else:
                self._change(shop, ref, deed)

    def _buy(self, shop: StandIn, deed: Buy) -> None:
        try:
            ref = shop.buy(deed.basket, paid=deed.paid, reservation_ref=deed.reservation)
        except SoldOut as problem:
            self._miss(deed, f"sold out: {problem}")
            self.played.turned_away.update({(deed.shop, item): pieces for item, pieces in deed.basket.items()})
            return
        self._refs[deed.shop, deed.order] = ref
        self.played.sold.update({(deed.shop, item): pieces for item, pieces in deed.basket.items()})
        self._stage.people.acted["bought"] += 1

    def _change(self, shop: StandIn, ref: str, deed: OfOrder) -> None:
        try:
            match deed:
                case Pay():
                    shop.pay(ref)
                case Cancel():
                    shop.cancel(ref, restock=deed.restock)
                case Ship():
                    shop.ship(ref)
                case Refund():
                    shop.refund(ref, deed.item, deed.units, restock=deed.restock)
        except (ValueError, KeyError) as problem:
            self._miss(deed, str(problem))
        else:
            self._stage.people.acted[type(deed).__name__.lower()] += 1

    def _edit(self, deed: Edit) -> None:
        shop = self._stage.shops[deed.shop]
        if deed.location and isinstance(shop, MemoryStandIn):
            shop.edit(deed.item, max(0, shop.shows_at(deed.item, deed.location) + deed.by), location=deed.location)
        else:
            shop.edit(deed.item, max(0, shop.shows(deed.item) + deed.by))
        self._stage.people.acted["edited"] += 1

    # -- in the ledger -----------------------------------------------------------------------------------------------------------------------

    async def _at_home(self, deed: Move | Hold | LetGo) -> None:
        self._serial += 1
        key, ask = f"script-{self._serial}", self._stage.ask
        try:
            match deed:
                case Move():
                    verb = stock.receive if deed.units > 0 else stock.adjust
                    await ask(verb, Change(deed.sku, deed.place, deed.units, reason="as it was", key=key))
                case Hold():
                    wanted = Reserve(deed.reservation, (Line(deed.sku, deed.place, deed.units),), kind="hard", key=key)
                    if deed.seconds is not None:
                        wanted = replace(wanted, kind="soft", ttl=timedelta(seconds=deed.seconds))
                    await ask(reservations.reserve, wanted)
                case LetGo():
                    await ask(reservations.release, Release(Which(reference=deed.reservation), key=key))
        except Refusal as refusal:
            self._miss(deed, str(refusal))
        else:
            self._stage.people.acted[type(deed).__name__.lower()] += 1

    def _miss(self, deed: Deed, why: str) -> None:
        who = " ".join(str(getattr(deed, name)) for name in ("shop", "order", "sku", "reservation") if getattr(deed, name, None))
        self.played.missed.append(f"{deed.at:.1f} s: {type(deed).__name__.lower()} {who}: {why}")


def _resting(conn: Connection) -> bool:
    return bool(conn.execute(AT_REST).scalar_one() == 0)


@contextmanager
def _told(shop: StandIn, *, heard: bool) -> Iterator[None]:
    """What happens meanwhile is told by webhook, or not at all."""
    before = shop.faults
    if not heard:
        shop.faults = replace(before, webhook_lost=1.0)
    try:
        yield
    finally:
        shop.faults = before
