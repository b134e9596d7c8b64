"""A kind of file whose rows stand in the config file. The program never writes that: an import says what differs and gives the TOML to put there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from channelsync.config.models import Config
from channelsync.ledger.files.cells import BadCell
from channelsync.ledger.files.kinds import Asked, Kind, State, Value, Verdict

R = TypeVar("R", bound=Asked)


@dataclass(frozen=True, slots=True)
class ConfigKind(Kind[R]):
    """export: rows of what the config says. compare: what rows would change. toml: the table of one row, to put into the file."""

    export: Callable[[Config], Iterator[tuple[Value, ...]]] = field(kw_only=True)
    compare: Callable[[Config, Sequence[R]], list[Verdict]] = field(kw_only=True)
    toml: Callable[[R], str] = field(kw_only=True)
    exported: tuple[str, ...] = field(kw_only=True)


def said(rows: Sequence[Any], verdicts: Sequence[Verdict], toml: Callable[[Any], str]) -> str:
    """The tables of the rows that differ from the config."""
    wanted = {verdict.line for verdict in verdicts if verdict.state in {State.NEW, State.CHANGE}}
    return "\n".join(toml(row) for row in rows if row.line in wanted)


def checked(model: type[Any], values: Mapping[str, Any]) -> Any:
    """The row as the config would take it. Raises BadCell."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadCell(str(first["loc"][0]) if first["loc"] else None, first["msg"].removeprefix("Value error, ")) from None
