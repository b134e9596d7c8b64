"""SKUs: found, made, renamed. Their stock lives in `stock` and `reservations`, how they may be sold is set in `policies`.

A SKU is its surrogate id; the text is a name that can change (an event, kept in `findings`) and that another SKU may take over later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, exists, insert, select, update

from channelsync.ledger import bounds, ruling
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import bundle_parts, findings, skus, stock_levels
from channelsync.ledger.spelt import Spelt, one_of

CHUNK = 400


class Backorder(StrEnum):
    DENY = "deny"
    ALLOW = "allow"
    PREORDER = "preorder"


@dataclass(frozen=True, slots=True)
class Sku:
    """counted: it has had physical units posted; before that an oversell means nothing. reference_limit: what one cart or order may claim.
    bundle: it is made of others, and has no stock of its own.
    """

    id: int
    sku: str
    title: str
    backorder: Backorder
    backorder_limit: int | None
    counted: bool
    reference_limit: int | None = None
    bundle: bool = False


_SKUS = select(
    *(skus.c[name] for name in ("id", "sku", "title", "backorder", "backorder_limit", "counted", "reference_limit")),
    exists().where(bundle_parts.c.bundle_id == skus.c.id).label("bundle"),
)
_BY_TEXT = Spelt(_SKUS.where(one_of(skus.c.sku, "those")))
_BY_ID = Spelt(_SKUS.where(one_of(skus.c.id, "those")))


def _read(conn: Connection, query: Spelt, those: Sequence[Any]) -> Iterator[Sku]:
    for id_, sku, title, backorder, *rest in query.rows(conn, those=those):
        yield Sku(id_, sku, title, Backorder(backorder), *rest)


def find(conn: Connection, texts: Iterable[str]) -> dict[str, Sku]:
    """The SKUs that exist among the texts, by exact text."""
    wanted = bounds.findable(texts)
    found: dict[str, Sku] = {}
    for start in range(0, len(wanted), CHUNK):
        found |= {sku.sku: sku for sku in _read(conn, _BY_TEXT, wanted[start : start + CHUNK])}
    return found


def by_id(conn: Connection, sku_ids: Iterable[int]) -> dict[int, Sku]:
    ids = sorted(set(sku_ids))
    found: dict[int, Sku] = {}
    for start in range(0, len(ids), CHUNK):
        found |= {sku.id: sku for sku in _read(conn, _BY_ID, ids[start : start + CHUNK])}
    return found


def ensure(conn: Connection, texts: Iterable[str], now: datetime) -> dict[str, Sku]:
    """Like `find`, after making those that do not exist. Raises NotAllowed for a text that is no SKU."""
    wanted = sorted(set(texts))
    for text in wanted:
        if problem := bounds.sku_text(text):
            raise problem
    found = find(conn, wanted)
    missing = [text for text in wanted if text not in found]
    if not missing:
        return found
    conn.execute(insert_into(conn, skus).on_conflict_do_nothing(), [{"sku": text, "created_at": now} for text in missing])
    return found | find(conn, missing)


@dataclass(frozen=True, slots=True)
class Rename(Keyed):
    sku: str
    to: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Renamed(Answer):
    sku_id: int
    sku: str
    was: str


@idempotent(Renamed)
def rename(conn: Connection, items: Sequence[Rename], now: datetime) -> Sequence[Renamed | Refusal]:
    """Give SKUs another text. Stock, holds and links stay: they hang on the id. A text in use is refused."""
    names = locked(conn, {text for item in items for text in (item.sku, item.to)})
    answers = [_rename_one(names, item) for item in items]
    done = [answer for answer in answers if isinstance(answer, Renamed)]
    for answer in done:  # one by one and in order: a -> b may only follow b -> c
        conn.execute(update(skus).where(skus.c.id == answer.sku_id).values(sku=answer.sku))
    ruling.settle(conn, {answer.sku_id for answer in done}, now)  # rules name SKUs by their text
    events = [_renamed_event(answer, item.actor, now) for item, answer in zip(items, answers, strict=True) if isinstance(answer, Renamed)]
    if events:
        conn.execute(insert(findings), events)
    return answers


def _rename_one(names: dict[str, int], item: Rename) -> Renamed | Refusal:
    """`names`: the texts in use and their ids, kept up to date through the batch."""
    if problem := bounds.sku_text(item.to) or bounds.texts(actor=item.actor):
        return problem
    if item.sku not in names:
        return UnknownSku(item.sku)
    if item.to in names:
        return NotAllowed(
            f"SKU {item.to!r} exists already; two SKUs cannot be merged by renaming. Rename that one first, or choose another text"
        )
    names[item.to] = names.pop(item.sku)
    return Renamed(names[item.to], item.to, item.sku)


def _renamed_event(answer: Renamed, actor: str, now: datetime) -> dict[str, Any]:
    """An event, not a complaint: it is born resolved and stays as the SKU's history."""
    detail = {"from": answer.was, "to": answer.sku, "actor": actor}
    return {"kind": "renamed", "sku_id": answer.sku_id, "reference": answer.sku, "detail": detail, "created_at": now, "resolved_at": now}


def lock_rows(conn: Connection, sku_ids: Iterable[int]) -> None:
    """Hold the SKUs' own rows, in key order: for decisions that span their locations. Always before any level row is locked."""
    ids = sorted(set(sku_ids))
    for start in range(0, len(ids), CHUNK):
        conn.execute(_for_update(select(skus.c.id).where(skus.c.id.in_(ids[start : start + CHUNK])).order_by(skus.c.id))).all()


_LEVEL_KEYS = Spelt(select(stock_levels.c.sku_id, stock_levels.c.location_id).where(one_of(stock_levels.c.sku_id, "those")))


def level_keys(conn: Connection, sku_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Every (sku_id, location_id) that has a level."""
    ids = sorted(set(sku_ids))
    return {(row[0], row[1]) for row in _LEVEL_KEYS.rows(conn, those=ids)} if ids else set()


def mark_counted(conn: Connection, sku_ids: Iterable[int]) -> None:
    """A count of zero is a count, although it moves nothing."""
    ids = sorted(set(sku_ids))
    for start in range(0, len(ids), CHUNK):
        conn.execute(update(skus).where(skus.c.id.in_(ids[start : start + CHUNK]), skus.c.counted.is_(False)).values(counted=True))


def locked(conn: Connection, texts: set[str]) -> dict[str, int]:
    """The ids of those that exist, their rows held until the transaction ends."""
    query = select(skus.c.sku, skus.c.id).where(skus.c.sku.in_(bounds.findable(texts))).order_by(skus.c.id)
    return {row[0]: row[1] for row in conn.execute(_for_update(query))}


def _for_update(query: Select[Any]) -> Select[Any]:
    return query.with_for_update(key_share=True)
