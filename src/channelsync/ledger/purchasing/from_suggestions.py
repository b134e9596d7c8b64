"""From what should be ordered to drafts of purchase orders, one for each supplier and location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from channelsync.ledger import bounds
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.purchasing import drafting, suggestions
from channelsync.ledger.purchasing.drafting import Draft, Wanted
from channelsync.ledger.purchasing.orders import Told
from channelsync.ledger.purchasing.suggestions import COVER, DAYS, LEAD, Question
from channelsync.ledger.refusals import Refusal


@dataclass(frozen=True, slots=True)
class DraftSuggested(Keyed):
    """As in a Question: what of the suggestions is drafted, and how they are made."""

    location: str | None = None
    supplier: str | None = None
    skus: tuple[str, ...] = ()
    days: int = DAYS
    cover: int = COVER
    lead: int = LEAD
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Suggested(Answer):
    """The drafts; none, if nothing need be ordered. What nobody is known to sell is on a draft without a supplier."""

    orders: tuple[Told, ...]


@idempotent(Suggested)
def draft_suggested(conn: Connection, items: Sequence[DraftSuggested], now: datetime) -> Sequence[Suggested | Refusal]:
    """As the ledger is now. What is on a draft is not suggested again: doing it twice drafts nothing more."""
    return [_draft(conn, item, now) for item in items]


def _draft(conn: Connection, item: DraftSuggested, now: datetime) -> Suggested | Refusal:
    if problem := bounds.texts(actor=item.actor):
        return problem
    asked = Question(item.days, item.cover, item.lead, item.location, item.supplier, item.skus)
    try:
        rows = suggestions.suggest(conn, asked, now)
    except Refusal as refusal:
        return refusal
    together: dict[tuple[str, str], list[Wanted]] = {}
    for row in rows:
        together.setdefault((row.supplier or "", row.location), []).append(Wanted(row.sku, row.quantity))
    drafts = [
        Draft(location, tuple(lines[start : start + bounds.MAX_LINES]), supplier or None, actor=item.actor)
        for (supplier, location), lines in sorted(together.items())
        for start in range(0, len(lines), bounds.MAX_LINES)
    ]
    with conn.begin_nested() as all_of_them:
        made = drafting.draft(conn, drafts, now)
        if refused := next((each for each in made if isinstance(each, Refusal)), None):
            all_of_them.rollback()
            return refused
    return Suggested(tuple(each for each in made if not isinstance(each, Refusal)))
