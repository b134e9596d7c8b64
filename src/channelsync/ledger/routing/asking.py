"""From an order's lines and the ledger's levels to what the chooser is asked, and back from its answer to routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from channelsync.contract import ShipTo
from channelsync.ledger import levels, skus
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.routing import chooser
from channelsync.ledger.routing.board import Board
from channelsync.ledger.routing.model import Candidate, Choice, Line, Request
from channelsync.ledger.routing.routes import Route, Way, told_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line that needs a location. label: how people know it. parts: SKU units by SKU id. home: where it is held if nobody has it."""

    ref: str
    label: str
    parts: Mapping[int, int]
    home: int


@dataclass(slots=True)
class Free:
    """What the lines may take, by level: what is available, and what they hold there themselves. The levels are locked."""

    units: Counter[LevelKey] = field(default_factory=Counter)

    @classmethod
    def locked(
        cls,
        conn: Connection,
        sku_ids: Iterable[int],
        location_ids: Iterable[int],
        own: Mapping[LevelKey, int],
        others: Iterable[LevelKey] = (),
    ) -> Free:
        """others: levels that the same transaction will touch, too. All of them at once, and so in one order, as everybody takes them."""
        places = set(location_ids)
        keys = {(sku_id, location_id) for sku_id in set(sku_ids) for location_id in places}
        found = levels.read(conn, {*keys, *own, *others}, lock=True)
        return cls(Counter({key: found[key].available + own.get(key, 0) for key in keys}))

    def has(self, parts: Mapping[int, int], location_id: int) -> bool:
        return all(self.units[sku_id, location_id] >= units for sku_id, units in parts.items())

    def take(self, parts: Mapping[int, int], location_id: int) -> None:
        self.units.subtract({(sku_id, location_id): units for sku_id, units in parts.items()})


def labels(lines: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    """(ref, SKU as the shop spells it) -> how people know the line: by its SKU where only one has it, else by its ref. All different."""
    counted = Counter(sku for _, sku in lines)
    named = {ref: sku if sku and counted[sku] == 1 else ref for ref, sku in lines}
    return named if len(set(named.values())) == len(named) else {ref: ref for ref, _ in lines}


def ask(
    conn: Connection, board: Board, to: ShipTo, wanted: Sequence[Wanted], free: Free, used: Iterable[int]
) -> tuple[Choice, list[Wanted]]:
    """The choice, and the lines in its order."""
    names = {sku.id: sku.sku for sku in skus.by_id(conn, {sku_id for line in wanted for sku_id in line.parts}).values()}
    lines = tuple(
        Line(each.label, {names[sku_id]: units for sku_id, units in each.parts.items()}, board.codes[each.home]) for each in wanted
    )
    candidates = tuple(
        Candidate(
            place.code,
            {name: free.units[sku_id, place.location_id] for sku_id, name in names.items()},
            place.priority,
            place.point,
            place.areas,
        )
        for place in board.places
    )
    home = board.codes[wanted[0].home]
    choice = chooser.choose(Request(to, lines, candidates, home, frozenset(board.codes[location_id] for location_id in used)))
    by_label = {each.label: each for each in wanted}
    return choice, [by_label[each.line] for each in choice.lines]


def routes_of(board: Board, choice: Choice, lines: Sequence[Wanted], way: Way, actor: str = "") -> list[Route]:
    told = told_of(choice)
    found = []
    for assigned, line in zip(choice.lines, lines, strict=True):
        location_id = board.id_of(assigned.location)
        assert location_id is not None, "a choice names locations that it was asked about"
        found.append(Route(line.ref, location_id, way, assigned.why, told, actor))
    return found
