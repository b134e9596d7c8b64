"""What requests and answers about transfers look like. Quantities are whole SKU units, costs exact decimal text in the store's currency."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from channelsync.ledger.documents.lines import Line
from channelsync.ledger.transfers.drafting import Draft, Edit
from channelsync.ledger.transfers.receiving import Close, Receive
from channelsync.ledger.transfers.shipping import Ship
from channelsync.shell.api.models import Model, SkuName
from channelsync.shell.api.requests import Instant, Some
from channelsync.shell.api.suppliers import Repeat

LINES_MAX = 1_000

Origin = Annotated[str, Field(max_length=64, description="The location that the units leave.", examples=["main"])]
Destination = Annotated[str, Field(max_length=64, description="The location that they come to.", examples=["annex"])]
Reference = Annotated[str, Field(max_length=255, description="A carrier's number.", examples=["1Z-4711"])]
Note = Annotated[str, Field(max_length=2_000, description="For whoever reads the transfer.", examples=["for the fair"])]
Reason = Annotated[str, Field(max_length=255, description="Why, for the log.", examples=["lost by the carrier"])]
Number = Annotated[int, Field(description="The transfer's number; its movements refer to TR-<number>.", examples=[3])]
State = Annotated[str, Field(description="draft, shipped, part_received, received or cancelled.", examples=["shipped"])]
Money = Annotated[
    str | None,
    Field(description="Of one unit when it was shipped, in the store's currency; null: not known, or not shipped yet.", examples=["3.20"]),
]
Quantity = Annotated[int, Field(description="Units to be shipped, or shipped.", examples=[12])]
ReceivedUnits = Annotated[int, Field(description="Units that arrived; may be more than were shipped.", examples=[9])]
InTransit = Annotated[int, Field(description="Units that were shipped and are neither received nor missing.", examples=[2])]
Missing = Annotated[int, Field(description="Units that were shipped and are said never to have arrived.", examples=[1])]
Over = Annotated[int, Field(description="Units that arrived beyond what was shipped.", examples=[0])]


class TransferLineIn(Model):
    sku: SkuName
    quantity: Some


Lines = Annotated[list[TransferLineIn], Field(min_length=1, max_length=LINES_MAX, description="Each SKU once.")]


def units(lines: list[TransferLineIn]) -> tuple[Line, ...]:
    return tuple(Line(line.sku, line.quantity) for line in lines)


class TransferDraftIn(Model):
    origin: Origin
    destination: Destination
    lines: Lines
    reference: Reference = ""
    note: Note = ""

    def item(self, actor: str, key: str | None) -> Draft:
        return Draft(self.origin, self.destination, units(self.lines), self.reference, self.note, actor, key=key)


class TransferEditIn(Model):
    """What is left out or null stays as it is."""

    lines: Annotated[Lines | None, Field(description="All lines, in the place of those before.")] = None
    origin: Annotated[Origin | None, Field(description="The location that the units leave.")] = None
    destination: Annotated[Destination | None, Field(description="The location that they come to.")] = None
    reference: Annotated[Reference | None, Field(description="A carrier's number.")] = None
    note: Annotated[Note | None, Field(description="For whoever reads the transfer.")] = None

    def item(self, number: int, key: str | None) -> Edit:
        lines = None if self.lines is None else units(self.lines)
        return Edit(number, lines, self.origin, self.destination, self.reference, self.note, key=key)


class TransferShipIn(Model):
    reference: Annotated[Reference | None, Field(description="A carrier's number; null: as the draft says.")] = None
    occurred_at: Annotated[Instant | None, Field(description="When it left; now, if left out.")] = None

    def item(self, number: int, actor: str, key: str | None) -> Ship:
        return Ship(number, self.reference, self.occurred_at, actor, key=key)


class TransferReceiveIn(Model):
    """Without lines: everything that is in transit."""

    lines: Annotated[list[TransferLineIn], Field(max_length=LINES_MAX, description="What arrived; empty: everything in transit.")] = []
    over: Annotated[bool, Field(description="More than is in transit may have arrived.")] = False
    occurred_at: Annotated[Instant | None, Field(description="When it arrived; now, if left out.")] = None

    def item(self, number: int, actor: str, key: str | None) -> Receive:
        return Receive(number, units(self.lines), self.over, self.occurred_at, actor, key=key)


class TransferCloseIn(Model):
    reason: Reason = ""

    def item(self, number: int, actor: str, key: str | None) -> Close:
        return Close(number, self.reason, actor, key=key)


class TransferLineOut(Model):
    sku: SkuName
    quantity: Quantity
    received: ReceivedUnits
    in_transit: InTransit
    missing: Missing
    over: Over
    cost: Money


class _Head(Model):
    number: Number
    state: State
    origin: Origin
    destination: Destination
    reference: Reference
    note: Note


class TransferOut(_Head):
    """A transfer after a verb."""

    lines: list[TransferLineOut]
    repeat: Repeat


class TransferRowOut(_Head):
    """A transfer in a list; its units are sums over its lines."""

    created_at: datetime
    created_by: str
    shipped_at: Annotated[datetime | None, Field(description="Null: it is not shipped.")]
    closed_at: Annotated[datetime | None, Field(description="When it was received as a whole, closed or cancelled.")]
    lines: Annotated[int, Field(description="How many.", examples=[3])]
    quantity: Quantity
    received: ReceivedUnits
    in_transit: InTransit
    missing: Missing
    over: Over
    value: Annotated[str, Field(description="Of what is in transit, at its cost when it was shipped, as far as known.", examples=["6.40"])]
    missing_value: Annotated[str, Field(description="Of what is missing, likewise.", examples=["3.20"])]
    uncosted: Annotated[int, Field(description="Units in transit whose cost is not known; `value` leaves them out.", examples=[0])]
    missing_uncosted: Annotated[int, Field(description="Missing units whose cost is not known, likewise.", examples=[0])]


class TransferDetailLineOut(TransferLineOut):
    title: Annotated[str, Field(examples=["Mug, blue"])]
    available: Annotated[int, Field(description="At the origin, now.", examples=[35])]


class TransferDetailOut(Model):
    transfer: TransferRowOut
    lines: list[TransferDetailLineOut]


class TransferLineReceivedOut(Model):
    sku: SkuName
    quantity: Annotated[int, Field(description="Units of this receipt.", examples=[9])]
    over: Annotated[int, Field(description="Of these: beyond what was in transit.", examples=[0])]
    short: Annotated[int, Field(description="Units of the line that were shipped and are still not here.", examples=[3])]
    on_hand: Annotated[int, Field(description="At the destination, now.", examples=[40])]
    available: Annotated[int, Field(description="At the destination, now.", examples=[35])]


class TransferReceiptOut(Model):
    """What a receipt has done."""

    number: Number
    state: State
    origin: Origin
    destination: Destination
    in_transit: Annotated[int, Field(description="Units of the whole transfer that are still not here.", examples=[3])]
    lines: list[TransferLineReceivedOut]
    repeat: Repeat
