"""What people should know about: oversells, shortages, drift. One open row per matter, however often it is seen; what was resolved stays as history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from channelsync.ledger import fitting
from channelsync.ledger.schema import findings

PAGE = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """detail: the numbers as they were last seen. resolved_at None: still open."""

    id: int
    kind: str
    channel_id: int | None
    sku_id: int | None
    reference: str
    detail: Mapping[str, Any]
    created_at: datetime
    resolved_at: datetime | None


def record(
    conn: Connection, kind: str, channel_id: int | None, sku_id: int | None, reference: str, detail: Mapping[str, Any], now: datetime
) -> None:
    """Open a finding, or bring the open one up to date.

    Two writers that see the same matter first at the same moment may both open one; `resolve` closes them together.
    """
    seen = update(findings).where(*_open(kind, channel_id, sku_id, reference)).values(detail=dict(detail))
    if conn.execute(seen).rowcount == 0:
        row = {"kind": kind, "channel_id": channel_id, "sku_id": sku_id, "reference": fitting.ref(reference)}
        conn.execute(insert(findings).values(**row, detail=dict(detail), created_at=now))


def resolve(conn: Connection, kind: str, channel_id: int | None, sku_id: int | None, reference: str, now: datetime) -> bool:
    """The matter is settled. False: none was open."""
    return conn.execute(update(findings).where(*_open(kind, channel_id, sku_id, reference)).values(resolved_at=now)).rowcount > 0


def listed(
    conn: Connection, *, kind: str | None = None, sku_id: int | None = None, resolved: bool = False, after: int = 0, limit: int = PAGE
) -> list[Finding]:
    """Open findings (or all with resolved=True), oldest first; pages by key: `after` is the last id of the page before."""
    query = select(findings).where(findings.c.id > after)
    if not resolved:
        query = query.where(findings.c.resolved_at.is_(None))
    if kind is not None:
        query = query.where(findings.c.kind == kind)
    if sku_id is not None:
        query = query.where(findings.c.sku_id == sku_id)
    return [_finding(row) for row in conn.execute(query.order_by(findings.c.id).limit(limit)).mappings()]


def _open(kind: str, channel_id: int | None, sku_id: int | None, reference: str) -> list[ColumnElement[bool]]:
    return [
        findings.c.kind == kind,
        findings.c.resolved_at.is_(None),
        findings.c.channel_id.is_not_distinct_from(channel_id),
        findings.c.sku_id.is_not_distinct_from(sku_id),
        findings.c.reference == fitting.ref(reference),
    ]


def _finding(row: RowMapping) -> Finding:
    names = ("id", "kind", "channel_id", "sku_id", "reference", "detail", "created_at", "resolved_at")
    return Finding(*(row[name] for name in names))
