"""What a store's file may hold. Strict: a number in quotes is a mistake to report, not a number ("5" once became a safety stock of 0).

`config.example.toml` explains every key to people; this module explains them to the type checker.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from channelsync.config.alerts import AlertsConfig
from channelsync.config.problems import Problem
from channelsync.config.rules import ChannelRules, Part, StoreRules, listed
from channelsync.contract import Role
from channelsync.ledger.ruling import Rule

NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
NAME_MAX = 63
AREA_MAX = 64
MAIN = "main"


def _name(text: str) -> str:
    """Names stand in addresses, log lines and metric labels."""
    if not text or len(text) > NAME_MAX or not NAME_LETTERS.issuperset(text) or text[0] in "-_":
        raise ValueError(f"a name has small letters, digits, - and _, starts with a letter or digit, and has at most {NAME_MAX} characters")
    return text


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("no such time zone; use a name like Europe/Berlin") from error
    return text


def _currency(text: str) -> str:
    if len(text) != 3 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise ValueError("a currency has three capital letters, as ISO 4217 has them: EUR")
    return text


def _web_address(text: str) -> str:
    """Without a trailing slash, so that paths can be appended."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address like https://sync.example.com, without user name, query or fragment")
    return text.rstrip("/")


def _origin(text: str) -> str:
    """As browsers send it: no path, no slash at the end, small letters."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or text != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or parts.username:
        raise ValueError("must be like https://shop.example: no path, no slash at the end")
    if text != text.lower():
        raise ValueError("must be in small letters, as browsers send it")
    return text


def _country(text: str) -> str:
    if len(text) != 2 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise ValueError("a country has two capital letters, as ISO 3166 has them: DE")
    return text


def _area(text: str) -> str:
    """A region, or how postcodes begin; both mean something within a country only."""
    country, _, rest = text.partition("-")
    if not rest.strip() or rest != rest.strip() or len(rest) > AREA_MAX:
        raise ValueError('write the country before it: "US-CA" for a region, "DE-10" for postcodes that begin with 10')
    _country(country)
    return text


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Name = Annotated[str, AfterValidator(_name)]
Country = Annotated[str, AfterValidator(_country)]
Area = Annotated[str, AfterValidator(_area)]
Places = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]
"""Ledger locations: one by its code, or a list of them; an empty list leaves the channel's location alone."""
Port = Annotated[int, Field(ge=0, le=65535)]  # 0: any free port
Answer = Literal["overwrite", "adopt", "ask"]


class StoreConfig(Part):
    """database: an SQLAlchemy URL; empty in the file means an SQLite file named after the config file. It may hold a password: no repr.
    currency: what costs are in, ISO 4217; no amount is ever converted. pooled: PostgreSQL is reached through PgBouncer in transaction mode.
    """

    id: Name
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    currency: Annotated[str, AfterValidator(_currency)] = "EUR"
    database: str = Field(default="", repr=False)
    pooled: bool = False
    opening: str | None = None
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0


class Listener(Part):
    host: str = "127.0.0.1"
    port: Port


class ListenConfig(Part):
    """public_url: what shops call. Without it no webhooks are registered and polling does all the work. inbox_max: deliveries of one channel that
    may wait; past it its shop is asked to come again.
    """

    public: Listener = Listener(port=8080)
    private: Listener = Listener(port=8081)
    public_url: Annotated[str, AfterValidator(_web_address)] | None = None
    inbox_max: Annotated[int, Field(ge=1, le=100_000_000)] = 100_000


class ApiConfig(Part):
    """What one token may ask for: requests a second, and at once after a pause. per_second 0: as many as it likes."""

    per_second: Annotated[float, Field(ge=0, le=100_000)] = 100.0
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 200


class LocationConfig(Part):
    """name: for people; the location's code if empty. priority: lower ships first. The rest is for routing: where it lies, in degrees, and where it
    ships to; without any of the three lists, everywhere.
    """

    name: str = ""
    kind: Literal["warehouse", "retail", "fulfilment", "virtual"] = "warehouse"
    priority: int = 0
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    countries: tuple[Country, ...] = ()
    regions: tuple[Area, ...] = ()
    postcodes: tuple[Area, ...] = ()


class RoutingConfig(Part):
    """locations: which may ship; none: all but virtual ones."""

    enabled: bool = False
    locations: tuple[str, ...] = ()


class ReservationsConfig(Part):
    ttl_minutes: Annotated[float, Field(gt=0, le=30 * 24 * 60)] = 30.0


class AvailabilityConfig(Part):
    """What the public listener tells everybody. locations: whose stock counts; none: all of them. clients: live streams at the same time."""

    enabled: bool = False
    detail: Literal["state", "low", "exact"] = "low"
    low: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    locations: tuple[str, ...] = ()
    clients: Annotated[int, Field(ge=0, le=400)] = 50


class RetentionConfig(Part):
    delivery_days: Annotated[int, Field(ge=0, le=3650)] = 14


class OnEdit(Part):
    """What happens when a shop shows less (lower) or more (higher) than our book and no order explains it."""

    lower: Answer = "ask"
    higher: Answer = "overwrite"


class GuardConfig(Part):
    """How much of a channel may change at once before a person is asked. 0 switches a check off."""

    zero_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    multiply: Annotated[float, Field(ge=0, le=1_000_000)] = 10.0
    multiply_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    least: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    window_minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 60


class ChannelKeys(Part):
    """The engine's own keys of a `[channels.<name>]` table; everything else in it belongs to the connector."""

    connector: str
    role: Role = Role.CHANNEL
    mode: Literal["live", "shadow"] = "live"
    poll_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    sweep_seconds: Annotated[float, Field(gt=0, le=30 * 86_400)] = 900.0
    location: str | None = None
    locations: Mapping[str, Places] = {}
    on_edit: OnEdit = OnEdit()
    restock: Literal["channel", "never", "quarantine"] = "channel"
    backorder_switch: Literal["read", "write"] = "read"
    unpaid: Literal["soft", "hard", "ignore"] = "soft"
    unpaid_minutes: Annotated[int, Field(ge=0, le=365 * 24 * 60)] = 0
    guard: GuardConfig = GuardConfig()
    rules: ChannelRules = ChannelRules()
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 30.0
    allow_private_hosts: bool = False
    webhooks: bool = True
    full_every_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 24.0
    authority_lag_minutes: Annotated[float, Field(ge=0, le=7 * 24 * 60)] = 0.0


class ChannelConfig(ChannelKeys):
    """settings: an instance of the connector's own settings model."""

    name: Name
    settings: BaseModel = Field(repr=False)


class Sections(Part):
    """The file as a whole, with the channels still raw: each is judged by its own connector."""

    store: StoreConfig
    listen: ListenConfig = ListenConfig()
    api: ApiConfig = ApiConfig()
    rules: StoreRules = StoreRules()
    locations: Mapping[Name, LocationConfig] = Field(default={MAIN: LocationConfig(name="Main")}, min_length=1)
    reservations: ReservationsConfig = ReservationsConfig()
    routing: RoutingConfig = RoutingConfig()
    availability: AvailabilityConfig = AvailabilityConfig()
    retention: RetentionConfig = RetentionConfig()
    alerts: AlertsConfig = AlertsConfig()


class Config(Sections):
    """A store's configuration. secrets: every secret value in it, for the log's redaction. warnings: what works but should be changed."""

    path: Path
    channels: Mapping[str, ChannelConfig]
    warnings: tuple[Problem, ...] = ()
    secrets: frozenset[str] = Field(default=frozenset(), repr=False)

    def shelf_rules(self, channel_ids: Mapping[str, int]) -> list[Rule]:
        """Everything it says about what shelves may show. channel_ids: the ledger's, by name."""
        own = {name: channel.rules for name, channel in self.channels.items()}
        return listed(self.rules, own, channel_ids, self.store.time_zone)
