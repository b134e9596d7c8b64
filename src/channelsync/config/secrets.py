"""Secrets live outside the file: `{ env = "NAME" }`, `{ file = "path" }` or `{ credential = "NAME" }` (systemd's LoadCredential).

A reference is replaced by its value before anything is validated, wherever it stands. A secret written into the file itself is found
afterwards, by its type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from channelsync.config.problems import Key

SECRET_MAX_BYTES = 64 * 1024
UNRESOLVED = "unresolved"
_KINDS = ("env", "file", "credential")


class Resolver:
    """values: what was found, by its place in the file. failed: places whose reference leads nowhere, with the reason."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self.values: dict[Key, str] = {}
        self.failed: dict[Key, str] = {}

    def resolve(self, value: Any, at: Key = ()) -> Any:
        """A copy of the tree with every reference replaced; by UNRESOLVED where it leads nowhere."""
        if isinstance(value, dict):
            kind = _reference(value)
            if kind and not _maps_locations(at):
                return self._replace(kind, value[kind], at)
            return {key: self.resolve(inner, (*at, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, (*at, index)) for index, inner in enumerate(value)]
        return value

    def _replace(self, kind: str, name: str, at: Key) -> str:
        try:
            found = {"env": self._from_env, "file": self._from_file, "credential": self._from_credential}[kind](name)
        except LookupError as error:
            self.failed[at] = str(error.args[0])
            return UNRESOLVED
        self.values[at] = found
        return found

    def _from_env(self, name: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            raise LookupError(f"environment variable {name!r} is not set; set it for this service")
        return value

    def _from_file(self, name: str) -> str:
        return _read(self._folder / Path(name).expanduser())

    def _from_credential(self, name: str) -> str:
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise LookupError(f"credential {name!r}: no $CREDENTIALS_DIRECTORY; add LoadCredential={name}:/path to the systemd unit")
        if Path(name).name != name:
            raise LookupError(f"credential {name!r} is not a plain name; use the name given to LoadCredential=")
        return _read(Path(directory) / name)


def inline(model: BaseModel, raw: Any, at: Key, resolved: Mapping[Key, str]) -> Iterator[tuple[Key, str]]:
    """Secrets of a validated settings model that stand in the file itself, with their places."""
    for key, value in _secrets(model, at):
        if key not in resolved and _written(raw, key[len(at) :]):
            yield key, value


def _secrets(value: Any, at: Key) -> Iterator[tuple[Key, str]]:
    if isinstance(value, SecretStr):
        yield at, value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield at, value.get_secret_value().decode(errors="replace")
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _secrets(getattr(value, name), (*at, field.alias or name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secrets(inner, (*at, name))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _secrets(inner, (*at, index))


def _written(raw: Any, way: Key) -> bool:
    """False for a default that the settings model filled in."""
    for step in way:
        try:
            raw = raw[step]
        except (LookupError, TypeError):
            return False
    return True


def _reference(table: Mapping[str, Any]) -> str | None:
    kind = next(iter(table), "") if len(table) == 1 else ""
    return kind if kind in _KINDS and isinstance(table[kind], str) else None


def _maps_locations(at: Key) -> bool:
    """`[channels.<name>.locations]` maps the channel's own refs, and a shop may call a location "file"."""
    return len(at) == 3 and at[0] == "channels" and at[2] == "locations"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(SECRET_MAX_BYTES + 1)
    except OSError as error:
        raise LookupError(f"{path} cannot be read ({error.strerror}); create it or correct the path") from error
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise LookupError(f"{path} is not UTF-8 text; write the secret into it as plain text") from error
    if len(data) > SECRET_MAX_BYTES or not text:
        raise LookupError(f"{path} is {'empty' if not text else 'too large for a secret'}; it must hold the secret and nothing else")
    return text
