"""The door of the shop: keys, routes, error shapes and the dirt that real hosts add in front of good JSON."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from email.utils import format_datetime
from typing import Any

from channelsync.testing.standins.base import Answer
from channelsync.testing.standins.woocommerce import rest_batch, rest_orders, rest_products, rest_shop
from channelsync.testing.standins.woocommerce.query import Reply, Request, RestError, parse_body, parse_query
from channelsync.testing.standins.woocommerce.state import State

Handler = Callable[[State, Request], Awaitable[Reply]]
MAINTENANCE = (
    b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Briefly unavailable for scheduled maintenance.</body></html>"
)
NOISE = b"<br />\n<b>Warning</b>:  Undefined array key [0] in <b>/var/www/html/wp-content/plugins/noise.php</b> on line <b>7</b><br />\n"

WRITE = ("PUT", "POST", "PATCH")
ROUTES: tuple[tuple[str, dict[str, Handler]], ...] = (
    ("products", {"GET": rest_products.list_products, "POST": rest_products.create_product}),
    ("products/batch", dict.fromkeys(WRITE, rest_batch.batch_products)),
    (
        r"products/(\d+)",
        {"GET": rest_products.get_product, "DELETE": rest_products.delete_product, **dict.fromkeys(WRITE, rest_products.put_product)},
    ),
    (r"products/(\d+)/variations", {"GET": rest_products.list_variations, "POST": rest_products.create_variation}),
    (r"products/(\d+)/variations/batch", dict.fromkeys(WRITE, rest_batch.batch_variations)),
    (
        r"products/(\d+)/variations/(\d+)",
        {"GET": rest_products.get_variation, "DELETE": rest_products.delete_product, **dict.fromkeys(WRITE, rest_products.put_variation)},
    ),
    ("orders", {"GET": rest_orders.list_orders, "POST": rest_orders.create_order, "OPTIONS": rest_orders.order_options}),
    (r"orders/(\d+)", {"GET": rest_orders.get_order, "DELETE": rest_orders.delete_order, **dict.fromkeys(WRITE, rest_orders.put_order)}),
    (r"orders/(\d+)/refunds", {"GET": rest_orders.list_refunds, "POST": rest_orders.create_refund}),
    ("webhooks", {"GET": rest_shop.list_webhooks, "POST": rest_shop.create_webhook}),
    (r"webhooks/(\d+)", {"GET": rest_shop.get_webhook, "DELETE": rest_shop.delete_webhook, **dict.fromkeys(WRITE, rest_shop.put_webhook)}),
    ("system_status", {"GET": rest_shop.system_status}),
    ("settings/products/woocommerce_manage_stock", {"GET": rest_shop.manage_stock}),
    ("settings/products/woocommerce_hold_stock_minutes", {"GET": rest_shop.hold_stock_minutes}),
)


class Rest:
    """Answers requests for one shop, treated as reached over HTTPS."""

    def __init__(self, state: State) -> None:
        self.state = state

    async def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        dials = self.state.dials
        if dials.request_seconds:
            await self.state.clock.sleep(dials.request_seconds)
        if dials.maintenance:
            return 503, {"content-type": "text/html; charset=utf-8", "retry-after": "600", **self._date()}, MAINTENANCE
        if dials.html_page:
            return 200, {"content-type": "text/html; charset=utf-8", **self._date()}, dials.html_page.encode()
        if dials.plain_permalinks:
            return (
                404,
                {"content-type": "text/html; charset=utf-8", **self._date()},
                b"<!DOCTYPE html><html><body>Page not found</body></html>",
            )
        try:
            reply = await self._reply(method, path, parse_query(query), headers, body)
        except RestError as error:
            reply = Reply(error.body(), error.status)
        return self._answer(reply)

    async def _reply(self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], raw: bytes) -> Reply:
        method = headers.get("x-http-method-override", method).upper()
        if path.rstrip("/") == "/wp-json":
            return await rest_shop.index(self.state, Request(method, (), params, {}))
        self._authorize(method, params, headers)
        for pattern, handlers in ROUTES:
            found = re.fullmatch("/wp-json/wc/v3/" + pattern, path.rstrip("/"))
            if found and method in handlers:
                ids = tuple(int(number) for number in found.groups())
                return await handlers[method](self.state, Request(method, ids, params, parse_body(raw), headers.get("x-request-id")))
        raise RestError(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _authorize(self, method: str, params: Mapping[str, str], headers: Mapping[str, str]) -> None:
        """The query pair is looked at first. An unknown key and no key look the same; a read-only key that writes gets 401, not 403."""
        key, secret = params.get("consumer_key", ""), params.get("consumer_secret", "")
        if not key:
            key, secret = _basic(headers.get("authorization", ""))
        if not hmac.compare_digest(key.encode(), self.state.key.encode()):
            raise RestError(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        if not hmac.compare_digest(secret.encode(), self.state.secret.encode()):
            raise RestError(401, "woocommerce_rest_authentication_error", "Consumer secret is invalid.")
        writes = method not in ("GET", "HEAD", "OPTIONS")
        if writes and "write" not in self.state.dials.permissions:
            raise RestError(401, "woocommerce_rest_authentication_error", "The API key provided does not have write permissions.")

    def _answer(self, reply: Reply) -> Answer:
        content = to_json(reply.body)
        if self.state.dials.php_noise and self.state.random.random() < self.state.dials.php_noise:
            content = NOISE + content
        headers = {
            "content-type": "application/json; charset=UTF-8",
            "cache-control": "no-cache, must-revalidate, max-age=0, no-store, private",
        }
        if self.state.dials.cache_age:
            headers["age"] = str(self.state.dials.cache_age)
        return reply.status, {**headers, **reply.headers, **self._date()}, content

    def _date(self) -> dict[str, str]:
        return {"date": format_datetime(self.state.now(), usegmt=True)}

    def throttled(self) -> Answer:
        """WooCommerce has no limit of its own; this is what a host in front of it says."""
        return 429, {"content-type": "text/html", "retry-after": "1", **self._date()}, b"<html><body>429 Too Many Requests</body></html>"


def to_json(value: Any) -> bytes:
    """As PHP writes it: no spaces, slashes escaped."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        key, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret
