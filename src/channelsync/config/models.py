"""What a store's file may hold. Strict: a number in quotes is a mistake to report, not a number ("5" once became a safety stock of 0).

`config.example.toml` explains every key to people; this module explains them to the type checker.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from channelsync.config.problems import Problem

NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
NAME_MAX = 63
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


def _web_address(text: str) -> str:
    """Without a trailing slash, so that paths can be appended."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address like https://sync.example.com, without user name, query or fragment")
    return text.rstrip("/")


Name = Annotated[str, AfterValidator(_name)]
Units = Annotated[int, Field(ge=0, le=1_000_000_000)]
Port = Annotated[int, Field(ge=0, le=65535)]  # 0: any free port
Answer = Literal["overwrite", "adopt", "ask"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StoreConfig(Part):
    """database: an SQLAlchemy URL; empty in the file means an SQLite file named after the config file. It may hold a password: no repr."""

    id: Name
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    database: str = Field(default="", repr=False)
    opening: str | None = None


class Listener(Part):
    host: str = "127.0.0.1"
    port: Port


class ListenConfig(Part):
    """public_url: what shops call. Without it no webhooks are registered and polling does all the work."""

    public: Listener = Listener(port=8080)
    private: Listener = Listener(port=8081)
    public_url: Annotated[str, AfterValidator(_web_address)] | None = None


class RulesConfig(Part):
    safety_stock: Units = 0


class LocationConfig(Part):
    """name: for people; the location's code if empty. priority: lower ships first."""

    name: str = ""
    kind: Literal["warehouse", "retail", "fulfilment", "virtual"] = "warehouse"
    priority: int = 0


class ReservationsConfig(Part):
    ttl_minutes: Annotated[float, Field(gt=0, le=30 * 24 * 60)] = 30.0


class RetentionConfig(Part):
    delivery_days: Annotated[int, Field(ge=0, le=3650)] = 14


class OnEdit(Part):
    """What happens when a shop shows less (lower) or more (higher) than our book and no order explains it."""

    lower: Answer = "ask"
    higher: Answer = "overwrite"


class ChannelKeys(Part):
    """The engine's own keys of a `[channels.<name>]` table; everything else in it belongs to the connector."""

    connector: str
    mode: Literal["live", "shadow"] = "live"
    poll_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    sweep_seconds: Annotated[float, Field(gt=0, le=30 * 86_400)] = 900.0
    location: str | None = None
    locations: Mapping[str, str] = {}
    on_edit: OnEdit = OnEdit()
    safety_stock: Units | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 30.0
    webhooks: bool = True


class ChannelConfig(ChannelKeys):
    """settings: an instance of the connector's own settings model."""

    name: Name
    settings: BaseModel = Field(repr=False)

    def ledger_location(self, channel_location: str) -> str | None:
        """The ledger location behind one of the channel's; None: a location that nobody mapped."""
        return self.locations.get(channel_location, self.location)


class Sections(Part):
    """The file as a whole, with the channels still raw: each is judged by its own connector."""

    store: StoreConfig
    listen: ListenConfig = ListenConfig()
    rules: RulesConfig = RulesConfig()
    locations: Mapping[Name, LocationConfig] = Field(default={MAIN: LocationConfig(name="Main")}, min_length=1)
    reservations: ReservationsConfig = ReservationsConfig()
    retention: RetentionConfig = RetentionConfig()


class Config(Sections):
    """A store's configuration. secrets: every secret value in it, for the log's redaction. warnings: what works but should be changed."""

    path: Path
    channels: Mapping[str, ChannelConfig]
    warnings: tuple[Problem, ...] = ()
    secrets: frozenset[str] = Field(default=frozenset(), repr=False)

    def safety_stock(self, channel: str) -> int:
        own = self.channels[channel].safety_stock
        return self.rules.safety_stock if own is None else own
