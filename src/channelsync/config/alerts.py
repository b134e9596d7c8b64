"""`[alerts]`: from which number on a SKU is low, and who is told of what. The addresses are secrets as a whole, and so are their parts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from channelsync.config.problems import Key
from channelsync.config.rules import Part, Units
from channelsync.ledger.alert_rules import EVENTS, Kind

SECRET_PREFIX = "whsec_"  # noqa: S105
SECRET_BYTES = range(24, 65)
PART_LEAST, LONG = 8, 24
"""A shorter part of an address is no secret of its own; a long one is, whatever it looks like."""


def _signing_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError('must be "whsec_" and 24 to 64 random bytes in base64; one is made by: echo "whsec_$(openssl rand -base64 32)"')
    return value


def _web(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError("must be an https address")
    return value


def _event(text: str) -> str:
    named = {*EVENTS.values(), *(f"{name}.resolved" for name in EVENTS.values()), "summary"}
    if text not in named and not (text.endswith("*") and any(name.startswith(text[:-1]) for name in named)):
        raise ValueError(f"no such event; known: {', '.join(sorted(EVENTS.values()))}, each with .resolved behind it; or a beginning and *")
    return text


def _list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class TargetConfig(Part):
    """url: as apprise spells it, e.g. tgram://<token>/<chat>."""

    url: SecretStr
    allow_private_hosts: bool = False


class WebhookConfig(Part):
    """secrets: each message is signed with all of them, so that one can be replaced."""

    url: Annotated[SecretStr, AfterValidator(_web)]
    secrets: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_signing_secret)], ...], BeforeValidator(_list), Field(min_length=1, max_length=5)
    ]
    events: Annotated[tuple[Annotated[str, AfterValidator(_event)], ...], BeforeValidator(_list), Field(min_length=1)] = ("*",)
    allow_private_hosts: bool = False


class RouteConfig(Part):
    """What is left out holds nothing back."""

    to: Annotated[tuple[str, ...], BeforeValidator(_list), Field(min_length=1)]
    kinds: Annotated[tuple[Kind, ...], BeforeValidator(_list)] = ()
    severity: Literal["info", "warning", "critical"] = "info"
    locations: Annotated[tuple[str, ...], BeforeValidator(_list)] = ()
    resolved: bool = False
    max_per_hour: Annotated[int, Field(ge=1, le=10_000)] = 30


class AlertsConfig(Part):
    low_stock: Units = 5
    low_stock_at: Mapping[str, Units] = {}
    margin_share: Annotated[float, Field(ge=0, le=10)] = 0.2
    margin_least: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    down_minutes: Annotated[float, Field(ge=1, le=10_080)] = 15.0
    unsent_minutes: Annotated[float, Field(ge=1, le=10_080)] = 30.0
    inspect_hours: Annotated[float, Field(ge=0.1, le=8_760)] = 24.0
    routes: Annotated[tuple[RouteConfig, ...], BeforeValidator(_list)] = ()
    targets: Mapping[str, TargetConfig] = {}
    webhooks: Mapping[str, WebhookConfig] = {}

    def addresses(self) -> Iterator[str]:
        for url in (*(each.url for each in self.targets.values()), *(each.url for each in self.webhooks.values())):
            yield url.get_secret_value()


def problems(alerts: AlertsConfig, codes: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    """Names that lead nowhere."""
    known = f"known: {', '.join(codes)}"
    for code in alerts.low_stock_at:
        if code not in codes:
            yield ("alerts", "low_stock_at", code), f"no such ledger location; {known}"
    for number, route in enumerate(alerts.routes):
        at = ("alerts", "routes", number)
        for name in route.to:
            if name not in alerts.targets:
                yield (*at, "to"), f"no such target {name!r}; known: {', '.join(alerts.targets) or 'none'}, from [alerts.targets.<name>]"
        for code in route.locations:
            if code not in codes:
                yield (*at, "locations"), f"no such ledger location {code!r}; {known}"
    for name in sorted(alerts.targets.keys() & alerts.webhooks.keys()):
        yield ("alerts", "webhooks", name), "is the name of a target, too; give one of them another"


def secret_parts(url: str) -> Iterator[str]:
    """Pieces of an address that tell its secret even if the rest is missing: an error quotes the path, a log the token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    login, _, host = parts.netloc.rpartition("@")
    if parts.password:
        yield from {parts.password, unquote(parts.password)}
    found = {*login.split(":"), *host.split(":"), *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))}
    for piece in sorted(found):
        yield from (spelled for spelled in {piece, unquote(piece)} if _looks_random(spelled))


def _looks_random(piece: str) -> bool:
    """Not a word, which would be blotted out wherever it stands; not a host or a file either."""
    mixed = any(letter.isdigit() for letter in piece) or (piece != piece.lower() and piece != piece.capitalize())
    return "." not in piece and "@" not in piece and ((len(piece) >= PART_LEAST and mixed) or len(piece) >= LONG)
