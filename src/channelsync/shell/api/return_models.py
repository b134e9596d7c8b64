"""What requests and answers about returns look like. Quantities are whole SKU units."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from channelsync.ledger.documents.lines import Line
from channelsync.ledger.returns.expecting import Cancel, Expect
from channelsync.ledger.returns.inspecting import Decision, Inspect, Outcome
from channelsync.ledger.returns.receiving import Receive
from channelsync.shell.api.models import LocationCode, Model, SkuName
from channelsync.shell.api.requests import Instant, Some
from channelsync.shell.api.suppliers import Repeat

LINES_MAX = 1_000

Number = Annotated[int, Field(description="The return's number; its movements refer to RET-<number>.", examples=[12])]
State = Annotated[str, Field(description="expected, received, inspected or cancelled.", examples=["received"])]
Channel = Annotated[
    str | None, Field(max_length=255, description="Whose order it belongs to; null: none that is known.", examples=["shop"])
]
Order = Annotated[
    str | None,
    Field(max_length=255, description="The shop's own id of the order, or its number; null: not known.", examples=["order-1001"]),
]
Reference = Annotated[str, Field(max_length=255, description="Your own number of it, such as an RMA number.", examples=["RMA-2026-9"])]
Note = Annotated[str, Field(max_length=2_000, description="For whoever reads the return.", examples=["too small"])]
Reason = Annotated[str, Field(max_length=255, description="Why, for the log; needed to write units off.", examples=["scratched"])]
Expected = Annotated[int, Field(description="Announced.", examples=[2])]
Received = Annotated[int, Field(description="Arrived so far; may be more than was announced.", examples=[2])]
Waiting = Annotated[int, Field(description="Of these: in quarantine, until somebody decides about them.", examples=[1])]
AlsoTold = Annotated[
    int, Field(description="Of the received: those that the order's shop told as restocked, too. They count once, here.", examples=[1])
]
Restocked = Annotated[int, Field(description="On hand again.", examples=[1])]
WrittenOff = Annotated[int, Field(description="Damaged.", examples=[0])]
ToSupplier = Annotated[int, Field(description="Sent back to whom they were bought from.", examples=[0])]


class ReturnLineIn(Model):
    sku: SkuName
    quantity: Some


def _lines(lines: list[ReturnLineIn]) -> tuple[Line, ...]:
    return tuple(Line(line.sku, line.quantity) for line in lines)


class ReturnExpectIn(Model):
    location: LocationCode
    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=LINES_MAX, description="Each SKU once; a bundle as its parts.")]
    channel: Channel = None
    order: Order = None
    reference: Reference = ""
    note: Note = ""
    over: Annotated[bool, Field(description="More may come back than the order shipped, together with its other returns.")] = False

    def item(self, actor: str, key: str | None) -> Expect:
        return Expect(self.location, _lines(self.lines), self.channel, self.order, self.reference, self.note, actor, self.over, key=key)


class ReturnReceiveIn(Model):
    """Without lines: everything that is still expected."""

    lines: Annotated[list[ReturnLineIn], Field(max_length=LINES_MAX, description="What arrived; empty: everything still expected.")] = []
    over: Annotated[bool, Field(description="More than was expected may have arrived, and other SKUs.")] = False
    occurred_at: Annotated[Instant | None, Field(description="When it arrived; now, if left out.")] = None

    def item(self, number: int, actor: str, key: str | None) -> Receive:
        return Receive(number, _lines(self.lines), self.over, self.occurred_at, actor, key=key)


class DecisionIn(ReturnLineIn):
    outcome: Annotated[
        Outcome, Field(description="restock (on hand), write_off (damaged) or to_supplier (out of the house).", examples=["restock"])
    ]


class ReturnInspectIn(Model):
    lines: Annotated[list[DecisionIn], Field(max_length=LINES_MAX, description="A SKU may have several, with other outcomes.")] = []
    rest: Annotated[Outcome | None, Field(description="What becomes of everything that waits and is not named.", examples=["restock"])] = (
        None
    )
    complete: Annotated[bool, Field(description="What is still expected will not come: with it the return is inspected.")] = False
    reason: Reason = ""
    occurred_at: Annotated[Instant | None, Field(description="When it was decided; now, if left out.")] = None

    def item(self, number: int, actor: str, key: str | None) -> Inspect:
        lines = tuple(Decision(line.sku, line.quantity, line.outcome) for line in self.lines)
        return Inspect(number, lines, self.rest, self.complete, self.reason, self.occurred_at, actor, key=key)


class ReturnCancelIn(Model):
    """Nothing more is to be said."""

    def item(self, number: int, actor: str, key: str | None) -> Cancel:
        return Cancel(number, actor, key=key)


class ReturnLineOut(Model):
    sku: SkuName
    expected: Expected
    received: Received
    waiting: Waiting
    told: AlsoTold
    restocked: Restocked
    written_off: WrittenOff
    to_supplier: ToSupplier


class _Head(Model):
    number: Number
    state: State
    channel: Channel
    order: Annotated[
        str | None, Field(description="The shop's own id of it; null: it belongs to none that is known.", examples=["order-1001"])
    ]
    location: LocationCode
    reference: Reference
    note: Note


class ReturnOut(_Head):
    """A return after a verb."""

    lines: list[ReturnLineOut]
    repeat: Repeat


class ReturnRowOut(_Head):
    """A return in a list; its units are sums over its lines."""

    order_number: Annotated[str | None, Field(description="As people call the order.", examples=["#1001"])]
    created_at: datetime
    created_by: str
    waiting_since: Annotated[datetime | None, Field(description="When the oldest of what waits arrived; null: nothing waits.")]
    closed_at: Annotated[datetime | None, Field(description="When it was inspected as a whole, or cancelled.")]
    lines: Annotated[int, Field(description="How many.", examples=[1])]
    expected: Expected
    to_come: Annotated[int, Field(description="Still expected; 0 once it is inspected or cancelled.", examples=[0])]
    received: Received
    waiting: Waiting
    told: AlsoTold
    restocked: Restocked
    written_off: WrittenOff
    to_supplier: ToSupplier


class ReturnDetailLineOut(ReturnLineOut):
    title: Annotated[str, Field(examples=["Mug, blue"])]
    order_line: Annotated[str | None, Field(description="The order's line with this SKU, by the shop's id; null: none, or several.")]


class ReturnDetailOut(Model):
    document: Annotated[ReturnRowOut, Field(description="The return itself.")]
    lines: list[ReturnDetailLineOut]
