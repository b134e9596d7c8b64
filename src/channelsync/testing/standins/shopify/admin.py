"""The Admin API over HTTP: the token endpoint and `/admin/api/<version>/graphql.json`, with Shopify's costs, headers and error shapes."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import DocumentNode, GraphQLError, execute, parse, validate

from channelsync.testing.standins.base import Answer
from channelsync.testing.standins.shopify.access import INVALID_TOKEN
from channelsync.testing.standins.shopify.cost import MUTATION, Cost, actual_cost, compile_cost
from channelsync.testing.standins.shopify.schema import by_name, schema

if TYPE_CHECKING:
    from channelsync.testing.standins.shopify.shop import ShopifyStandIn

COST_MAX = 1000
LIMITS_PAGE = "https://shopify.dev/api/usage/rate-limits"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A parsed and validated query text. `errors` set: it cannot run."""

    document: DocumentNode | None = None
    cost: Cost | None = None
    errors: tuple[Json, ...] = ()
    mutates: bool = False
    name: str = ""


@lru_cache(maxsize=256)
def plan(text: str) -> Plan:
    try:
        document = parse(text)
    except GraphQLError as error:
        return Plan(errors=({"message": error.message},))
    if errors := validate(schema(), document):
        return Plan(errors=tuple({**error.formatted, "extensions": {"code": "undefinedField"}} for error in errors))
    operations = [d for d in document.definitions if d.kind == "operation_definition"]
    if len(operations) != 1:
        return Plan(errors=({"message": "An operation name is required", "extensions": {"code": "BAD_REQUEST"}},))
    mutates = getattr(operations[0], "operation").value == "mutation"  # noqa: B009 - narrowed by its kind above
    name = operations[0].name  # type: ignore[attr-defined]
    return Plan(document, compile_cost(schema(), document), mutates=mutates, name=name.value if name else "")


class Admin:
    """Answers one request; the fault dial sits outside. throttles: requests that found the bucket too empty. calls: what ran, by its name."""

    def __init__(self, shop: ShopifyStandIn) -> None:
        self.shop = shop
        self.throttles = 0
        self.calls: Counter[str] = Counter()

    async def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method == "POST" and path == "/admin/oauth/access_token":
            status, content = self.shop.tokens.grant(headers, body)
            return status, self._headers(), content
        if method == "GET" and path.startswith("/bulk/"):
            return self.shop.bulk.download(path, headers)
        self.shop.bulk.asked_at(headers.get("host", ""))
        parts = path.strip("/").split("/")
        if method != "POST" or len(parts) != 4 or (parts[0], parts[1], parts[3]) != ("admin", "api", "graphql.json"):
            return self._answer(404, {"errors": "Not Found"})
        served = parts[2] if parts[2] in self.shop.versions else self.shop.versions[0]
        if not self.shop.tokens.valid(headers.get("x-shopify-access-token", "")):
            return self._answer(401, {"errors": INVALID_TOKEN}, served)
        try:
            request = json.loads(body)
            text, variables = request["query"], request.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            return self._answer(400, {"errors": {"query": "Required parameter missing or invalid"}}, served)
        return self._answer(200, await self._run(plan(text), variables), served)

    async def _run(self, planned: Plan, variables: Json) -> Json:
        if planned.document is None or planned.cost is None:
            return {"errors": list(planned.errors)}
        cost = planned.cost(variables)
        if cost > COST_MAX:
            return {"errors": [_too_dear(cost)]}
        if not self.shop.bucket.take(cost):
            self.throttles += 1
            return self._throttled(cost)
        self.calls[planned.name] += 1
        result = execute(schema(), planned.document, context_value=self.shop, variable_values=variables, field_resolver=by_name)
        done = await result if inspect.isawaitable(result) else result
        actual = MUTATION if planned.mutates else min(cost, actual_cost(done.data))
        self.shop.bucket.give_back(max(0, cost - actual))
        answer: Json = {"data": done.data, "extensions": {"cost": self._cost(cost, actual)}}
        if done.errors:
            answer["errors"] = [_formatted(error) for error in done.errors]
        return answer

    def throttled(self) -> Answer:
        """Shopify's refusal for asking too often: HTTP 200, no data, no Retry-After."""
        return self._answer(200, self._throttled(70))

    def _throttled(self, cost: int) -> Json:
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS_PAGE}}
        return {"errors": [error], "extensions": {"cost": self._cost(cost, None)}}

    def _cost(self, requested: int, actual: int | None) -> Json:
        return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": self.shop.bucket.status()}

    def _answer(self, status: int, content: Json, version: str | None = None) -> Answer:
        return status, self._headers(version), json.dumps(content, separators=(",", ":")).encode()

    def _headers(self, version: str | None = None) -> dict[str, str]:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "date": format_datetime(self.shop.clock.now(), usegmt=True),
            "x-request-id": str(self.shop.hooks.event()),
        }
        return {**headers, "x-shopify-api-version": version} if version else headers


def _formatted(error: GraphQLError) -> Json:
    """The error as Shopify shows it. A fault of the stand-in itself is not dressed up as one of Shopify's."""
    original = error.original_error
    if original is not None and not isinstance(original, GraphQLError):
        raise original
    formatted: Json = {**error.formatted}
    return formatted if error.path else {**formatted, "extensions": {"code": "INVALID_VARIABLE"}}


def _too_dear(cost: int) -> Json:
    text = f"Query cost is {cost}, which exceeds the single query max cost limit ({COST_MAX})."
    return {
        "message": text,
        "extensions": {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": COST_MAX, "documentation": LIMITS_PAGE},
    }
