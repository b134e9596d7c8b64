"""The memory shop's API: JSON over HTTP. Shapes and statuses live here, what they do lives in the other modules.

GET /shop                                    {"id", "name"}
GET /items?changed_since=&after=             {"items": [...], "next", "now"}
GET /orders?since=&open=1&after=             {"orders": [...], "next", "now"}     since is a closed bound; next is null on the last page
GET /orders/<ref>                            an order, or 404 {"error": "gone"}
POST /levels {"shelves": [{listing, location}]}                                    {"levels": [{listing, location, shows}], "now"}
POST /writes {"kind", "writes": [{id, listing, location, value | delta, compare}]} {"results": [{id, outcome, shows, reason}]}
POST /switches {"switches": [{listing, sells_on}]}                                 {"switches": [{listing, sells_on}]}     those that have one
GET /hooks, POST /hooks {"topic", "url"}, PUT /hooks/<ref> {"active": true}
Every call carries `authorization: Bearer <token>`; a write may carry `idempotency-key` and `x-request-id`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from channelsync.testing.standins.base import Answer
from channelsync.testing.standins.memory.gate import Vanished
from channelsync.testing.standins.memory.orders import Order
from channelsync.testing.standins.memory.shelves import Product
from channelsync.testing.standins.memory.writes import KeyConflict, Wanted

if TYPE_CHECKING:
    from channelsync.testing.standins.memory.shop import MemoryStandIn

HANG_SECONDS = 300.0  # longer than any client waits


class _No(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Api:
    def __init__(self, shop: MemoryStandIn) -> None:
        self.shop = shop

    async def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self.shop.dials.request_seconds:
            await self.shop.clock.sleep(self.shop.dials.request_seconds)
        self.shop.catch_up()
        try:
            if headers.get("authorization") != f"Bearer {self.shop.token}":
                raise _No(401, "unauthorized")
            content = json.loads(body) if body else {}
            return _json(200, await self._route(method, path, {k: v[-1] for k, v in parse_qs(query).items()}, headers, content))
        except _No as no:
            return _json(no.status, {"error": str(no)})
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"error": f"bad request: {error!r}"})
        except Vanished:
            await self.shop.clock.sleep(HANG_SECONDS)
            return 504, {"content-type": "text/html"}, b"<html>gateway time-out</html>"

    def throttled(self) -> Answer:
        status, headers, body = _json(429, {"error": "too many requests"})
        return status, {**headers, "retry-after": "1"}, body

    async def _route(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, str], content: Any) -> Any:
        match method, *path.strip("/").split("/"):
            case "GET", "shop":
                return {"id": self.shop.identity, "name": self.shop.name}
            case "GET", "items":
                return self._items(query)
            case "GET", "orders":
                return self._orders(query)
            case "GET", "orders", ref:
                return self._order(ref)
            case "POST", "levels":
                return self._levels(content["shelves"])
            case "POST", "writes":
                return await self._writes(headers, content)
            case "POST", "switches":
                return {"switches": [told for row in content["switches"] if (told := self._turn(row["listing"], on=bool(row["sells_on"])))]}
            case "GET", "hooks":
                return {"hooks": [_hook(hook) for hook in self.shop.hooks.hooks.values()]}
            case "POST", "hooks":
                return _hook(self.shop.hooks.create(content["topic"], content["url"]))
            case "PUT", "hooks", ref:
                return self._arm(ref, content)
            case _:
                raise _No(404, f"no such address: {method} {path}")

    def _items(self, query: dict[str, str]) -> dict[str, Any]:
        since, after, size = _moment(query.get("changed_since")), int(query.get("after", "0")), self.shop.dials.page_size
        told = (p for p in self.shop.shelves.products.values() if p.serial > after and not p.gone)
        products = sorted((p for p in told if since is None or p.changed_at >= since), key=attrgetter("serial"))
        page, more = products[:size], len(products) > size
        return {"items": [item_row(self.shop, p) for p in page], "next": str(page[-1].serial) if more else None, "now": self._now()}

    def _orders(self, query: dict[str, str]) -> dict[str, Any]:
        rows, mark = self.shop.index.page(since=_moment(query.get("since")), only_open="open" in query, after=query.get("after", ""))
        return {"orders": rows, "next": mark, "now": self._now()}

    def _order(self, ref: str) -> dict[str, Any]:
        order = self.shop.book.by_ref.get(ref)
        if order is None:
            raise _No(404, "gone")
        return order_row(self.shop, order)

    def _levels(self, shelves: list[dict[str, str]]) -> dict[str, Any]:
        if len(shelves) > self.shop.dials.levels_per_call:
            raise _No(422, f"at most {self.shop.dials.levels_per_call} shelves per call")
        levels = []
        for shelf in shelves:
            product = self.shop.shelves.by_ref(shelf["listing"])
            if product is not None and shelf["location"] in self.shop.dials.locations:
                shows = self.shop.shelves.level(product.sku, shelf["location"]) if product.tracked else None
                levels.append({"listing": product.ref, "location": shelf["location"], "shows": shows})
        return {"levels": levels, "now": self._now()}

    async def _writes(self, headers: Mapping[str, str], content: dict[str, Any]) -> dict[str, Any]:
        kind, rows = content["kind"], content["writes"]
        if kind != self.shop.dials.carrier:
            raise _No(422, f"this shop takes {self.shop.dials.carrier}, not {kind}")
        if len(rows) > self.shop.dials.writes_per_call:
            raise _No(422, f"at most {self.shop.dials.writes_per_call} writes per call")
        number = "delta" if kind == "adjust" else "value"
        writes = tuple(Wanted(str(r["id"]), r["listing"], r["location"], int(r[number]), int(r.get("compare", 0))) for r in rows)
        key = headers.get("idempotency-key", "")
        try:
            return {"results": await self.shop.writes.write(key, headers.get("x-request-id", key), writes)}
        except KeyConflict:
            raise _No(409, "this idempotency key belongs to another call or to one that is under way") from None

    def _turn(self, ref: str, *, on: bool) -> dict[str, Any] | None:
        product = self.shop.shelves.by_ref(ref)
        if product is None or product.sells_on is None:
            return None
        self.shop.set_sells_on(product.sku, on=on)
        return {"listing": ref, "sells_on": product.sells_on}

    def _arm(self, ref: str, content: dict[str, Any]) -> dict[str, Any]:
        hook = self.shop.hooks.hooks.get(ref)
        if hook is None:
            raise _No(404, "gone")
        hook.active, hook.failures = bool(content["active"]), 0
        return _hook(hook)

    def _now(self) -> str:
        return self.shop.clock.now().isoformat()


def item_row(shop: MemoryStandIn, product: Product) -> dict[str, Any]:
    switch = {} if product.sells_on is None else {"sells_on": product.sells_on}
    return {
        **switch,
        "ref": product.ref,
        "variant": product.variant,
        "sku": product.told_sku,
        "title": product.title,
        "tracked": product.tracked,
        "locations": list(shop.dials.locations),
    }


def order_row(shop: MemoryStandIn, order: Order) -> dict[str, Any]:
    return {
        "ref": order.ref,
        "state": order.state,
        "created_at": order.created_at.isoformat(),
        "modified_at": order.modified_at.isoformat(),
        "hold_until": order.hold_until.isoformat() if order.hold_until else None,
        "reservation_ref": order.reservation_ref,
        "ship_to": order.address,
        "lines": [_line_row(shop, order, place) for place in range(len(order.lines))],
    }


def _line_row(shop: MemoryStandIn, order: Order, place: int) -> dict[str, Any]:
    line = order.lines[place]
    product = line.product
    return {
        "ref": line.ref,
        "item": product.variant if shop.dials.lines_name_variants else product.ref,
        "sku": product.told_sku,
        "title": product.title,
        "location": line.location,
        "quantity": line.true.quantity,
        "shipped": line.true.shipped,
        "cancelled": line.cancelled,
        "quarantined": line.quarantined,
        "restocked": line.restocked,
        "withheld": line.withheld,
        "effects": [{"units": units, "at": at.isoformat()} for units, at in line.effects],
    }


def _hook(hook: Any) -> dict[str, Any]:
    return {"ref": hook.ref, "topic": hook.topic, "url": hook.url, "active": hook.active}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _json(status: int, content: Any) -> Answer:
    return status, {"content-type": "application/json"}, json.dumps(content).encode()
