"""From a path to a Config. Every step goes on after a problem, so that one run tells everything there is to repair."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from channelsync.config import checks
from channelsync.config.alerts import secret_parts
from channelsync.config.models import ChannelConfig, ChannelKeys, Config, Name, Sections
from channelsync.config.problems import ConfigError, Key, Problem, dotted, from_validation
from channelsync.config.secrets import Resolver, inline
from channelsync.contract.verbs import ConnectorType
from channelsync.errors import ChannelsyncError

FILE_MAX_BYTES = 1024 * 1024
ENGINE_KEYS = frozenset(ChannelKeys.model_fields)
M = TypeVar("M", bound=BaseModel)


class Connectors(Protocol):
    """What `load` asks of a registry."""

    def connector(self, name: str) -> ConnectorType:
        """Raises ChannelsyncError, its text naming the known ones."""


def load(path: str | Path, registry: Connectors, *, environ: Mapping[str, str] | None = None) -> Config:
    """Raises ConfigError with every problem found. environ: where variables, credentials and the state directory are looked up."""
    environ = os.environ if environ is None else environ
    file = Path(path).absolute()
    text, mode = _read(file)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(file, "", f"is not valid TOML: {error}")]) from error
    return _Loading(file, mode, registry, environ).config(raw)


def parse(tables: Mapping[str, Any], registry: Connectors, *, file: Path, environ: Mapping[str, str] | None = None) -> Config:
    """A Config from tables made in memory (demo, simulator, tests). file: what problems are reported for; it need not exist."""
    environ = os.environ if environ is None else environ
    return _Loading(file.absolute(), 0o600, registry, environ).config(tables)


class _Loading:
    """One run of `load`: collects problems, hints and secrets on its way."""

    def __init__(self, file: Path, mode: int, registry: Connectors, environ: Mapping[str, str]) -> None:
        self.file = file
        self.mode = mode
        self.registry = registry
        self.environ = environ
        self.resolver = Resolver(file.parent, environ)
        self.problems: list[Problem] = []
        self.hints: list[Problem] = []
        self.inline: dict[Key, str] = {}
        self.passwords: dict[Key, str] = {}
        self.addresses: tuple[str, ...] = ()

    def config(self, raw: Mapping[str, Any]) -> Config:
        tree = self.resolver.resolve(dict(raw))
        for at, why in self.resolver.failed.items():
            self.add(at, why)
        sections = self.sections(tree)
        codes = tuple(sections.locations) if sections else checks.codes_in(tree)
        channels = self.channels(tree.get("channels", {}), codes)
        if sections:
            own = tree.get("alerts", {})
            self.inline.update(inline(sections.alerts, own, ("alerts",), {**self.resolver.values, **self.resolver.failed}))
            self.addresses = tuple(sections.alerts.addresses())
            sections = self.completed(sections, tree.get("channels", {}))
        for at, why in checks.owner_problems(channels, sections.store.opening if sections else None):
            self.add(at, why)
        warnings = self.warnings()
        if self.problems or sections is None:
            raise ConfigError([self.safe(problem) for problem in self.problems])
        parts = {name: getattr(sections, name) for name in Sections.model_fields}
        return Config(**parts, path=self.file, channels=channels, warnings=warnings, secrets=self.secrets())

    def add(self, at: Key, message: str) -> None:
        self.problems.append(Problem(self.file, dotted(at), message))

    def sections(self, tree: Mapping[str, Any]) -> Sections | None:
        rest = {key: value for key, value in tree.items() if key != "channels"}
        return self.validated(Sections, rest, (), {*Sections.model_fields, "channels"})

    def channels(self, tables: Any, codes: tuple[str, ...]) -> dict[str, ChannelConfig]:
        if not isinstance(tables, dict):
            self.add(("channels",), "must be tables, one [channels.<name>] per channel")
            return {}
        found = {name: self.channel(name, table, codes) for name, table in tables.items()}
        return {name: channel for name, channel in found.items() if channel}

    def channel(self, name: str, table: Any, codes: tuple[str, ...]) -> ChannelConfig | None:
        at: Key = ("channels", name)
        if not isinstance(table, dict):
            self.add(at, f"must be a table; write [channels.{name}]")
            return None
        named = self.named(name, at)
        keys = self.validated(ChannelKeys, {key: value for key, value in table.items() if key in ENGINE_KEYS}, at)
        keys = keys and self.placed(keys, at, codes)
        settings = self.settings(table, at)
        if not named or keys is None or settings is None:
            return None
        return ChannelConfig(**{key: getattr(keys, key) for key in ENGINE_KEYS}, name=name, settings=settings)

    def named(self, name: str, at: Key) -> bool:
        try:
            TypeAdapter(Name).validate_python(name)
        except ValidationError as error:
            self.problems += [Problem(self.file, dotted(at), message) for _, message in from_validation(error, at, ())]
            return False
        return True

    def settings(self, table: Mapping[str, Any], at: Key) -> BaseModel | None:
        """The connector's part of a channel's table, judged by the connector's own model."""
        name = table.get("connector")
        if not isinstance(name, str):
            return None
        try:
            model = self.registry.connector(name).settings
        except ChannelsyncError as error:
            self.add((*at, "connector"), str(error))
            return None
        names = {field.alias or key: field for key, field in model.model_fields.items()}
        for key in sorted(ENGINE_KEYS & set(names)):
            self.hidden(name, (*at, key), required=names[key].is_required())
        own = {key: value for key, value in table.items() if key not in ENGINE_KEYS}
        settings = self.validated(model, own, at, ENGINE_KEYS | set(names))
        if settings is not None:
            self.inline.update(inline(settings, own, at, {**self.resolver.values, **self.resolver.failed}))
        return settings

    def hidden(self, connector: str, at: Key, *, required: bool) -> None:
        """A connector's key that the engine's key of the same name hides: it keeps its default, so it must have one."""
        what = f"is the engine's key here; the setting of the same name in connector {connector!r} cannot be reached until it is renamed"
        (self.problems if required else self.hints).append(Problem(self.file, dotted(at), what))

    def validated(self, model: type[M], data: Mapping[str, Any], at: Key, known: Iterable[str] | None = None) -> M | None:
        """By way of JSON: strict about numbers in quotes, yet lists may become tuples and text an enum, as TOML has no other way to say it."""
        text = json.dumps(data, default=_plain)
        try:
            return model.model_validate_json(text, strict=True, extra="forbid")
        except ValidationError as error:
            found = from_validation(error, at, model.model_fields if known is None else known, model)
            lost = [key for key in self.resolver.failed if key[: len(at)] == at]
            found = [
                (key, message) for key, message in found if key not in lost and not (lost and key == at)
            ]  # of the whole: not to be judged
            self.problems += [Problem(self.file, dotted(key), message) for key, message in found]
            return None

    def placed(self, channel: ChannelKeys, at: Key, codes: tuple[str, ...]) -> ChannelKeys:
        """With the one ledger location there is, where the file does not name one."""
        for key, why in (*checks.location_problems(channel, codes), *checks.authority_problems(channel)):
            self.add((*at, key), why)
        alone = channel.location is None and not channel.locations and len(codes) == 1
        return channel.model_copy(update={"location": codes[0]}) if alone else channel

    def completed(self, sections: Sections, channels: Mapping[str, Any]) -> Sections:
        """With the defaults that depend on other parts, after the checks that do."""
        for key, why in checks.section_problems(sections, channels):
            self.add(key, why)
        at = ("store", "database")
        try:
            database, password = checks.database_url(sections.store.database, self.file, self.environ)
        except ValueError as error:
            if at not in self.resolver.failed:
                self.add(at, str(error))
            return sections
        if password:
            (self.passwords if at in self.resolver.values else self.inline)[at] = password
        locations = {code: place if place.name else place.model_copy(update={"name": code}) for code, place in sections.locations.items()}
        store = sections.store.model_copy(update={"database": database})
        return sections.model_copy(update={"store": store, "locations": locations})

    def warnings(self) -> tuple[Problem, ...]:
        """What works but should be changed. A secret in the file is one of these where only its owner can read it, else a problem."""
        keys = [dotted(at) for at in self.inline]
        if keys and self.mode & 0o077 and not checks.guarded_by_systemd(self.file, self.environ):
            what = f"holds secrets ({', '.join(keys)}) and others can read it; chmod 600 it, or move them out with {{ env | file | credential }}"
            self.problems.append(Problem(self.file, "", what))
        advice = "a secret in the file; better { env = ... }, { file = ... } or { credential = ... }"
        return (*self.hints, *(Problem(self.file, key, advice) for key in keys))

    def secrets(self) -> frozenset[str]:
        pieces = (piece for address in self.addresses for piece in secret_parts(address))
        return frozenset((*self.resolver.values.values(), *self.inline.values(), *self.passwords.values(), *pieces))

    def safe(self, problem: Problem) -> Problem:
        """A connector's own validator may quote what it was given."""
        message = problem.message
        for secret in sorted(self.secrets(), key=len, reverse=True):
            message = message.replace(secret, "***")
        return Problem(problem.file, problem.key, message)


def _read(file: Path) -> tuple[str, int]:
    """The text and the permission bits of the same open file."""
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            data = opened.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(file, "", f"cannot be read ({error.strerror}); check the path and its permissions")]) from error
    if len(data) > FILE_MAX_BYTES:
        raise ConfigError([Problem(file, "", f"is larger than {FILE_MAX_BYTES} bytes; this cannot be a config file")])
    try:
        return data.decode("utf-8-sig"), mode
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(file, "", f"is not UTF-8 (byte {error.start}); save it as UTF-8")]) from error


def _plain(value: object) -> str:
    assert isinstance(value, (date, time)), "TOML has no other types"
    return value.isoformat()
