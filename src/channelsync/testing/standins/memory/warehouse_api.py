"""The memory warehouse's API: JSON over HTTP. Shapes and statuses live here, what they do lives in `warehouse`.

GET /shop                                        {"id", "name"}
GET /items?changed_since=&after=                 {"items": [{ref, sku, title}], "next", "now"}
GET /stock?since=&after=                         {"rows": [{item, location, units, reserved, read_as}], "next", "now"}; no since: everything
POST /stock {"places": [{item, location}]}       the same by name, on one page
PUT /claims {"key", "number", "lines": [{ref, item, location, quantity, held}]}    a document
GET /claims?since=&after=                        {"claims": [document], "next", "now"}
A document is {"key", "document", "gone", "lines": [{ref, held, shipped}]}. Every call carries `authorization: Bearer <token>`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from channelsync.testing.standins.base import Answer

if TYPE_CHECKING:
    from channelsync.testing.standins.memory.warehouse import Document, MemoryWarehouse

HANG_SECONDS = 300.0  # longer than any client waits


class _No(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class WarehouseApi:
    def __init__(self, house: MemoryWarehouse) -> None:
        self.house = house

    async def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            if headers.get("authorization") != f"Bearer {self.house.token}":
                raise _No(401, "unauthorized")
            content = json.loads(body) if body else {}
            answer = await self._route(method, path, {name: values[-1] for name, values in parse_qs(query).items()}, content)
        except _No as no:
            return _json(no.status, {"error": str(no)})
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"error": f"bad request: {error!r}"})
        if method == "PUT" and self.house.loses_answer():
            await self.house.clock.sleep(HANG_SECONDS)
            return 504, {"content-type": "text/html"}, b"<html>gateway time-out</html>"
        return _json(200, answer)

    def throttled(self) -> Answer:
        status, headers, body = _json(429, {"error": "too many requests"})
        return status, {**headers, "retry-after": "1"}, body

    async def _route(self, method: str, path: str, query: Mapping[str, str], content: Any) -> Any:
        match method, *path.strip("/").split("/"):
            case "GET", "shop":
                return {"id": self.house.identity, "name": self.house.name}
            case "GET", "items":
                items = [{"ref": ref, "sku": sku, "title": sku} for ref, sku in self.house.items.items()]
                return self._page("items", items, query)
            case "GET", "stock":
                return await self._stock(query)
            case "POST", "stock":
                wanted = [(row["item"], row["location"]) for row in content["places"]]
                return {"rows": await self._rows(key for key in wanted if key in self.house.places), "next": None, "now": self._now()}
            case "PUT", "claims":
                return self._put(content)
            case "GET", "claims":
                return self._claims(query)
            case _:
                raise _No(404, f"no such address: {method} {path}")

    async def _stock(self, query: Mapping[str, str]) -> dict[str, Any]:
        since = _moment(query.get("since"))
        keys = [key for key, place in self.house.places.items() if since is None or place.changed_at >= since]
        start, size = int(query.get("after", "0")), self.house.dials.page_size
        rows = await self._rows(keys[start : start + size])
        return {"rows": rows, "next": str(start + size) if start + size < len(keys) else None, "now": self._now()}

    async def _rows(self, keys: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        """The reserve is looked at first, the units a moment later: a shipment in between makes too little, never too much."""
        house, now = self.house, self.house.clock.now()
        wanted = [(key, house.places[key]) for key in keys]
        shown = [(key, place) for key, place in wanted if place.silent_until is None or place.silent_until <= now]
        reserved = {key: place.foreign + house.ours(house.items[key[0]], key[1]) for key, place in shown}
        if house.dials.gap:
            await house.clock.sleep(house.dials.gap)
        rows = []
        for key, place in shown:
            null = place.null_until is not None and place.null_until > now
            told = {"units": None if null else place.units, "reserved": reserved[key] if house.dials.tells_reserve else None}
            rows.append({"item": key[0], "location": key[1], **told, "read_as": place.read_as})
        return rows

    def _put(self, content: Mapping[str, Any]) -> dict[str, Any]:
        unknown = [line["item"] for line in content["lines"] if (line["item"], line["location"]) not in self.house.places]
        if unknown:
            raise _No(422, f"no such item: {unknown[0]}")
        return _document(self.house.put(content["key"], content["number"], content["lines"]))

    def _claims(self, query: Mapping[str, str]) -> dict[str, Any]:
        since, now = _moment(query.get("since")), self.house.clock.now()
        documents = (document for document in self.house.documents.values() if document.visible_at <= now)
        changed = [_document(d) for d in documents if since is None or max(d.changed_at, d.visible_at) >= since]
        return self._page("claims", changed, query)

    def _page(self, name: str, rows: Sequence[Any], query: Mapping[str, str]) -> dict[str, Any]:
        start, size = int(query.get("after", "0")), self.house.dials.page_size
        more = start + size < len(rows)
        return {name: rows[start : start + size], "next": str(start + size) if more else None, "now": self._now()}

    def _now(self) -> str:
        return self.house.clock.now().isoformat()


def _document(document: Document) -> dict[str, Any]:
    lines = [{"ref": ref, "held": line.held, "shipped": line.shipped} for ref, line in document.lines.items()]
    return {"key": document.key, "document": document.ref, "gone": document.gone, "lines": lines}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _json(status: int, content: Any) -> Answer:
    return status, {"content-type": "application/json"}, json.dumps(content).encode()
