"""What requests and answers about count sheets look like. Quantities are whole SKU units."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from channelsync.ledger.counts.applying import Apply, Cancel
from channelsync.ledger.counts.entering import Counted, Enter
from channelsync.ledger.counts.opening import Open
from channelsync.shell.api.models import LocationCode, Model, SkuName
from channelsync.shell.api.requests import UNITS_MAX, Instant
from channelsync.shell.api.suppliers import Repeat

LINES_MAX = 1_000

Number = Annotated[int, Field(description="The sheet's number; its movements refer to CNT-<number>.", examples=[4])]
State = Annotated[str, Field(description="open, applied or cancelled.", examples=["open"])]
Blind = Annotated[bool, Field(description="Whoever counts is not shown what should be there.")]
Note = Annotated[str, Field(max_length=2_000, description="For whoever counts.", examples=["shelves 1 to 4"])]
By = Annotated[str, Field(max_length=128, description="Who counted; the token, if left out.", examples=["Ann"])]
At = Annotated[Instant | None, Field(description="When it was counted; now, if left out.")]
Lines = Annotated[int, Field(description="How many lines it has.", examples=[12])]
Expected = Annotated[
    int | None,
    Field(description="What should have been there when it was counted (now, if it was not); null where it is not told.", examples=[10]),
]
Difference = Annotated[int | None, Field(description="counted - expected.", examples=[-1])]
CountedOut = Annotated[int | None, Field(description="What was there; null: not counted.", examples=[9])]


class CountOpenIn(Model):
    """Named SKUs; or without them, what lies at the location or is promised there."""

    location: LocationCode
    skus: Annotated[list[SkuName], Field(max_length=LINES_MAX, description="Only these; empty: what lies there.")] = []
    prefix: Annotated[str, Field(max_length=255, description="Of what lies there, SKUs that begin so.", examples=["MUG-"])] = ""
    after: Annotated[
        str, Field(max_length=255, description="Those behind this one: `more_after` of the sheet before.", examples=["MUG-01"])
    ] = ""
    limit: Annotated[int | None, Field(ge=1, le=LINES_MAX, description="At most so many; null: all, and too many are refused.")] = None
    empty: Annotated[bool, Field(description="Also SKUs that once lay there and do not now.")] = False
    blind: Blind = False
    note: Note = ""

    def item(self, actor: str, key: str | None) -> Open:
        which = tuple(self.skus), self.prefix, self.after, self.limit, self.empty
        return Open(self.location, *which, self.blind, self.note, actor, key=key)


class CountedIn(Model):
    sku: SkuName
    quantity: Annotated[
        int | None, Field(ge=0, le=UNITS_MAX, description="SKU units that were there; null: it was not counted after all.", examples=[9])
    ]
    counted_at: At = None
    counted_by: By = ""


class CountEnterIn(Model):
    lines: Annotated[list[CountedIn], Field(min_length=1, max_length=LINES_MAX, description="Each SKU once.")]
    counted_at: Annotated[At, Field(description="Of lines that say none; now, if left out.")] = None
    counted_by: By = ""

    def item(self, number: int, actor: str, key: str | None) -> Enter:
        lines = tuple(Counted(line.sku, line.quantity, line.counted_at, line.counted_by) for line in self.lines)
        return Enter(number, lines, self.counted_at, self.counted_by, actor, key=key)


class CountApplyIn(Model):
    missing_is_zero: Annotated[bool, Field(description="Of lines that were not counted nothing is there. Otherwise they stay.")] = False
    skip: Annotated[bool, Field(description="Lines that cannot be applied are left as they are. Otherwise they are refused.")] = False

    def item(self, number: int, actor: str, key: str | None) -> Apply:
        return Apply(number, self.missing_is_zero, self.skip, actor, key=key)


class CountCancelIn(Model):
    def item(self, number: int, actor: str, key: str | None) -> Cancel:
        return Cancel(number, actor, key=key)


class CountOpenedOut(Model):
    number: Number
    state: State
    location: LocationCode
    blind: Blind
    note: str
    lines: Lines
    more_after: Annotated[str | None, Field(description="There are more SKUs behind this one, for the next sheet; null: that was all.")]
    repeat: Repeat


class CountEnteredLineOut(Model):
    sku: SkuName
    counted: CountedOut
    counted_at: datetime | None
    counted_by: str
    was: Annotated[int | None, Field(description="What stood there before; null: nothing.", examples=[8])]
    added: Annotated[bool, Field(description="The SKU was not on the sheet.")]


class CountEnteredOut(Model):
    number: Number
    state: State
    lines: Lines
    counted: Annotated[int, Field(description="Lines that are counted now.", examples=[3])]
    entered: list[CountEnteredLineOut]
    repeat: Repeat


class CountAppliedLineOut(Model):
    sku: SkuName
    counted: Annotated[int, Field(examples=[9])]
    counted_at: datetime
    expected: Annotated[int, Field(description="What should have been there when it was counted.", examples=[10])]
    difference: Annotated[int, Field(description="What on hand changed by.", examples=[-1])]
    moved: Annotated[int, Field(description="Units that came (> 0) and went since it was counted.", examples=[-2])]
    on_hand: Annotated[int, Field(description="Now.", examples=[7])]
    available: Annotated[int, Field(description="Now; negative where more is promised than is there.", examples=[5])]


class CountLeftOut(Model):
    """A line that was counted and not applied."""

    sku: SkuName
    why: str


class CountAppliedOut(Model):
    number: Number
    state: State
    location: LocationCode
    lines: list[CountAppliedLineOut]
    left: list[CountLeftOut]
    uncounted: Annotated[int, Field(description="Lines that stay as they are, because nobody counted them.", examples=[0])]
    repeat: Repeat


class CountCancelledOut(Model):
    number: Number
    state: State
    repeat: Repeat


class CountRowOut(Model):
    number: Number
    state: State
    location: LocationCode
    blind: Blind
    note: str
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    lines: Lines
    counted: Annotated[int, Field(description="Lines that are counted.", examples=[3])]
    differing: Annotated[int, Field(description="Once applied: lines that were not as expected.", examples=[1])]
    more: Annotated[int, Field(description="Once applied: units that came on hand by it.", examples=[0])]
    fewer: Annotated[int, Field(description="Once applied: units that went.", examples=[1])]


class CountLineOut(Model):
    sku: SkuName
    title: str
    expected: Expected
    counted: CountedOut
    counted_at: datetime | None
    counted_by: str
    difference: Annotated[int | None, Field(description="What applying it has changed on hand by; null: not applied.", examples=[-1])]


class CountDetailOut(Model):
    sheet: CountRowOut
    lines: list[CountLineOut]


class CountPlanLineOut(Model):
    """Numbers that are not shown of a blind sheet are null."""

    sku: SkuName
    title: str
    counted: CountedOut
    counted_at: datetime | None
    counted_by: str
    expected: Expected
    difference: Difference
    moved: Annotated[int | None, Field(description="Units that came (> 0) and went since it was counted.", examples=[-2])]
    on_hand: Annotated[int | None, Field(description="Now.", examples=[8])]
    becomes: Annotated[int | None, Field(description="On hand, if it is applied now.", examples=[7])]
    problem: Annotated[str, Field(description="Why this line cannot be applied; empty: it can.")]


class CountPlanOut(Model):
    sheet: CountRowOut
    lines: list[CountPlanLineOut]
