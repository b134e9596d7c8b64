"""The account's outgoing webhooks: unsigned, with a request id, at most three repeats at once, dropped for good after 1500 ms."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from channelsync.testing.standins.base import Deliver, Postman, StandIn
from channelsync.testing.standins.moysklad.query import ROOT
from channelsync.testing.standins.moysklad.render import meta
from channelsync.testing.standins.moysklad.rest import plain
from channelsync.testing.standins.moysklad.state import State, msk

PATIENCE_SECONDS = 1.5
RETRIES = (0.0, 0.0, 0.0)
GOOD = (200, 204)
AGENT = "MoySklad webhook touch agent 2.0 (/https://www.moysklad.ru)"


class Courier:
    """late: deliveries that were answered too late, or not at all within the wait, and dropped."""

    def __init__(self, shop: StandIn, state: State, deliver: Deliver | None) -> None:
        self.state, self.deliver = state, deliver
        self.late = 0
        self._stock_due: float | None = None
        self.postman = Postman(shop, self._send if deliver else None, delay=lambda: state.dials.hook_seconds, retries=RETRIES)

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """A wrong status is worth another try; silence is not."""
        assert self.deliver is not None
        call = asyncio.ensure_future(self.deliver(url, headers, body))
        patience = asyncio.ensure_future(self.state.clock.sleep(PATIENCE_SECONDS))
        await asyncio.wait((call, patience), return_when=asyncio.FIRST_COMPLETED)
        patience.cancel()
        if not call.done():
            call.cancel()
            self.late += 1
            return 200
        return 200 if call.result() in GOOD else 500

    def next_due(self) -> float | None:
        now = self.state.clock.monotonic()
        if self.state.events:
            return now
        if self.state.stock_moved and self._stock_due is None:
            self._stock_due = now + self.state.dials.stock_hook_seconds
        return min([due for due in (self._stock_due, self.postman.next_due()) if due is not None], default=None)

    async def work(self) -> None:
        self._post_events()
        self.next_due()
        if self._stock_due is not None and self._stock_due <= self.state.clock.monotonic():
            self._post_stock()
        await self.postman.send_due()

    def _post_events(self) -> None:
        events, self.state.events = self.state.events, []
        for kind, action, ref, muted in events:
            event = {"meta": meta(kind, ref)["meta"], "action": action, "accountId": self.state.account}
            audit = {
                "meta": meta("audit", self.state.new_id(), path="audit")["meta"],
                "uid": self.state.login,
                "moment": msk(self.state.now())[:19],
            }
            for hook in self.state.hooks.values():
                if hook.enabled and (hook.entity, hook.action) == (kind, action) and not hook.url.startswith(muted or ("\n",)):
                    self._post(hook.url, {"auditContext": audit, "events": [event]})

    def _post_stock(self) -> None:
        moved, self.state.stock_moved, self._stock_due = self.state.stock_moved, None, None
        assert moved is not None
        for hook in self.state.hooks.values():
            if hook.enabled and not hook.entity:
                report = f"{ROOT}/report/stock/{hook.action}/current?changedSince={msk(moved)[:19]}"
                self._post(
                    hook.url, {"accountId": self.state.account, "stockType": "stock", "reportType": hook.action, "reportUrl": report}
                )

    def _post(self, url: str, body: Any) -> None:
        joined = "&" if "?" in url else "?"
        headers = {"user-agent": AGENT, "content-type": "application/json"}
        self.postman.post(f"{url}{joined}requestId={self.state.new_id()}", headers, plain(body))
