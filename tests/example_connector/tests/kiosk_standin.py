"""A kiosk whose till speaks its own dialect. Who buys, and what happens to the counts, is the memory shop's affair; only the till's JSON is here."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from channelsync.clock import Clock
from channelsync.testing.standins.base import Answer, FaultyApp
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.memory.orders import Order
from channelsync.testing.standins.memory.writes import KeyConflict, Wanted

PAGE = 20


class KioskStandIn(MemoryStandIn):
    def __init__(self, clock: Clock, source: random.Random) -> None:
        super().__init__(clock, source, carrier="adjust", page_size=PAGE, writes_per_call=50, name="kiosk")
        self.app = FaultyApp(self, self._handle, lambda: _answer(429, {"no": "slowly"}), hang_seconds=300.0)

    def settings(self, url: str) -> dict[str, Any]:
        return {"connector": "kiosk", "url": url, "token": self.token}

    async def _handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.catch_up()
        if headers.get("authorization") != f"Bearer {self.token}":
            return _answer(401, {"no": "token"})
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        match method, path.strip("/").split("/"):
            case "GET", ["till"]:
                return _answer(200, {"serial": self.identity})
            case "GET", ["goods"]:
                return self._goods(int(asked["after"]))
            case "GET", ["tickets"]:
                return self._tickets(asked.get("since"), asked.get("after", ""))
            case "GET", ["tickets", ref]:
                order = self.book.by_ref.get(ref)
                return _answer(404, {"no": "such ticket"}) if order is None else _answer(200, _ticket(self, order))
            case "GET", ["counts"]:
                return self._counts(asked["goods"].split(","))
            case "POST", ["changes"]:
                return await self._changes(json.loads(body))
        return _answer(404, {"no": "such page"})

    def _goods(self, after: int) -> Answer:
        left = [product for product in self.shelves.products.values() if product.serial > after]
        rows = [{"no": p.serial, "code": p.sku, "name": p.title, "counted": p.tracked} for p in left[:PAGE]]
        return _answer(200, {"goods": rows, "more": len(left) > PAGE, "clock": self._now()})

    def _tickets(self, since: str | None, after: str) -> Answer:
        bound = datetime.fromisoformat(since) if since else None
        found, mark = self.index.page(since=bound, only_open=bound is None, after=after)
        rows = [_ticket(self, self.book.by_ref[row["ref"]]) for row in found]
        return _answer(200, {"tickets": rows, "more": mark is not None, "mark": mark, "clock": self._now()})

    def _counts(self, refs: list[str]) -> Answer:
        known = {str(product.serial): product for product in self.shelves.products.values()}
        rows = [
            {"no": ref, "count": self.shelves.level(known[ref].sku, "") if known[ref].tracked else None} for ref in refs if ref in known
        ]
        return _answer(200, {"counts": rows, "clock": self._now()})

    async def _changes(self, content: dict[str, Any]) -> Answer:
        if len(content["changes"]) > self.dials.writes_per_call:
            return _answer(422, {"no": "that many"})
        refs = {str(product.serial): product.ref for product in self.shelves.products.values()}
        wanted = tuple(Wanted(row["id"], refs.get(row["good"], row["good"]), "", row["by"]) for row in content["changes"])
        try:
            results = await self.writes.write(content["stamp"], content["stamp"], wanted)
        except KeyConflict:
            return _answer(409, {"no": "the stamp is taken"})
        rows = [
            {"id": row["id"], "what": "done" if row["outcome"] == "ok" else "no", "count": row["shows"], "why": row["reason"]}
            for row in results
        ]
        return _answer(200, {"done": rows})

    def _now(self) -> str:
        return self.clock.now().isoformat()


def _ticket(shop: KioskStandIn, order: Order) -> dict[str, Any]:
    return {
        "no": order.ref,
        "state": {"pending": "open", "open": "sold", "cancelled": "void"}[order.state],
        "sold": order.created_at.isoformat(),
        "changed": order.modified_at.isoformat(),
        "cart": order.reservation_ref,
        "lines": [
            {
                "no": line.ref,
                "good": str(shop.shelves.products[line.sku].serial),
                "code": line.sku,
                "units": line.true.quantity,
                "handed_over": line.true.shipped,
                "void": line.cancelled,
                "kept": line.quarantined,
                "back": line.restocked,
                "moved": [[units, at.isoformat()] for units, at in line.effects],
            }
            for line in order.lines
        ],
    }


def _answer(status: int, content: Any) -> Answer:
    return status, {"content-type": "application/json"}, json.dumps(content).encode()
