"""One lease per channel: of several daemons on one database, the holder alone reads and pushes. The version is the fencing number of its attempts.

A shop cannot check a fencing number, so a holder sends only what ends within its lease, by its own monotonic clock (`engine.dispatch`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, case, cast, func, literal, or_, select, update

from channelsync.ledger.schema import channels
from channelsync.ledger.types import Utc

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """owner names one process for as long as it runs; a restarted daemon is another owner."""

    channel_id: int
    owner: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was granted."""

    channel_id: int
    owner: str
    version: int


def take_lease(conn: Connection, items: Sequence[LeaseRequest], now: datetime) -> list[int | None]:
    """Take a free or expired lease, or renew one's own: its version, or None while somebody else holds it.

    The version stays while a holder renews in time and grows whenever the lease was anybody's to take.
    """
    return [_take(conn, item, now) for item in items]


def renew_lease(conn: Connection, lease: Lease, now: datetime, seconds: float) -> bool:
    """Prolong a lease that is still held. False: it was lost, and everything that was planned under it is void."""
    clock = _clock(conn, now)
    held = _held_by(lease, clock)
    return conn.execute(update(channels).where(held).values(lease_until=clock + _micro(seconds))).rowcount == 1


def release_lease(conn: Connection, lease: Lease, now: datetime) -> bool:
    """Give a lease back, so that another node need not wait for its end. False: it was lost before."""
    released = update(channels).where(_held_by(lease, _clock(conn, now))).values(lease_owner=None, lease_until=None)
    return conn.execute(released).rowcount == 1


def lease_version(conn: Connection, channel_id: int) -> int:
    """The current fencing number."""
    version: int = conn.execute(select(channels.c.lease_version).where(channels.c.id == channel_id)).scalar_one()
    return version


def _take(conn: Connection, item: LeaseRequest, now: datetime) -> int | None:
    clock = _clock(conn, now)
    mine = and_(channels.c.lease_owner == item.owner, channels.c.lease_until > clock)
    free = or_(channels.c.lease_owner.is_(None), channels.c.lease_until <= clock)
    taken = (
        update(channels)
        .where(channels.c.id == item.channel_id, or_(mine, free))
        .values(
            lease_owner=item.owner,
            lease_until=clock + _micro(item.seconds),
            lease_version=case((mine, channels.c.lease_version), else_=channels.c.lease_version + 1),
        )
    )
    return conn.execute(taken.returning(channels.c.lease_version)).scalar_one_or_none()


def _held_by(lease: Lease, clock: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(
        channels.c.id == lease.channel_id,
        channels.c.lease_owner == lease.owner,
        channels.c.lease_version == lease.version,
        channels.c.lease_until > clock,
    )


def _clock(conn: Connection, now: datetime) -> ColumnElement[int]:
    """Nodes whose clocks differ must agree on a lease's end, so PostgreSQL's own clock decides. SQLite serves one machine: its clock is ours."""
    if conn.dialect.name == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()) * MICROSECONDS, BigInteger)
    return literal(Utc().process_bind_param(now, conn.dialect), BigInteger)


def _micro(seconds: float) -> int:
    return timedelta(seconds=seconds) // timedelta(microseconds=1)


def give_back(conn: Connection, items: Sequence[Lease], now: datetime) -> list[bool]:
    """`release_lease` as a verb."""
    return [release_lease(conn, item, now) for item in items]


def end_all(conn: Connection) -> None:
    """Free every lease. Only for whoever knows that no other process can hold one: the holder of a SQLite ledger's lock."""
    conn.execute(update(channels).where(channels.c.lease_owner.is_not(None)).values(lease_owner=None, lease_until=None))
