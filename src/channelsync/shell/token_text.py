"""How a token of the API is spelled: `cs_<id>_<secret>`. The id is for lists and logs; of the secret only its hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

PREFIX = "cs"
ID_BYTES, SECRET_BYTES = 4, 32


def mint(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> tuple[str, str, str]:
    """A new token: (its text, its id, the hash of its secret)."""
    public_id, secret = random_bytes(ID_BYTES).hex(), random_bytes(SECRET_BYTES).hex()
    return f"{PREFIX}_{public_id}_{secret}", public_id, secret_hash(secret)


def secret_hash(secret: str) -> str:
    """A plain digest is enough for 32 random bytes: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()
