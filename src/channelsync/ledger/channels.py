"""The channels of a store: registered from the config, paused with a reason and resumed, and the counter that puts their reads in order.

Who may push to a channel is in `leases`; which shop it belongs to in `identity`; its first day in `openings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select, update

from channelsync.contract import Role
from channelsync.ledger import fitting
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.leases import LeaseRequest, lease_version, release_lease, renew_lease, take_lease
from channelsync.ledger.order_policy import AS_THE_SHOP_SAYS, OrderPolicy, as_row
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import channels
from channelsync.ledger.spelt import Spelt

__all__ = [
    "ChannelSpec",
    "ChannelState",
    "LeaseRequest",
    "Pause",
    "PauseEnd",
    "PauseKind",
    "end_pauses",
    "every",
    "lease_version",
    "may_write",
    "next_read_seq",
    "next_read_seqs",
    "pause",
    "register",
    "release_lease",
    "renew_lease",
    "resume",
    "state_of",
    "take_lease",
]


class PauseKind(StrEnum):
    PERSON = "person"  # until a person resumes it
    CREDENTIALS = "credentials"  # until the shop accepts us again
    GUARD = "guard"  # until a person has accepted what it would have done
    LOCATION = "location"  # until a place that holds stock is mapped, or empty


ENDS_BY_ITSELF: Final = (PauseKind.CREDENTIALS, PauseKind.LOCATION)


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """One `[channels.<name>]` table. location_id: where orders that name no location are taken from. policy: how its orders are treated."""

    name: str
    connector: str
    location_id: int | None
    role: Role = Role.CHANNEL
    policy: OrderPolicy = AS_THE_SHOP_SAYS


@dataclass(frozen=True, slots=True)
class ChannelState:
    """shop: the shop's own identity, None until it was asked. opened_at None: its first plan is not applied, so nothing is written to it."""

    id: int
    name: str
    connector: str
    shop: str | None
    location_id: int | None
    opened_at: datetime | None
    paused_at: datetime | None
    paused_reason: str | None
    lease_owner: str | None
    lease_until: datetime | None
    role: Role = Role.CHANNEL
    paused_kind: PauseKind | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """reason: why, and what a person has to do before it can go on. kind: what ends it (`PauseKind`)."""

    channel_id: int
    reason: str
    kind: PauseKind = PauseKind.PERSON


def register(conn: Connection, items: Sequence[ChannelSpec], now: datetime) -> list[int | Refusal]:
    """Make or update channels; their ids. A name keeps its connector for ever, as it keeps its shop."""
    rows = {
        item.name: {"name": item.name, "connector": item.connector, "location_id": item.location_id, "created_at": now} for item in items
    }
    if rows:
        conn.execute(insert_into(conn, channels).on_conflict_do_nothing(), [rows[name] for name in sorted(rows)])
    stored = {
        row.name: row for row in conn.execute(select(channels.c.id, channels.c.name, channels.c.connector).where(channels.c.name.in_(rows)))
    }
    answers: list[int | Refusal] = []
    for item in items:
        row = stored[item.name]
        if row.connector != item.connector:
            answers.append(_other_connector(item, row.connector))
            continue
        told = {"location_id": item.location_id, "role": item.role.value, **as_row(item.policy)}
        conn.execute(update(channels).where(channels.c.id == row.id).values(**told))
        answers.append(row.id)
    return answers


_EVERY = Spelt(select(channels).order_by(channels.c.name))


def every(conn: Connection) -> list[ChannelState]:
    """All channels by name, also those that left the config."""
    return [_state(row) for row in _EVERY.mappings(conn)]


_MINE = channels.c.id == bindparam("mine")
_MAY_WRITE = Spelt(select(channels.c.id).where(_MINE, channels.c.opened_at.is_not(None), channels.c.paused_at.is_(None)))


def may_write(conn: Connection, channel_id: int) -> bool:
    """Whether its first plan was applied and nobody paused it."""
    return _MAY_WRITE.first(conn, mine=channel_id) is not None


def pause(conn: Connection, items: Sequence[Pause], now: datetime) -> list[bool]:
    """Stop writing to channels. False: it was paused already, and keeps its first reason.

    A person's pause takes the place of any other, and the guard's of those that end by themselves: what ends by itself must not end what a
    person has said, or is to be asked.
    """
    return [_pause(conn, item, now) for item in items]


def _pause(conn: Connection, item: Pause, now: datetime) -> bool:
    running: ColumnElement[bool] = channels.c.paused_at.is_(None)
    if item.kind is PauseKind.PERSON:
        running = or_(running, channels.c.paused_kind != PauseKind.PERSON.value)
    elif item.kind is PauseKind.GUARD:
        running = or_(running, channels.c.paused_kind.in_([kind.value for kind in ENDS_BY_ITSELF]))
    paused = {"paused_at": now, "paused_reason": fitting.storable(item.reason), "paused_kind": item.kind.value}
    return conn.execute(update(channels).where(channels.c.id == item.channel_id, running).values(**paused)).rowcount == 1


def resume(conn: Connection, items: Sequence[int], now: datetime) -> list[bool]:
    """Let channels (by id) be written again. False: it was not paused."""
    running = {"paused_at": None, "paused_reason": None, "paused_kind": None}
    return [
        conn.execute(update(channels).where(channels.c.id == item, channels.c.paused_at.is_not(None)).values(**running)).rowcount == 1
        for item in items
    ]


@dataclass(frozen=True, slots=True)
class PauseEnd:
    """What a channel was paused for is over. A pause of another kind stays."""

    channel_id: int
    kind: PauseKind


def end_pauses(conn: Connection, items: Sequence[PauseEnd], now: datetime) -> list[bool]:
    """Let channels be written again that were paused for this. False: it was not paused, or for something else."""
    running = {"paused_at": None, "paused_reason": None, "paused_kind": None}
    return [
        conn.execute(
            update(channels).where(channels.c.id == item.channel_id, channels.c.paused_kind == item.kind.value).values(**running)
        ).rowcount
        == 1
        for item in items
    ]


_STATE = Spelt(select(channels).where(_MINE))
_NEXT_READ_SEQ = Spelt(update(channels).where(_MINE).values(read_seq=channels.c.read_seq + 1).returning(channels.c.read_seq))


def state_of(conn: Connection, channel_id: int) -> ChannelState:
    (row,) = _STATE.mappings(conn, mine=channel_id)
    return _state(row)


def next_read_seq(conn: Connection, channel_id: int) -> int:
    """A number greater than all before it for this channel, taken before a read starts: of two answers, the later question's is newer."""
    number: int
    (number,) = _NEXT_READ_SEQ.scalars(conn, mine=channel_id)
    return number


def next_read_seqs(conn: Connection, items: Sequence[int], now: datetime) -> list[int]:
    """`next_read_seq` as a verb over channel ids. Rows are locked in key order, like everywhere."""
    places = sorted(range(len(items)), key=items.__getitem__)
    numbers = {place: next_read_seq(conn, items[place]) for place in places}
    return [numbers[place] for place in range(len(items))]


def _other_connector(item: ChannelSpec, known: str) -> NotAllowed:
    return NotAllowed(
        f"channel {item.name!r} was made for connector {known!r} and the config now says {item.connector!r}; give the new shop a channel name of its own"
    )


def _state(row: Mapping[str, Any]) -> ChannelState:
    return ChannelState(
        row["id"], row["name"], row["connector"], row["shop"], row["location_id"], row["opened_at"],
        row["paused_at"], row["paused_reason"], row["lease_owner"], row["lease_until"], Role(row["role"]),
        PauseKind(row["paused_kind"]) if row["paused_kind"] else None,
    )  # fmt: skip
