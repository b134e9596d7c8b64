"""What a SKU is called for people. A shop gives it a first title (`cataloguing`); from then on the name is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, update

from channelsync.ledger import fitting, skus
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import skus as table

TITLE_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class SetTitle(Keyed):
    sku: str
    title: str


@dataclass(frozen=True, slots=True)
class TitleSet(Answer):
    sku: str
    title: str


@idempotent(TitleSet)
def set_title(conn: Connection, items: Sequence[SetTitle], now: datetime) -> Sequence[TitleSet | Refusal]:
    """Nothing depends on it. Locks SKU rows: inside another verb, call it before any level is locked."""
    names = skus.locked(conn, {item.sku for item in items})
    return [_set_one(conn, names, item) for item in items]


def _set_one(conn: Connection, names: dict[str, int], item: SetTitle) -> TitleSet | Refusal:
    if why := problem(item.title):
        return why
    if item.sku not in names:
        return UnknownSku(item.sku)
    conn.execute(update(table).where(table.c.id == names[item.sku]).values(title=item.title))
    return TitleSet(item.sku, item.title)


def problem(title: str) -> NotAllowed | None:
    if len(title) > TITLE_MAX:
        return NotAllowed(f"the title has {len(title)} characters, at most {TITLE_MAX} are kept; shorten it")
    if fitting.storable(title) != title:
        return NotAllowed("the title contains a character that no database can store; remove it")
    return None
