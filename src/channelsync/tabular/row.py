"""What reading a table yields, and how it says that a file is none."""

from __future__ import annotations

from dataclasses import dataclass

from channelsync.errors import ChannelsyncError


class Unreadable(ChannelsyncError):
    """The file is no table that can be read here. The text says where, and what to do."""

    code = "malformed"


@dataclass(frozen=True, slots=True)
class Row:
    """line: where it begins in the file, from 1. cells: as many as the header, unless `problem` says why the row cannot be used."""

    line: int
    cells: tuple[str, ...]
    problem: str | None = None
