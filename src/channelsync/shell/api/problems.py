"""How a "no" looks: `application/problem+json` (RFC 9457), with a stable `code` for programs and a `detail` that says what to do."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from channelsync.errors import FAILED, ChannelsyncError, code_of
from channelsync.ledger.purchasing.receiving import MoreThanOrdered
from channelsync.ledger.refusals import InsufficientStock, KeyReused, OverPurchaseLimit, Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.returns.inspecting import MoreThanWaits
from channelsync.ledger.returns.receiving import MoreThanExpected
from channelsync.ledger.returns.shipped import MoreThanOrderShipped
from channelsync.ledger.together import LineRefused
from channelsync.ledger.transfers.receiving import MoreThanShipped
from channelsync.shell.api import key_text

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "5"
_STATUS: Mapping[str, int] = {
    "insufficient_stock": 409,
    "already_resolved": 409,
    "over_purchase_limit": 409,
    "unknown_sku": 404,
    "unknown_location": 404,
    "key_reused": 422,
    "not_allowed": 422,
    "unknown_document": 404,
    "unknown_supplier": 404,
    "more_than_ordered": 409,
    "more_than_shipped": 409,
    "more_than_expected": 409,
    "more_than_waits": 409,
    "unknown_order": 404,
    "wrong_state": 409,
    "not_applicable": 409,
}

_FAILURES: Mapping[str, int] = {
    "malformed": 422,
    "unsupported_media_type": 415,
    "database_away": 503,
    "shop_away": 503,
    "no_room": 503,
    FAILED: 502,
}


class Mistake(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="Where in the request, as a path.", examples=["body.quantity"])
    message: str = Field(examples=["Input should be greater than or equal to 1"])


class ProblemBody(BaseModel):
    """What every answer with a status of 400 or more holds."""

    type: str = Field(description="A name for the kind of problem.", examples=["urn:channelsync:insufficient_stock"])
    title: str = Field(description="The status in words.", examples=["Conflict"])
    status: int = Field(examples=[409])
    code: str = Field(description="Stable, for programs.", examples=["insufficient_stock"])
    detail: str = Field(
        description="What happened and what to do, for people.", examples=["SKU 'MUG' at location 'main': 3 wanted, 2 available"]
    )
    sku: str | None = None
    location: str | None = None
    wanted: int | None = Field(None, description="SKU units that were asked for.")
    available: int | None = Field(
        None,
        description="SKU units that are there; negative where shops sold more than there was. Of an inspection: that wait. "
        "Of an order's return: that can still come back.",
    )
    limit: int | None = Field(None, description="Of a purchase limit: what one reference may claim in all.")
    incoming: int | None = Field(None, description="Of a receipt: units of the line that are still to come.")
    in_transit: int | None = Field(None, description="Of a receipt: units of the line that are in transit.")
    held: int | None = Field(None, description="Of a purchase limit: what it has claimed already, bought included.")
    line: int | None = Field(None, description="Of a batch: the line that was refused, from 0.")
    errors: list[Mistake] | None = None


class Problem(Exception):
    """Raised by routes for what is no refusal of the ledger."""

    def __init__(self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.body = body(status, code, detail, **more)
        self.headers = dict(headers or {})


def body(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    head = {"type": f"urn:channelsync:{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    return head | {name: value for name, value in more.items() if value is not None}


def of(refusal: Refusal) -> dict[str, Any]:
    """A refusal of the ledger as a problem's body."""
    if isinstance(refusal, LineRefused):
        told = of(refusal.why)
        return told | {"detail": LineRefused.said(refusal.line, told["detail"]), "line": refusal.line}
    if isinstance(refusal, KeyReused):
        refusal = KeyReused(key_text.as_sent(refusal.key), refusal.verb)
    more: dict[str, Any] = {}
    if isinstance(refusal, InsufficientStock):
        more = {"sku": refusal.sku, "location": refusal.location, "wanted": refusal.wanted, "available": refusal.available}
    elif isinstance(refusal, OverPurchaseLimit):
        more = {"sku": refusal.sku, "wanted": refusal.wanted, "limit": refusal.limit, "held": refusal.held}
    elif isinstance(refusal, MoreThanOrdered):
        more = {"sku": refusal.sku, "wanted": refusal.wanted, "incoming": refusal.incoming}
    elif isinstance(refusal, MoreThanShipped):
        more = {"sku": refusal.sku, "wanted": refusal.wanted, "in_transit": refusal.in_transit}
    elif isinstance(refusal, MoreThanExpected):
        more = {"sku": refusal.sku, "wanted": refusal.wanted, "incoming": refusal.to_come}
    elif isinstance(refusal, MoreThanOrderShipped):
        more = {"sku": refusal.sku, "wanted": refusal.wanted, "available": refusal.left}
    elif isinstance(refusal, MoreThanWaits):
        more = {"sku": refusal.sku, "wanted": refusal.wanted, "available": refusal.waiting}
    elif isinstance(refusal, UnknownSku):
        more = {"sku": refusal.sku}
    elif isinstance(refusal, UnknownLocation):
        more = {"location": refusal.location}
    return body(status_of(refusal.code), refusal.code, str(refusal), **more)


def status_of(code: str) -> int:
    """Of a refusal of the ledger."""
    return _STATUS.get(code, 409)


def install(app: FastAPI) -> None:
    """All answers of 400 and more are problems."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ChannelsyncError, _failed)
    app.add_exception_handler(Exception, _bug)


def answer(told: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(dict(told), status_code=told["status"], media_type=MEDIA_TYPE, headers=dict(headers or {}))


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    headers = error.headers | ({"www-authenticate": "Bearer"} if error.body["status"] == 401 else {})
    return answer(error.body, headers)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return answer(of(error))


async def _malformed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = [{"where": ".".join(str(part) for part in each["loc"]), "message": each["msg"]} for each in error.errors()]
    first = mistakes[0] if mistakes else {"where": "the request", "message": "not understood"}
    return answer(body(422, "malformed", f"{first['where']}: {first['message']}", errors=mistakes))


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return answer(body(422, "malformed", "the body is no JSON text in UTF-8"))
    code = HTTPStatus(error.status_code).name.lower()
    return answer(body(error.status_code, code, str(error.detail)), error.headers)


async def _failed(_request: Request, error: Exception) -> Response:
    return answer(*failure(error))


def failure(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    """The body and the headers for what went wrong."""
    if isinstance(error, Refusal):
        return of(error), {}
    code = code_of(error) if isinstance(error, ChannelsyncError) else FAILED
    code = code if code in _FAILURES else FAILED
    status = _FAILURES[code]
    return body(status, code, str(error)), {"retry-after": RETRY_SECONDS} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


async def _bug(_request: Request, error: Exception) -> Response:
    """Nothing of it goes out but a number to look for in the log."""
    incident = uuid.uuid4().hex[:12]
    log.error("a request failed", incident=incident, exc_info=error)
    return answer(body(500, "bug", f"the daemon failed at it; its log says more under incident {incident}"))
