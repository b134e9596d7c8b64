"""Who asks: `Authorization: Bearer cs_<id>_<secret>`. A route names the scope it needs; one that names none lets nobody in."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from channelsync.ledger import tokens
from channelsync.ledger.tokens import Known, Scope
from channelsync.shell.api.call import Call, backend_of
from channelsync.shell.api.parameters import known_only
from channelsync.shell.api.problems import Problem
from channelsync.shell.token_text import PREFIX, secret_hash

TEXT_MAX = 128
NOBODY = secret_hash("")

_scheme = HTTPBearer(
    auto_error=False,
    bearerFormat="cs_<id>_<secret>",
    description="A token made by `channelsync token create`. Each route says which scope it needs; `admin` includes all.",
)


def needs(scope: Scope) -> Callable[..., Awaitable[Call]]:
    """A dependency: the call, if its token has the scope. Problems: 401 unknown, ended or none; 429 too often; 403 without the scope;
    422 a parameter that the route does not take.
    """

    async def allowed(request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Security(_scheme)]) -> Call:
        known = await _known(request, sent.credentials) if sent is not None else None
        if known is None:
            raise Problem(
                401, "not_authenticated", "this needs a valid token: `Authorization: Bearer cs_...`; `channelsync token create` makes one"
            )
        token = known.token
        if token.state != "active":
            raise Problem(
                401, "not_authenticated", f"the token {token.name!r} is {token.state}; `channelsync token create` makes a new one"
            )
        backend = backend_of(request)
        if backend.rates is not None:
            await backend.rates.take(token)
        if not token.allows(scope):
            held = ", ".join(token.scopes)
            raise Problem(403, "not_authorized", f"the token {token.name!r} may {held}; this needs the scope `{scope}`")
        if token.last_used_at is None or backend.store.clock.now() - token.last_used_at > tokens.USED_EVERY:
            await backend.store.ledger.run(tokens.used, token.public_id)
        known_only(request)
        return Call(backend, token)

    allowed.__dict__["scope"] = scope
    return allowed


async def _known(request: Request, text: str) -> Known | None:
    """An unknown id costs the same comparison as a wrong secret."""
    prefix, _, rest = text[:TEXT_MAX].partition("_")
    public_id, _, secret = rest.partition("_")
    store = backend_of(request).store
    known = await store.ledger.read(tokens.find, public_id, store.clock.now()) if prefix == PREFIX and public_id.isalnum() else None
    fits = hmac.compare_digest(secret_hash(secret), known.secret_hash if known else NOBODY)
    return known if known is not None and fits else None
