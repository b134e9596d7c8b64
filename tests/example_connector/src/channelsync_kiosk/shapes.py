"""The till's JSON as strict shapes, and what it means in the contract's words. Pure functions: no request is made here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from channelsync.contract import Effect, Listing, OrderLine, OrderSnapshot, OrderState, Outcome, WriteResult
from channelsync.errors import Misunderstood


class Shape(BaseModel):
    """Fields that we do not know are no reason to complain: tills are updated, too."""

    model_config = ConfigDict(frozen=True)


class Till(Shape):
    serial: str


class Good(Shape):
    no: int
    code: str
    name: str
    counted: bool


class Goods(Shape):
    goods: list[Good]
    more: bool
    clock: AwareDatetime


class TicketLine(Shape):
    no: str
    good: str
    code: str
    units: int
    handed_over: int
    void: int
    kept: int
    back: int
    moved: list[tuple[int, AwareDatetime]]


class Ticket(Shape):
    no: str
    state: Literal["open", "sold", "void"]
    sold: AwareDatetime
    changed: AwareDatetime
    cart: str | None
    lines: list[TicketLine]


class Tickets(Shape):
    tickets: list[dict[str, Any]]  # each is understood alone: one odd ticket must not hide the others
    more: bool
    mark: str | None
    clock: AwareDatetime


class Count(Shape):
    no: str
    count: int | None


class Counts(Shape):
    counts: list[Count]
    clock: AwareDatetime


class Done(Shape):
    id: str
    what: str
    why: str
    count: int | None


class Changes(Shape):
    done: list[Done]


S = TypeVar("S", bound=Shape)

STATES = {"open": OrderState.PENDING, "sold": OrderState.OPEN, "void": OrderState.CANCELLED}
OUTCOMES = {"done": Outcome.OK, "no": Outcome.REFUSED}


def fits(shape: type[S], content: bytes) -> S:
    """Raises Misunderstood with the place and the reason."""
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        raise Misunderstood(f"not what the till answers ({shape.__name__}): {error.errors()[0]['msg']} in {content[:120]!r}") from error


def listing(good: Good) -> Listing:
    problem = None if good.counted else "the till does not count it"
    return Listing(str(good.no), good.code or None, good.name, tracked=good.counted, problem=problem)


def ticket(content: bytes) -> OrderSnapshot:
    """Raises Misunderstood also for numbers that do not add up."""
    shape = fits(Ticket, content)
    lines = tuple(_line(line) for line in shape.lines)
    if not all(line.adds_up() for line in lines):
        raise Misunderstood(f"ticket {shape.no} does not add up: {content[:400]!r}")
    return OrderSnapshot(shape.no, STATES[shape.state], shape.changed, shape.sold, lines, reservation_ref=shape.cart)


def each_ticket(rows: Sequence[dict[str, Any]]) -> tuple[tuple[OrderSnapshot, ...], tuple[tuple[str, str, str], ...]]:
    """An odd ticket is told apart, with its reason and its text; the others live."""
    good_ones: list[OrderSnapshot] = []
    refused: list[tuple[str, str, str]] = []
    for row in rows:
        text = json.dumps(row)
        try:
            good_ones.append(ticket(text.encode()))
        except Misunderstood as error:
            refused.append((str(row.get("no", "")), str(error), text))
    return tuple(good_ones), tuple(refused)


def _line(line: TicketLine) -> OrderLine:
    return OrderLine(
        ref=line.no,
        listing=line.good,
        quantity=line.units,
        sku=line.code,
        shipped=line.handed_over,
        cancelled=line.void,
        quarantined=line.kept,
        restocked=line.back,
        effects=tuple(Effect(units, at) for units, at in line.moved),
    )


def result(row: Done) -> WriteResult:
    return WriteResult(row.id, OUTCOMES.get(row.what, Outcome.UNKNOWN), row.why, row.count)
