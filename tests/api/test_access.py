"""Who gets in: every route with every scope, deny by default; ends, revocations, and what a stranger learns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.routing import APIRoute

from api.conftest import Api
from channelsync.ledger import tokens
from channelsync.ledger.tokens import Revoke, Scope
from channelsync.shell.api.app import PREFIX, ROUTERS, build


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def scope_of(route: APIRoute) -> Scope | None:
    scopes = [vars(each.call)["scope"] for each in route.dependant.dependencies if each.call is not None and "scope" in vars(each.call)]
    return scopes[0] if scopes else None


MATRIX = [(route, scope) for route in routes() for scope in Scope]


def test_every_route_names_the_scope_it_needs() -> None:
    assert len(routes()) > 25
    assert [route.path for route in routes() if scope_of(route) is None] == []


def test_the_document_tells_of_every_route() -> None:
    told = {(path.removeprefix(PREFIX), method.upper()) for path, operations in build().openapi()["paths"].items() for method in operations}
    assert told == {(route.path_format, method) for route in routes() for method in route.methods or ()}


def test_reading_never_needs_more_than_read_and_writing_never_less() -> None:
    for route in routes():
        assert (scope_of(route) is Scope.READ) == (route.methods == {"GET"}), route.path


def test_every_route_with_every_scope(api: Api) -> None:
    """A token with the scope gets as far as the request itself, one without it gets 403, and nobody gets 401."""
    held = {scope: api.make_token(scope) for scope in Scope}
    for route, scope in MATRIX:
        path = route.path_format.format(
            sku="NONE", location="nowhere", ref="none", name="none", channel="none", kind="empty", supplier="none", number=1
        )
        method = next(iter(route.methods or ()))
        statuses = [api.ask(method, path, token=token, json={} if method != "GET" else None).status_code for token in (held[scope], "")]
        allowed = scope in (scope_of(route), Scope.ADMIN)
        assert statuses[1] == 401, (route.path, statuses)
        assert (statuses[0] not in (401, 403)) if allowed else (statuses[0] == 403), (route.path, scope, statuses)


def test_no_route_ignores_a_parameter(api: Api) -> None:
    """A misspelt filter was answered with everything."""
    for route in routes():
        path = route.path_format.format(
            sku="NONE", location="nowhere", ref="none", name="none", channel="none", kind="empty", supplier="none", number=1
        )
        method = next(iter(route.methods or ()))
        answer = api.ask(method, path, params={"limits": "1", "colour": "2"}, json={} if method != "GET" else None)
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed"), route.path
        known = [each.alias for each in route.dependant.query_params]
        assert answer.json()["errors"][-1]["where"] == "query.colour", route.path
        assert all(name in answer.json()["detail"] for name in known or ["it takes none"]), route.path
    told = api.ask("GET", "/inventory/skus", params={"loction": "main"}).json()
    takes = "it takes changed_since, cursor, limit, location, q"
    assert told["detail"] == f"query.loction: this address takes no such parameter (meant location?); {takes}"


@pytest.mark.parametrize("text", ["", "cs", "cs_", "cs__", "cs_00000000_00", "nonsense", "cs_%s_wrong", "x" * 5000])
def test_a_token_that_is_none_is_told_nothing_else(api: Api, text: str) -> None:
    public_id = api.token.split("_")[1]
    answer = api.ask("GET", "/inventory/skus", token=text.replace("%s", public_id) or "-")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_token_ends_by_time_and_by_revocation(api: Api) -> None:
    short = api.make_token(Scope.READ, expires_at=api.clock.now() + timedelta(hours=1))
    other = api.make_token(Scope.READ, name="till")
    assert api.ask("GET", "/inventory/skus", token=short).status_code == 200
    api.clock.advance(3600)
    assert "expired" in api.ask("GET", "/inventory/skus", token=short).json()["detail"]
    with api.engine.connect() as conn, conn.begin():
        tokens.revoke(conn, [Revoke("till")], api.clock.now())
    assert "revoked" in api.ask("GET", "/inventory/skus", token=other).json()["detail"]


def test_only_the_hash_is_kept_and_the_last_use_is_seen(api: Api) -> None:
    with api.engine.connect() as conn:
        assert api.token.split("_")[2] not in str(conn.exec_driver_sql("SELECT * FROM api_tokens").all())
    api.get("/inventory/skus")
    with api.engine.connect() as conn:
        assert tokens.every(conn, api.clock.now())[0].last_used_at == api.clock.now()
