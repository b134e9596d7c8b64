"""The application: its routes, how it says no, and the OpenAPI document that describes both."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from channelsync.shell.api import (
    alert_reading,
    counts,
    describing,
    explaining,
    exporting,
    importing,
    listings,
    orders,
    planning,
    policy_writing,
    problems,
    purchasing,
    returning,
    shops,
    statistics,
    stock_reading,
    stock_writing,
    suppliers,
    transfers,
    updating,
)
from channelsync.shell.api.addresses import split
from channelsync.shell.api.bounded import IMPORT_MAX, bounded
from channelsync.shell.api.call import Backend
from channelsync.shell.api.problems import MEDIA_TYPE, ProblemBody
from channelsync.shell.api.rates import Rates
from channelsync.shell.api.stock_reading import NotModified
from channelsync.shell.assemble import Assembly
from channelsync.shell.desk import Desk
from channelsync.shell.serve import App

PREFIX = "/api/v1"
TAGS = (
    {"name": "stock", "description": "What is there, and its log."},
    {"name": "reservations", "description": "Claims on units: soft ones of carts end by themselves, hard ones of orders stay."},
    {"name": "purchasing", "description": "Suppliers, purchase orders, what arrives of them, and what should be ordered."},
    {"name": "transfers", "description": "Units from one of our locations to another."},
    {"name": "counts", "description": "Sheets to count by, what was counted, and what it changes."},
    {"name": "returns", "description": "What customers send back, and what becomes of it."},
    {"name": "channels", "description": "The shops: how they stand, pausing them, looking at them now."},
    {"name": "orders", "description": "What the shops have sold, and what each order holds."},
    {"name": "listings", "description": "What the shops sell, and which SKU each listing is."},
    {"name": "plan", "description": "What would be written to the shops, and the first time that it is."},
    {"name": "explain", "description": "Why a shop shows its number, and letting nobody change it."},
    {"name": "alerts", "description": "What people are told of, and what became of the telling."},
    {"name": "files", "description": "Tables for people and their spreadsheets."},
    {"name": "about", "description": "This API itself."},
)
ROUTERS = (
    stock_reading.router,
    statistics.router,
    stock_writing.router,
    updating.router,
    policy_writing.router,
    suppliers.router,
    purchasing.router,
    transfers.router,
    counts.router,
    returning.router,
    shops.router,
    orders.router,
    listings.router,
    planning.router,
    explaining.router,
    alert_reading.router,
    exporting.router,
    importing.router,
    describing.router,
)
COMMON = {
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token lacks the scope.",
    404: "Unknown SKU, location, supplier, channel, order or document.",
    405: "Another method than those described here; `Allow` names them.",
    409: "The stock or the document as it is does not allow it.",
    413: "More than 2 MiB, or a file of more than 16 MiB or too many rows; send it in parts.",
    422: "Not understood, not allowed by a rule, or an idempotency key used for another request.",
    429: "More requests than the token may make; come again after `Retry-After`.",
    502: "A shop's answer made no sense; the detail says which.",
    503: "The database or a shop cannot be reached, there is no room for the answer, or too many imports wait; try again.",
}


RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"}}}


def serve(assembly: Assembly, desk: Desk) -> App:
    """The API of a running store, as the private listener serves it."""
    ttl = timedelta(minutes=assembly.config.reservations.ttl_minutes)
    said = assembly.config.api
    rates = Rates(assembly.store.clock, said.per_second, said.burst) if said.per_second else None
    return application(Backend(assembly.store, desk, ttl, rates))


def application(backend: Backend) -> App:
    """All of it, as it is served."""
    return bounded(split(build(backend)), {f"{PREFIX}/import/": IMPORT_MAX})


def build(backend: Backend | None = None) -> FastAPI:
    """Without a backend it only describes itself."""
    app = FastAPI(
        title="channelsync",
        version=version("channelsync"),
        summary="One stock ledger for all your shops.",
        description="Quantities are whole SKU units. Every write takes an `Idempotency-Key`. Every answer of 400 and more is "
        "`application/problem+json` with a stable `code`.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.backend = backend
    app.state.imports = importing.Imports()
    for routes in ROUTERS:
        app.include_router(routes, prefix=PREFIX)
    problems.install(app)
    app.add_exception_handler(NotModified, _not_modified)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


async def _not_modified(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NotModified)
    return Response(status_code=304, headers={"etag": error.tag})


def _document(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1, with our own problems in the place of FastAPI's."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes, tags=list(TAGS)
        )
        schemas = made["components"]["schemas"]
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schemas |= _schemas()
        for operations in made["paths"].values():
            for operation in operations.values():
                _tell_problems(operation)
        app.openapi_schema = made
    return app.openapi_schema


def _schemas() -> dict[str, Any]:
    own = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**own.pop("$defs", {}), "ProblemBody": own}


def _tell_problems(operation: dict[str, Any]) -> None:
    reference = {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
    for status, meaning in COMMON.items():
        operation["responses"][str(status)] = {"description": meaning, "content": {MEDIA_TYPE: reference}}
    operation["responses"]["429"]["headers"] = RETRY_AFTER
