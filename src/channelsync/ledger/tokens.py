"""Tokens of the API: who may do what, until when. How a token is spelled and how its secret is hashed is the shell's affair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, bindparam, insert, or_, select, update

from channelsync.ledger import bounds
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import api_tokens as table

NAME_MAX = 64
USED_EVERY = timedelta(minutes=1)
"""`last_used_at` is for people: it is not written for every request."""


class Scope(StrEnum):
    """What a token allows. None of them includes another, but `admin` includes all."""

    READ = "read"
    RESERVE = "reserve"
    ADJUST = "adjust"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class NewToken:
    """secret_hash: SHA-256, in hex. expires_at: None means never."""

    public_id: str
    name: str
    secret_hash: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """As it is shown to people and as the door looks at it. state: "active", "expired" or "revoked"."""

    public_id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    state: str

    def allows(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes


def create(conn: Connection, items: Sequence[NewToken], now: datetime) -> Sequence[Token | Refusal]:
    """NotAllowed without a name or a scope, with a name that an active token has, or with an end in the past."""
    return [_create_one(conn, item, now) for item in items]


def _create_one(conn: Connection, item: NewToken, now: datetime) -> Token | Refusal:
    if problem := _problem(item, now) or bounds.texts(actor=item.actor):
        return problem
    if any(token.name == item.name and token.state == "active" for token in every(conn, now)):
        return NotAllowed(f"there is an active token named {item.name!r}; revoke it first, or take another name")
    row = {
        "public_id": item.public_id,
        "name": item.name,
        "secret_hash": item.secret_hash,
        "scopes": " ".join(item.scopes),
        "created_at": now,
        "created_by": item.actor,
        "expires_at": item.expires_at,
    }
    conn.execute(insert(table).values(row))
    return _one(conn, item.public_id, now)


def _problem(item: NewToken, now: datetime) -> NotAllowed | None:
    if not item.name.strip() or len(item.name) > NAME_MAX or not item.name.isprintable():
        return NotAllowed(f"a token needs a name of 1 to {NAME_MAX} printable characters: who uses it, for what")
    if not item.scopes:
        return NotAllowed(f"a token needs at least one scope of {', '.join(Scope)}")
    if item.expires_at is not None and item.expires_at <= now:
        return NotAllowed("a token's end must be in the future")
    return None


@dataclass(frozen=True, slots=True)
class Revoke:
    """token: its name or its public id."""

    token: str


def revoke(conn: Connection, items: Sequence[Revoke], now: datetime) -> Sequence[Token | Refusal]:
    """At once and for good. Revoking twice changes nothing."""
    return [_revoke_one(conn, item.token, now) for item in items]


def _revoke_one(conn: Connection, item: str, now: datetime) -> Token | Refusal:
    named = [token for token in every(conn, now) if item in (token.public_id, token.name)]
    active = [token for token in named if token.state != "revoked"] or named[-1:]
    if not active:
        return NotAllowed(f"there is no token {item!r}; `channelsync token list` shows all of them")
    conn.execute(update(table).where(table.c.public_id == active[0].public_id, table.c.revoked_at.is_(None)).values(revoked_at=now))
    return _one(conn, active[0].public_id, now)


def used(conn: Connection, items: Sequence[str], now: datetime) -> Sequence[None]:
    """The tokens with these public ids were let in just now."""
    seldom = or_(table.c.last_used_at.is_(None), table.c.last_used_at < now - USED_EVERY)
    conn.execute(
        update(table).where(table.c.public_id == bindparam("_id"), seldom).values(last_used_at=now), [{"_id": item} for item in set(items)]
    )
    return [None] * len(items)


@dataclass(frozen=True, slots=True)
class Known:
    """A token and the hash that its secret must have."""

    token: Token
    secret_hash: str


def find(conn: Connection, public_id: str, now: datetime) -> Known | None:
    row = conn.execute(select(table).where(table.c.public_id == public_id)).mappings().first()
    return None if row is None else Known(_token(row, now), row["secret_hash"])


def every(conn: Connection, now: datetime) -> list[Token]:
    """Also those that have ended; the oldest first."""
    return [_token(row, now) for row in conn.execute(select(table).order_by(table.c.id)).mappings()]


def _one(conn: Connection, public_id: str, now: datetime) -> Token:
    known = find(conn, public_id, now)
    assert known is not None
    return known.token


def _token(row: RowMapping, now: datetime) -> Token:
    state = (
        "revoked"
        if row["revoked_at"] is not None
        else "expired"
        if row["expires_at"] is not None and row["expires_at"] <= now
        else "active"
    )
    return Token(
        public_id=row["public_id"],
        name=row["name"],
        scopes=tuple(Scope(name) for name in row["scopes"].split()),
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        state=state,
    )
