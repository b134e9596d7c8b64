"""What a parser may bring: values of the contract that say what their types promise, whatever the shop had sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from channelsync.contract import (
    ChannelLocation,
    Claimed,
    Diagnosis,
    Effect,
    Gone,
    Identity,
    Ignored,
    Listing,
    ListingHint,
    OrderHint,
    OrderLine,
    OrderSnapshot,
    OrderState,
    Outcome,
    Page,
    Physical,
    Reading,
    ShelfHint,
    ShelfRef,
    StockHint,
    Subscription,
    SwitchResult,
    WriteResult,
)
from channelsync.errors import Unavailable


class Unsound(AssertionError):
    """Something came out that is not what its type says."""


def look(found: Any) -> None:
    """Raises Unsound."""
    rule = RULES.get(type(found))
    if rule is None:
        raise Unsound(f"{type(found).__name__} is no word of the contract: {str(found)[:200]}")
    try:
        rule(found)
    except Unsound as error:
        raise Unsound(f"{error} in {str(found)[:600]}") from None


def look_at_error(error: Exception) -> None:
    """A wait that cannot be waited is no wait."""
    if isinstance(error, Unavailable) and error.retry_after is not None and not 0 <= error.retry_after < math.inf:
        raise Unsound(f"{error!r} asks to wait {error.retry_after!r} s")


def _text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise Unsound(f"{name} is no text: {value!r}")


def _name(value: Any, name: str) -> None:
    _text(value, name)
    if not value:
        raise Unsound(f"{name} is empty")


def _whole(value: Any, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unsound(f"{name} is no whole number: {value!r}")


def _flag(value: Any, name: str) -> None:
    if not isinstance(value, bool):
        raise Unsound(f"{name} is neither true nor false: {value!r}")


def _time(value: Any, name: str) -> None:
    if value.utcoffset() != timedelta(0):
        raise Unsound(f"{name} is not UTC: {value!r}")


def _maybe(check: Callable[[Any, str], None], value: Any, name: str) -> None:
    if value is not None:
        check(value, name)


def _order(order: OrderSnapshot) -> None:
    _name(order.ref, "ref")
    if not isinstance(order.state, OrderState):
        raise Unsound(f"state is {order.state!r}")
    _time(order.modified_at, "modified_at")
    _time(order.created_at, "created_at")
    _maybe(_time, order.hold_until, "hold_until")
    _text(order.number, "number")
    _maybe(_name, order.reservation_ref, "reservation_ref")
    _flag(order.test, "test")
    for line in order.lines:
        _line(line)


def _line(line: OrderLine) -> None:
    _name(line.ref, "line.ref")
    for name in ("quantity", "shipped", "cancelled", "quarantined", "restocked", "withheld"):
        _whole(getattr(line, name), f"line.{name}")
    for name in ("listing", "sku", "location"):
        _maybe(_name, getattr(line, name), f"line.{name}")
    _text(line.title, "line.title")
    _flag(line.stocked, "line.stocked")
    for effect in line.effects:
        _effect(effect)


def _effect(effect: Effect) -> None:
    _whole(effect.units, "effect.units")
    _time(effect.at, "effect.at")


def _listing(listing: Listing) -> None:
    _name(listing.ref, "ref")
    for name in ("sku", "stock_ref", "problem", "barcode"):
        _maybe(_name, getattr(listing, name), name)
    _text(listing.title, "title")
    _flag(listing.tracked, "tracked")
    for place in listing.locations:
        _text(place, "location")
    for alias in listing.aliases:
        _name(alias, "alias")


def _shelf(shelf: ShelfRef) -> None:
    _name(shelf.listing, "listing")
    _text(shelf.location, "location")


def _reading(reading: Reading) -> None:
    _shelf(reading.shelf)
    _maybe(_whole, reading.shows, "shows")
    _time(reading.at, "at")


def _physical(physical: Physical) -> None:
    _name(physical.listing, "listing")
    _name(physical.location, "location")
    _maybe(_whole, physical.units, "units")
    _maybe(_whole, physical.reserved, "reserved")
    _text(physical.read_as, "read_as")
    if (physical.units or 0) < 0 or (physical.reserved or 0) < 0:
        raise Unsound("less than nothing lies or is reserved there")


def _claimed(claimed: Claimed) -> None:
    _name(claimed.key, "key")
    _text(claimed.document, "document")
    _flag(claimed.gone, "gone")
    for line in claimed.lines:
        _name(line.ref, "line.ref")
        _whole(line.held, "held")
        _whole(line.shipped, "shipped")


def _result(result: WriteResult) -> None:
    _name(result.id, "id")
    if not isinstance(result.outcome, Outcome):
        raise Unsound(f"outcome is {result.outcome!r}")
    _text(result.reason, "reason")
    _maybe(_whole, result.shows, "shows")


def _switch_result(result: SwitchResult) -> None:
    _name(result.listing, "listing")
    _maybe(_flag, result.sells_on, "sells_on")
    _text(result.reason, "reason")


def _shelf_hint(hint: ShelfHint) -> None:
    _name(hint.listing, "listing")
    _maybe(_text, hint.location, "location")
    _maybe(_whole, hint.shows, "shows")


def _identity(identity: Identity) -> None:
    _name(identity.shop, "shop")
    _text(identity.name, "name")
    for name, fact in identity.facts.items():
        _text(fact, name)


def _place(place: ChannelLocation) -> None:
    _name(place.ref, "ref")
    _text(place.name, "name")
    _flag(place.active, "active")


def _subscription(subscription: Subscription) -> None:
    _name(subscription.ref, "ref")
    _text(subscription.topic, "topic")
    _text(subscription.url, "url")
    _flag(subscription.active, "active")


def _diagnosis(found: Diagnosis) -> None:
    _name(found.code, "code")
    _name(found.what, "what")
    _name(found.remedy, "remedy")


def _page(page: Page[Any]) -> None:
    if (page.resume is None) == (page.high_water is None):
        raise Unsound(f"resume={page.resume!r} and high_water={page.high_water!r}")
    for ref, reason, raw in page.refused:
        _text(ref, "refused ref")
        _name(reason, "refused reason")
        _text(raw, "refused raw text")
    for item in page.items:
        look(item)


RULES: Mapping[type, Callable[[Any], None]] = {
    ChannelLocation: _place,
    Claimed: _claimed,
    Diagnosis: _diagnosis,
    Gone: lambda gone: _name(gone.ref, "ref"),
    Identity: _identity,
    Ignored: lambda ignored: _name(ignored.why, "why"),
    Listing: _listing,
    ListingHint: lambda hint: _name(hint.ref, "ref"),
    OrderHint: lambda hint: _name(hint.ref, "ref"),
    OrderSnapshot: _order,
    Page: _page,
    Physical: _physical,
    Reading: _reading,
    ShelfHint: _shelf_hint,
    StockHint: lambda _: None,
    Subscription: _subscription,
    SwitchResult: _switch_result,
    WriteResult: _result,
    str: lambda key: _name(key, "key"),
}
