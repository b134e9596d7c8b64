"""From the rows of a table to what a kind understands of them: the header's names, cells by column, and what two rows must not both say."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Generic, TypeVar

from channelsync.errors import ChannelsyncError
from channelsync.ledger.files.cells import BadCell
from channelsync.ledger.files.kinds import Asked, Kind, Mistake
from channelsync.tabular import Row

R = TypeVar("R", bound=Asked)


class WrongColumns(ChannelsyncError):
    """The header does not fit the kind of file."""

    code = "malformed"


class Reader(Generic[R]):
    """For one pass through one file. Raises WrongColumns. defaults: what stands in cells that are empty or not there. ignored: columns of the
    file to leave alone; None: whoever reads it cannot say so.
    """

    def __init__(
        self, kind: Kind[R], header: tuple[str, ...], *, defaults: Mapping[str, str], ignored: Collection[str] | None = ()
    ) -> None:
        self._kind, self._defaults = kind, defaults
        self._places = _places(kind, header, None if ignored is None else {folded(name) for name in ignored}, defaults)
        self._seen: dict[bytes, int] = {}
        self._said: dict[bytes, tuple[int, str]] = {}

    def read(self, row: Row) -> R | Mistake | None:
        """None: the row says nothing (its cells are empty where a change would stand)."""
        if row.problem is not None:
            return Mistake(None, row.problem)
        cells = {name: row.cells[place] for name, place in self._places.items()}
        cells |= {name: value for name, value in self._defaults.items() if not cells.get(name, "").strip()}
        try:
            found = self._kind.parse(row.line, cells)
        except BadCell as error:
            return Mistake(error.column, str(error))
        return found if found is None else self._contradiction(found, row.line) or found

    def _contradiction(self, found: R, line: int) -> Mistake | None:
        what = self._kind.once(found)
        if what is not None and (mistake := self._twice(what, line)):
            return mistake
        said = self._kind.alike(found) if self._kind.alike else None
        return None if said is None else self._unlike(*said, line)

    def _twice(self, what: Any, line: int) -> Mistake | None:
        """Of each only a few bytes are remembered: a file may have a million."""
        before = self._seen.setdefault(_mark(what), line)
        return (
            None
            if before == line
            else Mistake(None, f"line {before} is about the same; only one of the two can be right, remove the other")
        )

    def _unlike(self, column: str, what: Any, said: str, line: int) -> Mistake | None:
        before, first = self._said.setdefault(_mark(what), (line, said))
        return (
            None
            if said == first
            else Mistake(column, f"line {before} says {first!r} of the same, and only one can hold; correct one of the two")
        )


def _mark(what: Any) -> bytes:
    return hashlib.blake2b(repr(what).encode(errors="surrogatepass"), digest_size=12).digest()


@dataclass(frozen=True, slots=True)
class Piece(Generic[R]):
    """Some rows of a file, each with how it stands there. empty: rows that say nothing."""

    asked: tuple[tuple[Row, R], ...]
    wrong: tuple[tuple[Row, Mistake], ...]
    empty: int

    @property
    def size(self) -> int:
        return len(self.asked) + len(self.wrong) + self.empty


def pieces(rows: Iterable[Row], reader: Reader[R], size: int) -> Iterator[Piece[R]]:
    """The whole file, at most `size` rows at once."""
    rest = iter(rows)
    while some := list(islice(rest, size)):
        asked: list[tuple[Row, R]] = []
        wrong: list[tuple[Row, Mistake]] = []
        for row in some:
            found = reader.read(row)
            if isinstance(found, Mistake):
                wrong.append((row, found))
            elif found is not None:
                asked.append((row, found))
        yield Piece(tuple(asked), tuple(wrong), len(some) - len(asked) - len(wrong))


def folded(name: str) -> str:
    """Names of columns: case, and whether words are parted by a space, a hyphen or _, do not count."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _places(kind: Kind[Any], header: tuple[str, ...], ignored: Collection[str] | None, defaults: Mapping[str, str]) -> dict[str, int]:
    """Column -> its place in the rows; those that are only told are left out."""
    columns, found, unknown = {column.name: column for column in kind.columns}, dict[str, int](), list[str]()
    for place, cell in enumerate(header):
        name = folded(cell)
        if name in found:
            raise WrongColumns(f"the header names the column {cell!r} twice; remove one of the two")
        if name in columns:
            found[name] = place
        elif name not in (ignored or ()):
            unknown.append(cell)
    if unknown:
        raise WrongColumns(_about_unknown(kind, unknown, can_ignore=ignored is not None))
    missing = [name for name, column in columns.items() if column.required and name not in found]
    if missing:
        instead = f" ({_options(kind.spoken)} may stand for all rows in the place of a column)" if kind.spoken else ""
        raise WrongColumns(
            f"the header lacks {', '.join(missing)}; a file of {kind.name} begins with a line like: {example(kind)}{instead}"
        )
    if kind.either and not set(kind.either) & {*found, *(name for name, value in defaults.items() if value)}:
        spoken = [name for name in kind.either if name in kind.spoken]
        instead = f", or say it for all rows: {_options(spoken)}" if spoken else ""
        raise WrongColumns(f"the header has none of {', '.join(kind.either)}, so no row can say anything; add one of them{instead}")
    return {name: place for name, place in found.items() if not columns[name].told}


def _about_unknown(kind: Kind[Any], unknown: list[str], *, can_ignore: bool) -> str:
    known = [column.name for column in kind.columns]
    hints = {name: get_close_matches(folded(name), known, 1) for name in unknown[:10]}
    named = ", ".join(repr(name[:40]) + (f" (meant {hints[name][0]}?)" if hints[name] else "") for name in hints)
    return (
        f"the header has columns that are unknown here: {named}; known for {kind.name}: {', '.join(known)}. "
        f"Rename them, or {'leave them alone with --ignore NAME' if can_ignore else 'take them out of the file'}"
    )


def _options(columns: Iterable[str]) -> str:
    """As the command spells them, and as the API does."""
    return ", ".join(f"--{name} (`{name}`)" for name in columns)


def example(kind: Kind[Any]) -> str:
    return ",".join(column.name for column in kind.columns if not column.told)
