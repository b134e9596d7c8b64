"""Deliberately broken variants of what is believed of a stock authority: its readings, its reserves, and its documents of our orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

import channelsync_memory.authority as connector
from channelsync.contract import Physical
from channelsync.engine.authority import Authority
from channelsync.engine.channel import Channel
from channelsync.engine.loops import Engine
from channelsync.ledger import authority_rows, order_documents
from channelsync.ledger.authority_claims import LineFacts
from channelsync.ledger.authority_import import _Posting
from channelsync.ledger.authority_rows import Row

Patch = pytest.MonkeyPatch


def debits_early(patch: Patch) -> None:
    """A shipment is taken off pending_debit by a number that was asked for before its document was known, and nobody asks for a newer one."""
    collect = Authority._collect

    async def then_hears(self: Authority, *args: Any, **kwargs: Any) -> Any:
        told = await collect(self, *args, **kwargs)
        await self._store.clock.sleep(4.0)
        await self._hear()
        return told

    patch.setattr(Authority, "_collect", then_hears)
    patch.setattr(authority_rows, "want_newer", lambda *_args: None)
    patch.setattr(LineFacts, "proven_by", lambda self, _question: self.shipped)


def applies_older_readings(patch: Patch) -> None:
    """Two rounds of reading overlap, and what arrives last is believed."""
    rows, judged, tasks = authority_rows.read, Authority._judged, Engine._authority_tasks

    def forgetful(conn: Connection, keys: Any) -> dict[Any, Row]:
        return {key: replace(row, read_seq=0) for key, row in rows(conn, keys).items()}

    async def slowly(self: Authority, *args: Any, **kwargs: Any) -> bool:
        await self._store.clock.sleep(self._store.random.random() * 8)
        return await judged(self, *args, **kwargs)

    def two_readers(self: Engine, channel: Channel, authority: Authority) -> dict[str, Any]:
        found = tasks(self, channel, authority)
        return found | {f"import {number}": found["import"] for number in range(2)}

    patch.setattr(authority_rows, "want_newer", lambda *_args: None)
    patch.setattr(authority_rows, "read", forgetful)
    patch.setattr(Authority, "_judged", slowly)
    patch.setattr(Engine, "_authority_tasks", two_readers)


def absent_is_zero(patch: Patch) -> None:
    """A row that does not come in a full reading is taken for none left."""
    collect = Authority._collect

    async def filled(self: Authority, cursor: Any, *, full: bool) -> Any:
        told, refused, mark = await collect(self, cursor, full=full)
        known = self.__dict__.setdefault("seen", set())
        came = {(row.listing, row.location) for row in told}
        missing = sorted(known - came) if full else []
        known |= came
        return (*told, *(Physical(listing, location, 0, 0) for listing, location in missing)), refused, mark

    patch.setattr(Authority, "_collect", filled)


def null_is_zero(patch: Patch) -> None:
    """A number that is being worked out is taken for none left."""
    plain = connector._physical
    patch.setattr(connector, "_physical", lambda row: replace(told, units=0) if (told := plain(row)).units is None else told)


def ours_is_foreign(patch: Patch) -> None:
    """What the authority keeps for our orders counts as kept for others, too."""
    patch.setattr(LineFacts, "least", lambda _self, _question: 0)


def ignores_foreign(patch: Patch) -> None:
    """What the authority keeps for others is offered."""
    plain: Callable[..., Row] = _Posting._placed
    patch.setattr(_Posting, "_placed", lambda self, *args: replace(plain(self, *args), held=0))


def waits_for_the_channel(patch: Patch) -> None:
    """A hold ends only when its shop says that it has shipped (F17)."""
    patch.setattr(order_documents, "note", lambda _conn, _items, _now: None)
