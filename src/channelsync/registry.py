"""Finds connectors through the entry-point group `channelsync.connectors`. Nothing is imported before it is asked for by name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from channelsync.contract.verbs import ConnectorType
from channelsync.errors import ChannelsyncError

GROUP = "channelsync.connectors"


class RegistryError(ChannelsyncError):
    """A connector cannot be had: the text names it, its distribution, and what to do."""


class UnknownConnector(RegistryError):
    """No installed distribution offers a connector of this name."""


class BrokenConnector(RegistryError):
    """The entry point is there but does not lead to a connector."""


class Registry:
    """The connectors of this installation, by name."""

    def __init__(self, found: Iterable[EntryPoint]) -> None:
        self._found: dict[str, list[EntryPoint]] = {}
        for entry in found:
            self._found.setdefault(entry.name, []).append(entry)

    @classmethod
    def installed(cls) -> Registry:
        return cls(entry_points(group=GROUP))

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._found))

    def connector(self, name: str) -> ConnectorType:
        """Raises UnknownConnector or BrokenConnector."""
        entries = _distinct(self._found.get(name, []))
        if not entries:
            raise UnknownConnector(self._unknown(name))
        if len(entries) > 1:
            owners = " and ".join(sorted(_owner(entry) for entry in entries))
            raise BrokenConnector(f"connector {name!r} is offered by {owners}; uninstall all but one of them")
        return _load(entries[0])

    def _unknown(self, name: str) -> str:
        known = ", ".join(self.names()) or "none is installed"
        near = get_close_matches(name, self.names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; install the distribution that brings it, or correct the name"
        return f"unknown connector {name!r}; known: {known}{hint}"


def _distinct(entries: list[EntryPoint]) -> list[EntryPoint]:
    """An editable install beside a stale copy lists the same entry point of the same distribution twice."""
    return list({(_owner(entry), entry.value): entry for entry in entries}.values())


def _load(entry: EntryPoint) -> ConnectorType:
    try:
        loaded = entry.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise BrokenConnector(
            f"connector {entry.name!r} of {_owner(entry)} cannot be imported ({reason}); reinstall or update it"
        ) from error
    if isinstance(loaded, type) or not isinstance(loaded, ConnectorType):
        raise BrokenConnector(f"connector {entry.name!r} of {_owner(entry)}: {entry.value!r} is not a ConnectorType object; update it")
    if loaded.name != entry.name:
        raise BrokenConnector(f"connector {entry.name!r} of {_owner(entry)} calls itself {loaded.name!r}; update it")
    return loaded


def _owner(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value.partition(":")[0]
