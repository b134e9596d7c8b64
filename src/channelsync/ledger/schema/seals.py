"""Seals over the two logs: what a range of rows said when it was sealed, each seal bound to the one before."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, LargeBinary, String, Table, UniqueConstraint, text

from channelsync.ledger.schema.base import metadata
from channelsync.ledger.types import Key, Utc

seals = Table(
    "seals",
    metadata,
    Column("id", Key, primary_key=True),
    Column("log", String(16), nullable=False),
    Column("form", Integer, nullable=False, server_default=text("1")),  # which columns of a row are sealed, and how they are written
    Column("after_id", BigInteger, nullable=False),
    Column("upto_id", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("marks", LargeBinary, nullable=False),  # the first 4 bytes of each row's digest: they tell which row was changed
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("sealed_at", Utc, nullable=False),
    UniqueConstraint("log", "after_id"),  # a chain has no branches, whoever seals
    CheckConstraint("log IN ('movements', 'book_entries')", name="log"),
    CheckConstraint("upto_id > after_id AND entries > 0", name="range"),
)
"""A row of a log is in the seal with after_id < id <= upto_id."""
