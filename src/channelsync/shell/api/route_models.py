"""What requests and answers about routes of orders look like. Quantities are whole SKU units."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from channelsync.ledger.routing.rerouting import Reroute
from channelsync.shell.api.models import Model
from channelsync.shell.api.suppliers import Repeat

LINES_MAX = 1_000

Line = Annotated[str, Field(max_length=255, description="The line's own id at the shop.", examples=["17"])]
Code = Annotated[str, Field(max_length=64, description="A location's code.", examples=["annex"])]
Reason = Annotated[str, Field(max_length=255, description="Why, for the log.", examples=["nobody in the main warehouse today"])]
Why = Annotated[str, Field(description="In plain words.", examples=["2 MUG-01, all there"])]
Summary = Annotated[str, Field(description="One sentence.", examples=["one parcel, from annex"])]
WayName = Literal["rule", "cart", "hand", "anew", "auto"]


class RouteIn(Model):
    location: Annotated[Code | None, Field(description="Where it is shipped from; null: chosen anew.")] = None
    lines: Annotated[list[Line], Field(max_length=LINES_MAX, description="Only these lines; none: all that may move.")] = []
    anyway: Annotated[bool, Field(description="Also to where units of it are missing.")] = False
    reason: Reason = ""

    def item(self, channel: str, ref: str, actor: str, key: str | None) -> Reroute:
        return Reroute(ref, channel, self.location, tuple(self.lines), self.anyway, self.reason, actor, key=key)


class DestinationOut(Model):
    """Where the order goes, as far as routing needs it; empty when it holds nothing any more, and while routing is off."""

    country: Annotated[str, Field(description="Two letters, ISO 3166-1.", examples=["DE"])]
    region: Annotated[str, Field(description="As the shop spells it.", examples=["BE"])]
    postcode: Annotated[str, Field(description="As the shop spells it.", examples=["10115"])]
    latitude: Annotated[float | None, Field(description="Degrees, to about a kilometre.", examples=[52.53])]
    longitude: Annotated[float | None, Field(description="Degrees, to about a kilometre.", examples=[13.38])]


class ConsideredOut(Model):
    location: Code
    chosen: bool
    why: Annotated[str, Field(description="In plain words.", examples=["is 2 km away; ships line MUG-01"])]


class RouteLineOut(Model):
    line: Line
    sku: Annotated[str, Field(description="As the shop spells it.", examples=["MUG-01"])]
    location: Code
    held: Annotated[int, Field(description="Units that are claimed there for it.", examples=[2])]
    shipped: Annotated[int, Field(description="Units that have left from there for it.", examples=[0])]
    way: Annotated[
        WayName | Literal["shop", "home"],
        Field(
            description="rule: chosen when the line was first seen; cart: where the storefront had reserved it; hand: a person said so; anew: chosen again "
            "as somebody asked; auto: chosen again as its location had run out or does not ship there; shop: the shop itself says where; home: never routed.",
            examples=["rule"],
        ),
    ]
    why: Why
    actor: Annotated[str, Field(description="Who said so.", examples=["cli:bob"])]
    decided_at: Annotated[datetime | None, Field(description="Null: it never was.")]
    summary: Summary
    considered: list[ConsideredOut]
    forgotten: Annotated[bool, Field(description="What was considered was forgotten with where the order went.")]


class DecisionOut(Model):
    line: Line
    location: Code
    way: Annotated[WayName, Field(description="As in `lines`.", examples=["rule"])]
    why: Why
    actor: Annotated[str, Field(description="Who said so.", examples=["cli:bob"])]
    decided_at: datetime


class RouteOut(Model):
    """decisions: every route that the lines ever had, the first one first."""

    channel: Annotated[str, Field(description="The channel's name.", examples=["webshop"])]
    order: Annotated[str, Field(description="The order's own id at the shop.", examples=["1001"])]
    number: Annotated[str, Field(description="Its number, as people know it.", examples=["#1001"])]
    state: Annotated[str, Field(description="pending, open, cancelled or deleted.", examples=["open"])]
    to: DestinationOut
    lines: list[RouteLineOut]
    decisions: list[DecisionOut]


class MovedOut(Model):
    line: Line
    before: Annotated[str, Field(max_length=64, description="The location that held it.", examples=["main"])]
    location: Code
    units: Annotated[int, Field(description="Units held for it.", examples=[2])]
    why: Why


class RoutedOut(Model):
    channel: Annotated[str, Field(description="The channel's name.", examples=["webshop"])]
    order: Annotated[str, Field(description="The order's own id at the shop.", examples=["1001"])]
    summary: Summary
    lines: list[MovedOut]
    repeat: Repeat
