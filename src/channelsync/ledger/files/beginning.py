"""The key of a whole import: it stands for one file, whose rows have keys of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Begin(Keyed):
    """file: the id of its source."""

    file: str


@dataclass(frozen=True, slots=True)
class Begun(Answer):
    """repeat: this file was begun with this key before."""


@idempotent(Begun)
def begin_import(conn: Connection, items: Sequence[Begin], now: datetime) -> Sequence[Begun | Refusal]:
    """The key with another file is KeyReused."""
    return [Begun() for _ in items]
