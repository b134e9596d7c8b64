"""What shelves may show, as a config file says it: fields for the store, a channel, a SKU, a SKU on a channel, one listing, and windows in time.

`docs/rules.md` tells what the fields mean and which of them counts; the ledger keeps them as rows (`ledger.ruling`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from channelsync.config.problems import Key
from channelsync.ledger.ruling import Rule

UNITS_MAX: Final = 1_000_000_000
ROWS_MAX: Final = 50_000
"""What a file's rules may come to; a window counts once per channel and SKU that it names."""


def _share(text: str) -> str:
    """As in "40%" or "12.5%": two digits after the point, as they are kept."""
    number = text.removesuffix("%").strip()
    whole, _, rest = number.partition(".")
    if not text.endswith("%") or not whole.isascii() or not (whole + rest).isdecimal() or len(rest) > 2 or Decimal(number) > 100:
        raise ValueError('must be a part of the stock like "40%" or "12.5%", from 0 to 100')
    return f"{number}%"


def _units_or_share(value: Any) -> Any:
    """One error for both kinds: a union's errors would name branches that nobody has written."""
    if isinstance(value, str):
        if not value.endswith("%"):
            raise ValueError('must be a whole number, not text; remove the quotes, or write a part of the stock like "10%"')
        return _share(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= UNITS_MAX):
        raise ValueError(f'must be a whole number of units from 0 to {UNITS_MAX}, or a part of the stock like "10%"')
    return value


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Units = Annotated[int, Field(ge=0, le=UNITS_MAX)]
Share = Annotated[str, AfterValidator(_share)]
SkuText = Annotated[str, Field(min_length=1, max_length=255)]


class Fields(Part):
    """What may be said at every level; what is left out is taken from the next more general one."""

    safety_stock: Annotated[int | str | None, BeforeValidator(_units_or_share)] = None
    share: Share | None = None
    min: Units | None = None
    max: Units | None = None
    skip: bool | None = None
    plenty: Units | None = None


class Window(Fields):
    """Rules for a time; local times are the store's. channels, skus: only these; empty: all."""

    opens: datetime = Field(alias="from")
    closes: datetime = Field(alias="until")
    channels: tuple[str, ...] = ()
    skus: tuple[SkuText, ...] = ()


class StoreRules(Fields):
    sku: Mapping[SkuText, Fields] = {}
    windows: tuple[Window, ...] = ()


class ChannelRules(Fields):
    sku: Mapping[SkuText, Fields] = {}
    listing: Mapping[SkuText, Fields] = {}


def problems(store: StoreRules, channels: Collection[str], zone: str) -> Iterator[tuple[Key, str]]:
    """What the fields by themselves cannot know."""
    for number, window in enumerate(store.windows):
        at: Key = ("rules", "windows", number)
        if _instant(window.closes, zone) <= _instant(window.opens, zone):
            yield (*at, "until"), "is not after `from`; the window would never be open"
        for name in window.channels:
            if name not in channels:
                yield (*at, "channels"), f"no such channel {name!r}; known: {', '.join(channels) or 'none'}"
        if not _said(window):
            yield at, "says nothing: give it at least one of safety_stock, share, min, max, skip, plenty"
    rows = sum(max(1, len(window.channels)) * max(1, len(window.skus)) for window in store.windows)
    if rows > ROWS_MAX:
        yield ("rules", "windows"), f"come to {rows} rules (channels times SKUs), at most {ROWS_MAX} are kept; name fewer"


def listed(store: StoreRules, channels: Mapping[str, ChannelRules], ids: Mapping[str, int], zone: str) -> list[Rule]:
    """Everything that the file says about what is shown, in its order. ids: the ledger's of the channels. zone: the store's."""
    found = [*_rule(store, "rules"), *_by_sku(store.sku, "rules", None)]
    for name, own in channels.items():
        at, id_ = f"channels.{name}.rules", ids[name]
        found += _rule(own, at, channel_id=id_)
        found += _by_sku(own.sku, at, id_)
        for ref, fields in own.listing.items():
            found += _rule(fields, f"{at}.listing {ref}", channel_id=id_, listing=ref)
    for number, window in enumerate(store.windows):
        found += _window(window, number, ids, zone)
    return found


def _by_sku(table: Mapping[str, Fields], at: str, channel_id: int | None) -> Iterator[Rule]:
    for sku, fields in table.items():
        yield from _rule(fields, f"{at}.sku {sku}", channel_id=channel_id, sku=sku)


def _window(window: Window, number: int, ids: Mapping[str, int], zone: str) -> Iterator[Rule]:
    opens, closes = _instant(window.opens, zone), _instant(window.closes, zone)
    source = f"rules.windows[{number}] until {closes.astimezone(ZoneInfo(zone)).isoformat(timespec='minutes')}"
    for name in window.channels or (None,):
        for sku in window.skus or (None,):
            yield from _rule(window, source, channel_id=ids[name] if name else None, sku=sku, opens=opens, closes=closes)


def _rule(fields: Fields, source: str, **about: Any) -> Iterator[Rule]:
    """Nothing, where nothing is said."""
    if not _said(fields):
        return
    kept = fields.safety_stock
    yield Rule(
        source,
        safety_stock=kept if isinstance(kept, int) else None,
        safety_share=_hundredths(kept) if isinstance(kept, str) else None,
        share=None if fields.share is None else _hundredths(fields.share),
        show_min=fields.min,
        show_max=fields.max,
        skip=fields.skip,
        plenty=fields.plenty,
        **about,
    )


def _said(fields: Fields) -> bool:
    return any(getattr(fields, name) is not None for name in Fields.model_fields)


def _hundredths(share: str) -> int:
    return int(Decimal(share.removesuffix("%")) * 100)


def _instant(moment: datetime, zone: str) -> datetime:
    """A time without an offset is the store's."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
