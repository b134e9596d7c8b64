"""The door of the store: token and scopes, the rate window, routes, and the shapes of answers and errors."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from email.utils import format_datetime

from channelsync.testing.standins.base import Answer
from channelsync.testing.standins.bigcommerce import rest_catalog, rest_orders, rest_store, stock
from channelsync.testing.standins.bigcommerce.query import ApiError, Reply, Request, parse_body, parse_query
from channelsync.testing.standins.bigcommerce.state import State

Handler = Callable[[State, Request], Reply]
PRODUCTS, INVENTORY, PLACES, ORDERS, STORE = (
    "store_v2_products_read_only",
    "store_inventory",
    "store_locations_read_only",
    "store_v2_orders_read_only",
    "store_v2_information_read_only",
)
ROUTES: tuple[tuple[str, str, str | None, dict[str, Handler]], ...] = (
    ("v3", "catalog/products", PRODUCTS, {"GET": rest_catalog.list_products}),
    ("v3", "catalog/variants", PRODUCTS, {"GET": rest_catalog.list_variants}),
    ("v3", "inventory/items", INVENTORY, {"GET": rest_catalog.list_items}),
    ("v3", "inventory/locations", PLACES, {"GET": rest_catalog.list_locations}),
    (
        "v3",
        r"inventory/locations/(\d+)/items",
        INVENTORY,
        {"GET": rest_catalog.list_location_items, "PUT": rest_catalog.put_settings},
    ),
    ("v3", "inventory/adjustments/absolute", INVENTORY, {"PUT": rest_catalog.put_absolute}),
    ("v3", "inventory/adjustments/relative", INVENTORY, {"POST": rest_catalog.post_relative}),
    ("v2", "orders", ORDERS, {"GET": rest_orders.list_orders}),
    ("v2", r"orders/(\d+)", ORDERS, {"GET": rest_orders.get_order}),
    ("v2", r"orders/(\d+)/products", ORDERS, {"GET": rest_orders.list_lines}),
    ("v3", "orders/payment_actions/refunds", ORDERS, {"GET": rest_orders.list_refunds}),
    ("v3", r"orders/(\d+)/payment_actions/refunds", ORDERS, {"GET": rest_orders.list_order_refunds}),
    ("v2", "time", STORE, {"GET": rest_store.time}),
    ("v2", "store", STORE, {"GET": rest_store.store}),
    ("v3", "settings/inventory", STORE, {"GET": rest_store.inventory_settings}),
    ("v3", "hooks", None, {"GET": rest_store.list_hooks, "POST": rest_store.create_hook}),
    ("v3", r"hooks/(\d+)", None, {"GET": rest_store.get_hook, "PUT": rest_store.put_hook, "DELETE": rest_store.delete_hook}),
    ("v3", "hooks/admin", None, {"GET": rest_store.hooks_admin}),
)


class Rest:
    """Answers requests for one store. `window`: when the present rate window ends (monotonic), and what is left of it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._window_ends, self._left = 0.0, 0

    async def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        stock.apply_due(self.state)
        if not self._admit():
            return self.throttled()
        found = re.fullmatch(rf"/stores/{re.escape(self.state.store_hash)}/(v[23])/(.+?)/?", path)
        version = found[1] if found else "v3"
        try:
            reply = self._reply(method, version, found[2] if found else "", parse_query(query), headers, body)
        except ApiError as error:
            reply = Reply(error.body(version), error.status)
        return self._answer(reply, version)

    def _reply(self, method: str, version: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Reply:
        if not hmac.compare_digest(headers.get("x-auth-token", "").encode(), self.state.token.encode()):
            raise ApiError(401, "Unauthorized")
        for wanted, pattern, scope, handlers in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and wanted == version and method in handlers:
                if scope and scope not in self.state.dials.scopes:
                    raise ApiError(403, "You don't have a required scope to access the endpoint")
                ids = tuple(int(number) for number in match.groups())
                return handlers[method](self.state, Request(method, ids, params, parse_body(body)))
        raise ApiError(404, "The requested resource was not found.")

    def _admit(self) -> bool:
        """One unit per request, in windows of fixed length."""
        now = self.state.clock.monotonic()
        if now >= self._window_ends:
            self._window_ends, self._left = now + self.state.dials.window_seconds, self.state.dials.quota
        self._left -= 1
        return self._left >= 0

    def _quota(self) -> dict[str, str]:
        if not self.state.dials.quota_headers:
            return {}
        reset = max(0.0, self._window_ends - self.state.clock.monotonic())
        return {
            "x-rate-limit-time-window-ms": str(int(self.state.dials.window_seconds * 1000)),
            "x-rate-limit-time-reset-ms": str(int(reset * 1000)),
            "x-rate-limit-requests-quota": str(self.state.dials.quota),
            "x-rate-limit-requests-left": str(max(0, self._left)),
        }

    def _answer(self, reply: Reply, version: str) -> Answer:
        content = b"" if reply.body is None else json.dumps(reply.body, separators=(",", ":")).encode()
        kind = "application/problem+json" if version == "v3" and reply.status >= 400 else "application/json"
        return reply.status, {"content-type": kind, **self._quota(), **reply.headers, **self._date()}, content

    def _date(self) -> dict[str, str]:
        return {"date": format_datetime(self.state.now(), usegmt=True)}

    def throttled(self) -> Answer:
        """With the documented headers; without them the platform itself is overloaded."""
        return 429, {"content-type": "application/json", **self._quota(), **self._date()}, b'{"status":429,"title":"Too Many Requests"}'
