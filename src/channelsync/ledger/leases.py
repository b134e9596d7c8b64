"""One lease per channel: of several daemons on one database, the holder alone reads and pushes. The version is the fencing number of its attempts.

A shop cannot check a fencing number, so a holder sends only what ends within its lease, by its own monotonic clock (`engine.leasing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Update,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    update,
)

from channelsync.ledger.schema import channels
from channelsync.ledger.spelt import Spelt
from channelsync.ledger.types import microseconds

MICROSECONDS = 1_000_000

_CLOCKS: Mapping[str, ColumnElement[int]] = {
    "postgresql": cast(func.extract("epoch", func.clock_timestamp()) * MICROSECONDS, BigInteger),
    "sqlite": bindparam("now", type_=BigInteger()),
}
"""Nodes whose clocks differ must agree on a lease's end, so PostgreSQL's own clock decides. SQLite serves one machine: its clock is ours."""


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


def _by_clock(statement: Callable[[ColumnElement[int]], Executable]) -> Spelt:
    return Spelt({name: statement(clock) for name, clock in _CLOCKS.items()})


def _held(clock: ColumnElement[int]) -> Update:
    """The row of a lease that is held."""
    at = channels.c
    mine = at.lease_owner == bindparam("owner"), at.lease_version == bindparam("version")
    return update(channels).where(at.id == bindparam("channel"), *mine, at.lease_until > clock)


_LASTS = bindparam("lasts", type_=BigInteger())
_RENEW = _by_clock(lambda clock: _held(clock).values(lease_until=clock + _LASTS))
_RELEASE = _by_clock(lambda clock: _held(clock).values(lease_owner=None, lease_until=None))


def renew_lease(conn: Connection, lease: Lease, now: datetime, seconds: float) -> bool:
    """Prolong a lease that is still held. False: it was lost, and everything that was planned under it is void."""
    return _RENEW.run(conn, **_named(lease), now=microseconds(now), lasts=_micro(seconds)).rowcount == 1


def release_lease(conn: Connection, lease: Lease, now: datetime) -> bool:
    """Give a lease back, so that another node need not wait for its end. False: it was lost before."""
    return _RELEASE.run(conn, **_named(lease), now=microseconds(now)).rowcount == 1


def _named(lease: Lease) -> dict[str, int | str]:
    return {"channel": lease.channel_id, "owner": lease.owner, "version": lease.version}


_VERSION = Spelt(select(channels.c.lease_version).where(channels.c.id == bindparam("channel")))


def lease_version(conn: Connection, channel_id: int) -> int:
    """The current fencing number."""
    version: int
    (version,) = _VERSION.scalars(conn, channel=channel_id)
    return version


def _taken(clock: ColumnElement[int]) -> Executable:
    at, owner = channels.c, bindparam("owner", type_=channels.c.lease_owner.type)
    mine = and_(at.lease_owner == owner, at.lease_until > clock)
    free = or_(at.lease_owner.is_(None), at.lease_until <= clock)
    version = case((mine, at.lease_version), else_=at.lease_version + 1)
    taken = update(channels).where(at.id == bindparam("channel"), or_(mine, free))
    return taken.values(lease_owner=owner, lease_until=clock + _LASTS, lease_version=version).returning(at.lease_version)


_TAKE = _by_clock(_taken)


def _take(conn: Connection, item: LeaseRequest, now: datetime) -> int | None:
    version: int | None = _TAKE.scalar(conn, channel=item.channel_id, owner=item.owner, now=microseconds(now), lasts=_micro(item.seconds))
    return version


def _micro(seconds: float) -> int:
    return timedelta(seconds=seconds) // timedelta(microseconds=1)


def give_back(conn: Connection, items: Sequence[Lease], now: datetime) -> list[bool]:
    """`release_lease` as a verb."""
    return [release_lease(conn, item, now) for item in items]


def end_all(conn: Connection) -> None:
    """Free every lease. Only for whoever knows that no other process can hold one: the holder of a SQLite ledger's lock."""
    conn.execute(update(channels).where(channels.c.lease_owner.is_not(None)).values(lease_owner=None, lease_until=None))
