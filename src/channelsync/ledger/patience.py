"""Holds that outlive their end: while more is promised of a SKU at a location than is there, and its policy says for how long."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, cast, exists, type_coerce

from channelsync.ledger.schema import AVAILABLE, skus, stock_levels

_MINUTE: Final = 60_000_000
"""In the unit of a stored instant."""


def lives_on(claims: Any, ends_at: ColumnElement[Any], now: ColumnElement[Any]) -> ColumnElement[bool]:
    """Of a row of `claims` (columns sku_id, location_id) whose time was over at `ends_at`: its release is delayed.

    To let it go would put nothing on sale: others wait for these units already. Once they are there, the hold ends like any other.
    """
    until = type_coerce(ends_at, BigInteger) + cast(skus.c.release_delay, BigInteger) * _MINUTE
    level = stock_levels.c
    return exists().where(
        skus.c.id == claims.c.sku_id,
        skus.c.release_delay > 0,
        level.sku_id == claims.c.sku_id,
        level.location_id == claims.c.location_id,
        AVAILABLE < 0,
        until > now,
    )
