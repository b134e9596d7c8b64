"""Who may come in by the API. Only hashes: a token's own text is shown once, when it is made, and stored nowhere."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from channelsync.ledger.schema.base import metadata
from channelsync.ledger.types import Key, Utc

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Key, primary_key=True),
    Column("public_id", String(16), nullable=False, unique=True),  # the part of the token that is no secret
    Column("name", String(64), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("scopes", String(128), nullable=False),  # names, with spaces between
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(128), nullable=False, server_default=""),
    Column("expires_at", Utc),
    Column("revoked_at", Utc),
    Column("last_used_at", Utc),
)
