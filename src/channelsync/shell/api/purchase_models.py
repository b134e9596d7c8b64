"""What requests and answers about purchase orders look like. Quantities are whole SKU units, costs exact decimal text in the store's currency."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Annotated

from pydantic import Field

from channelsync.ledger.purchasing import suggestions
from channelsync.ledger.purchasing.drafting import Draft, Edit, Wanted
from channelsync.ledger.purchasing.from_suggestions import DraftSuggested
from channelsync.ledger.purchasing.ordering import Cancel, Close, Order
from channelsync.ledger.purchasing.receiving import Arrived, Receive
from channelsync.shell.api.models import LocationCode, Model, SkuName
from channelsync.shell.api.requests import Cost, Instant, Some
from channelsync.shell.api.suppliers import Repeat

LINES_MAX = 1_000
DATE = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"

Code = Annotated[str | None, Field(max_length=64, description="The supplier's code; null: none is named.", examples=["ACME"])]
Reference = Annotated[str, Field(max_length=255, description="The supplier's own number.", examples=["AB-2026-117"])]
Note = Annotated[str, Field(max_length=2_000, description="For whoever reads the order.", examples=["before Easter"])]
Expected = Annotated[
    str, Field(pattern=DATE, description="The day on which it should come; empty: by the lead time.", examples=["2026-12-24"])
]
Reason = Annotated[str, Field(max_length=255, description="Why, for the log.", examples=["sold out there"])]
Number = Annotated[int, Field(description="The order's number; its movements refer to PO-<number>.", examples=[7])]
State = Annotated[str, Field(description="draft, ordered, part_received, received or cancelled.", examples=["ordered"])]
Money = Annotated[str | None, Field(description="Of one unit, in the store's currency; null: not known.", examples=["3.20"])]


class PurchaseLineIn(Model):
    sku: SkuName
    quantity: Some
    cost: Annotated[Cost, Field(description="Of one unit; null: what is agreed with the supplier for the SKU.", examples=["3.20"])] = None


Lines = Annotated[list[PurchaseLineIn], Field(min_length=1, max_length=LINES_MAX, description="Each SKU once.")]


def wanted(lines: list[PurchaseLineIn]) -> tuple[Wanted, ...]:
    return tuple(Wanted(line.sku, line.quantity, line.cost) for line in lines)


class PurchaseDraftIn(Model):
    location: LocationCode
    lines: Lines
    supplier: Code = None
    reference: Reference = ""
    note: Note = ""
    expected_on: Expected = ""

    def item(self, actor: str, key: str | None) -> Draft:
        more = self.supplier or None, self.reference, self.note, self.expected_on
        return Draft(self.location, wanted(self.lines), *more, actor, key=key)


class PurchaseEditIn(Model):
    """What is left out or null stays as it is."""

    lines: Annotated[Lines | None, Field(description="All lines, in the place of those before.")] = None
    supplier: Annotated[str | None, Field(max_length=64, description="The supplier's code; empty: none.", examples=["ACME"])] = None
    location: Annotated[LocationCode | None, Field(description="Where it shall come.")] = None
    reference: Annotated[Reference | None, Field(description="The supplier's own number.")] = None
    note: Annotated[Note | None, Field(description="For whoever reads the order.")] = None
    expected_on: Annotated[Expected | None, Field(description="The day on which it should come; empty: by the lead time.")] = None

    def item(self, number: int, key: str | None) -> Edit:
        lines = None if self.lines is None else wanted(self.lines)
        return Edit(number, lines, self.supplier, self.location, self.reference, self.note, self.expected_on, key=key)


class PurchaseOrderIn(Model):
    expected_on: Annotated[
        Expected, Field(description="The day on which it should come; empty: what the draft says, or today and the longest lead time.")
    ] = ""

    def item(self, number: int, actor: str, key: str | None) -> Order:
        return Order(number, self.expected_on, actor, key=key)


class ArrivedIn(Model):
    sku: SkuName
    quantity: Some
    cost: Annotated[Cost, Field(description="Of one unit of this receipt; null: as the order's line says.", examples=["3.15"])] = None


class PurchaseReceiveIn(Model):
    """Without lines: everything that is still to come."""

    lines: Annotated[list[ArrivedIn], Field(max_length=LINES_MAX, description="What arrived; empty: everything still to come.")] = []
    over: Annotated[bool, Field(description="More than is still to come may have arrived.")] = False
    occurred_at: Annotated[Instant | None, Field(description="When it arrived; now, if left out.")] = None

    def item(self, number: int, actor: str, key: str | None) -> Receive:
        arrived = tuple(Arrived(line.sku, line.quantity, line.cost) for line in self.lines)
        return Receive(number, arrived, self.over, self.occurred_at, actor, key=key)


class PurchaseEndIn(Model):
    """Close and cancel."""

    reason: Reason = ""

    def close(self, number: int, actor: str, key: str | None) -> Close:
        return Close(number, self.reason, actor, key=key)

    def cancel(self, number: int, actor: str, key: str | None) -> Cancel:
        return Cancel(number, self.reason, actor, key=key)


class SuggestedIn(Model):
    """What of the suggestions becomes drafts, and how they are made."""

    location: Annotated[str | None, Field(max_length=64, description="Only for this location.", examples=["main"])] = None
    supplier: Annotated[str | None, Field(max_length=64, description="Only from this supplier.", examples=["ACME"])] = None
    skus: Annotated[list[SkuName], Field(max_length=LINES_MAX, description="Only these; empty: all.")] = []
    days: Annotated[int, Field(ge=1, le=suggestions.DAYS_MAX, description="Sales of the last so many days.")] = suggestions.DAYS
    cover: Annotated[int, Field(ge=0, le=suggestions.DAYS_MAX, description="Days it shall last once it is there.")] = suggestions.COVER
    lead: Annotated[
        int, Field(ge=0, le=suggestions.DAYS_MAX, description="Days until it is there, where neither SKU nor supplier say so.")
    ] = suggestions.LEAD

    def item(self, actor: str, key: str | None) -> DraftSuggested:
        more = self.days, self.cover, self.lead, actor
        return DraftSuggested(self.location, self.supplier, tuple(self.skus), *more, key=key)


class PurchaseLineOut(Model):
    sku: SkuName
    ordered: Annotated[int, Field(description="SKU units.", examples=[24])]
    received: Annotated[int, Field(description="Arrived so far; may be more than was ordered.", examples=[12])]
    incoming: Annotated[int, Field(description="Still to come.", examples=[12])]
    cost: Money


class _Head(Model):
    number: Number
    state: State
    supplier: Code
    location: LocationCode
    reference: Reference
    note: Note
    expected_on: Annotated[dt.date | None, Field(description="Null: nobody has said, and no lead time is known.", examples=["2026-12-24"])]


class PurchaseOut(_Head):
    """An order after a verb."""

    lines: list[PurchaseLineOut]
    repeat: Repeat


class PurchaseRowOut(_Head):
    """An order in a list; its units are sums over its lines."""

    created_at: datetime
    created_by: str
    ordered_at: Annotated[datetime | None, Field(description="Null: it is not ordered.")]
    closed_at: Annotated[datetime | None, Field(description="When it was received as a whole, closed or cancelled.")]
    lines: Annotated[int, Field(description="How many.", examples=[3])]
    ordered: Annotated[int, Field(description="SKU units.", examples=[24])]
    received: Annotated[int, Field(description="Arrived so far; may be more than was ordered.", examples=[12])]
    incoming: Annotated[int, Field(description="Still to come.", examples=[12])]
    value: Annotated[str, Field(description="Of what was ordered, as far as its cost is known.", examples=["76.80"])]
    uncosted: Annotated[int, Field(description="Units ordered whose cost is not known; `value` leaves them out.", examples=[0])]


class PurchaseDetailLineOut(PurchaseLineOut):
    title: Annotated[str, Field(examples=["Mug, blue"])]
    code: Annotated[str, Field(description="What the supplier calls it.", examples=["AC-4711"])]


class PurchaseDetailOut(Model):
    order: PurchaseRowOut
    lines: list[PurchaseDetailLineOut]


class LineReceivedOut(Model):
    sku: SkuName
    quantity: Annotated[int, Field(description="Units of this receipt.", examples=[12])]
    over: Annotated[int, Field(description="Of these: beyond what was still to come.", examples=[0])]
    incoming: Annotated[int, Field(description="Still to come of the line.", examples=[12])]
    cost: Annotated[str | None, Field(description="What one unit of the SKU costs now, on average; null: not known.", examples=["3.1765"])]
    was: Annotated[str | None, Field(description="And before this receipt.", examples=["3.20"])]
    on_hand: Annotated[int, Field(description="At the order's location, now.", examples=[40])]
    available: Annotated[int, Field(description="At the order's location, now.", examples=[35])]


class ReceiptOut(Model):
    """What a receipt has done."""

    number: Number
    state: State
    location: LocationCode
    incoming: Annotated[int, Field(description="Still to come of the whole order.", examples=[12])]
    lines: list[LineReceivedOut]
    repeat: Repeat


class SuggestedOut(Model):
    """The drafts that were made; none, if nothing need be ordered."""

    orders: list[PurchaseOut]
    repeat: Repeat


class SuggestionOut(Model):
    """What to order of one SKU for one location, and every term of the sum."""

    sku: SkuName
    title: Annotated[str, Field(examples=["Mug, blue"])]
    location: LocationCode
    supplier: Annotated[str | None, Field(description="From whom it is bought; null: not known.", examples=["ACME"])]
    supplier_code: Annotated[str, Field(description="What the supplier calls it.", examples=["AC-4711"])]
    cost: Money
    sold: Annotated[
        int, Field(description="Units that orders of the days hold or have shipped, and claims shipped by hand.", examples=[42])
    ]
    days: Annotated[int, Field(description="Days that count; seven at least.", examples=[26])]
    out_days: Annotated[int, Field(description="Days that do not: nothing was available, and nothing sold.", examples=[2])]
    per_day: Annotated[float, Field(description="sold / days.", examples=[1.615])]
    available: Annotated[int, Field(examples=[10])]
    incoming: Annotated[int, Field(examples=[4])]
    drafted: Annotated[int, Field(description="On purchase orders that are drafts.", examples=[0])]
    days_left: Annotated[float | None, Field(description="(available + incoming) / per_day; null: nothing is being sold.", examples=[8.7])]
    lead_days: Annotated[int, Field(description="From order to receipt.", examples=[7])]
    lead_from: Annotated[str, Field(description="supply, supplier or default: who says so.", examples=["supplier"])]
    cover_days: Annotated[int, Field(description="How long it shall last after that.", examples=[28])]
    spare_days: Annotated[
        float | None, Field(description="days_left - lead_days: below 0 it runs out before it can be there.", examples=[1.7])
    ]
    demand: Annotated[int, Field(description="per_day * (lead_days + cover_days), rounded up.", examples=[57])]
    low: Annotated[bool, Field(description="By a reorder level, here or over all locations.")]
    level: Annotated[int | None, Field(description="That level; null: none is said.", examples=[20])]
    reorder: Annotated[int | None, Field(description="How many to order then; null: not said.", examples=[24])]
    needed: Annotated[
        int,
        Field(description="The larger one of: demand - available - incoming - drafted; what the reorder level asks for.", examples=[43]),
    ]
    least: Annotated[int | None, Field(description="The fewest units of one order.", examples=[50])]
    multiple: Annotated[int | None, Field(description="Units in a carton.", examples=[12])]
    quantity: Annotated[int, Field(description="What to order: needed, after least and multiple.", examples=[60])]
    sum: Annotated[list[str], Field(description="The same in words, term by term.")]
