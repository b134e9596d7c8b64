"""Available is never too high, whatever comes in which order, and exactly right at rest.

Sales, shipments on both sides, exports whose answers are lost, foreign reserves, and readings whose parts are taken at different moments and applied
late or out of order are interleaved at random; after each step the ledger is held against the warehouse as it really is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection

from channelsync.contract import Claimed, Physical
from channelsync.ledger.exports import Armed
from support.authority import LISTING, PLACE, Owned, open_owned
from support.stock import assert_adds_up

STEPS = 40


@dataclass
class Reading:
    """One reading under way: the reserve is looked at first, the units later. born, ups, losses: what had happened by then."""

    question: int
    reserved: int | None = None
    ups: int = 0
    units: int | None = None
    losses: int = 0


@dataclass
class Play:
    """What is under way, and what happened that the ledger cannot know before the next reading (`ups`: foreign reserves, `losses`: units)."""

    owned: Owned
    source: random.Random
    readings: list[Reading] = field(default_factory=list)
    armed: Armed | None = None
    taken: bool = False
    documents: tuple[int, Sequence[Claimed]] | None = None
    orders: dict[str, tuple[int, bool, bool]] = field(default_factory=dict)  # units, shipped, cancelled
    ups: int = 0
    losses: int = 0
    applied: Reading = field(default_factory=lambda: Reading(0, 0, 0, 30, 0))
    log: list[str] = field(default_factory=list)
    quiet: bool = False

    def step(self) -> None:
        moves = [*TRAFFIC, *(() if self.quiet else WORLD)]
        move = self.source.choice(moves)
        if move(self):
            self.log.append(move.__name__)

    # -- the shop and the warehouse --------------------------------------------------------------------------------------------------------------

    def sell(self) -> bool:
        if len(self.orders) >= 4:
            return False
        ref = str(len(self.orders) + 1)
        self.orders[ref] = self.source.randint(1, 3), False, False
        self.owned.order(ref, self.orders[ref][0])
        return True

    def _pick(self) -> str | None:
        fresh = [ref for ref, (_, shipped, cancelled) in self.orders.items() if not shipped and not cancelled]
        return self.source.choice(fresh) if fresh else None

    def cancel(self) -> bool:
        """Only what nobody there has shipped; afterwards nobody will."""
        ref = self._pick()
        if ref is None or self.owned.warehouse.claims.get(f"shop/{ref}", [0, 0])[1]:
            return False
        units = self.orders[ref][0]
        self.orders[ref] = units, False, True
        self.owned.order(ref, units, cancelled=units)
        return True

    def ship(self) -> bool:
        ref = self._pick()
        if ref is None:
            return False
        units = self.orders[ref][0]
        self.orders[ref] = units, True, False
        self.owned.order(ref, units, shipped=units)
        return True

    def demand(self) -> bool:
        house = self.owned.warehouse
        open_claims = [key for key, (held, _) in house.claims.items() if held and not self.orders[key.removeprefix("shop/")][2]]
        if not open_claims:
            return False
        key = self.source.choice(open_claims)
        ordered, shipped = self.orders[key.removeprefix("shop/")][0], house.claims[key][1]
        if shipped >= ordered:
            return False
        house.demand(key, self.source.randint(1, ordered - shipped))
        return True

    def reserve(self) -> bool:
        self.owned.warehouse.foreign += 2
        self.ups += 2
        return True

    def let_go(self) -> bool:
        """A foreign order is cancelled, or shipped with its units."""
        house = self.owned.warehouse
        if house.foreign < 2:
            return False
        house.foreign -= 2
        if self.source.random() < 0.5:
            house.units -= 2
        return True

    def lose(self) -> bool:
        self.owned.warehouse.units -= 1
        self.losses += 1
        return True

    def receive(self) -> bool:
        self.owned.warehouse.units += 3
        return True

    # -- readings --------------------------------------------------------------------------------------------------------------------------------

    def ask(self) -> bool:
        if len(self.readings) >= 3:
            return False
        self.readings.append(Reading(self.owned.ask()))
        return True

    def look_at_reserve(self) -> bool:
        waiting = [reading for reading in self.readings if reading.reserved is None]
        for reading in waiting[:1]:
            reading.reserved, reading.ups = self.owned.warehouse.reserved, self.ups
        return bool(waiting)

    def look_at_units(self) -> bool:
        waiting = [reading for reading in self.readings if reading.reserved is not None and reading.units is None]
        for reading in waiting[:1]:
            reading.units, reading.losses = self.owned.warehouse.units, self.losses
        return bool(waiting)

    def apply(self) -> bool:
        """In any order; some answers never come."""
        done = [reading for reading in self.readings if reading.units is not None]
        if not done:
            return False
        reading = self.source.choice(done)
        self.readings.remove(reading)
        if self.source.random() < 0.1:
            return True
        imported = self.owned.read(Physical(LISTING, PLACE, reading.units, reading.reserved), question=reading.question)
        if not imported.older:
            self.applied = reading
        return True

    # -- exports and documents, never both at once -----------------------------------------------------------------------------------------------

    def arm(self) -> bool:
        if self.armed is not None or self.documents is not None:
            return False
        self.armed, self.taken = self.owned.arm(), False
        return self.armed is not None

    def arrive(self) -> bool:
        if self.armed is None or self.taken:
            return False
        self.taken = True
        self.owned.warehouse.take(self.armed.claim)
        return True

    def answer(self) -> bool:
        if self.armed is None or not self.taken:
            return False
        self.owned.answer(self.armed)
        self.armed = None
        return True

    def crash(self) -> bool:
        """The answer never comes, whether the claim has arrived or not."""
        done, self.armed = self.armed is not None, None
        return done

    def read_documents(self) -> bool:
        if self.armed is not None or self.documents is not None:
            return False
        self.documents = self.owned.ask(), self.owned.documents()
        return True

    def hear(self) -> bool:
        if self.documents is None:
            return False
        (question, told), self.documents = self.documents, None
        self.owned.hear(told, question)
        return True

    # -- the judge -------------------------------------------------------------------------------------------------------------------------------

    def unseen(self) -> int:
        """What nobody could know: foreign reserves and losses since the parts of the applied reading were taken."""
        return self.ups - self.applied.ups + self.losses - self.applied.losses

    def come_to_rest(self) -> None:
        self.armed = None
        self.documents = None
        for _ in range(3):
            self.owned.hear()
            self.owned.export()
        self.owned.read()


WORLD: Sequence[Callable[[Play], bool]] = (Play.reserve, Play.let_go, Play.lose, Play.receive)
TRAFFIC: Sequence[Callable[[Play], bool]] = (
    Play.sell, Play.cancel, Play.ship, Play.demand, Play.demand,
    Play.ask, Play.look_at_reserve, Play.look_at_reserve, Play.look_at_units, Play.look_at_units, Play.apply, Play.apply,
    Play.arm, Play.arm, Play.arrive, Play.arrive, Play.answer, Play.answer, Play.crash, Play.read_documents, Play.hear, Play.hear,
)  # fmt: skip


def _play(conn: Connection, seed: int) -> None:
    """In every other play nothing happens that nobody could know, so that there is nothing to hide behind."""
    owned = open_owned(conn, read=False)
    owned.warehouse.foreign = 8
    owned.read(full=True)
    play = Play(owned, random.Random(seed), quiet=seed % 2 == 0)
    for _ in range(STEPS):
        play.step()
        available, true = play.owned.level.available, play.owned.true_available()
        assert available <= true + play.unseen(), (seed, play.log, play.owned.level, play.owned.warehouse, play.owned.lines())
    play.come_to_rest()
    level = play.owned.level
    assert level.available == play.owned.true_available(), (seed, play.log, level, play.owned.warehouse, play.owned.lines())
    assert level.held_elsewhere == play.owned.warehouse.foreign
    assert_adds_up(conn)


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_available_is_never_too_high_and_right_at_rest(conn: Connection, dialect: str, first: int) -> None:
    count = 10 if dialect == "sqlite" else 2
    for seed in range(first, first + count):
        savepoint = conn.begin_nested()
        _play(conn, seed)
        savepoint.rollback()
