"""Somebody who takes the event feed and remembers it: whatever becomes of the daemon, each message arrives, in order, and tells of something that was so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from channelsync.ledger.schema import AVAILABLE, alert_messages, low_stock, skus, stock_levels

NAME = "listener"
SECRET = "whsec_c2llZ2Utc2VjcmV0LW9mLTMyLWJ5dGVzLWxvbmchIQ=="
MARGIN = 3


class Listener:
    """heard: the numbers of messages, in the order in which each came first. level: what the town's stock crosses all the time."""

    def __init__(self, store: str, level: int) -> None:
        self._prefix, self.level = f"{store}-", level
        self.heard: dict[int, None] = {}
        self.repeats = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sent = {name.decode(): value.decode() for name, value in scope["headers"]}
        while (await receive()).get("more_body"):
            pass
        number = int(sent["webhook-id"].removeprefix(self._prefix))
        self.repeats += number in self.heard
        self.heard.setdefault(number)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    def table(self, url: str) -> Mapping[str, Any]:
        """The config's alerts."""
        hook = {"url": f"{url}/feed", "secrets": [SECRET], "allow_private_hosts": True}
        return {"low_stock": self.level, "margin_share": 0, "margin_least": MARGIN, "webhooks": {NAME: hook}}

    def lies(self, conn: Connection, before: Collection[int]) -> list[str]:
        """What is wrong at any moment: a message that is said to be sent and never came, one that is not known, one out of turn. before: what had
        been heard when `conn` began to look.
        """
        rows = conn.execute(select(alert_messages.c.id, alert_messages.c.state).where(alert_messages.c.target == NAME)).all()
        heard, known = list(self.heard), {row.id for row in rows}
        found = [f"message {row.id} is said to be sent and was never heard" for row in rows if row.state == "sent" and row.id not in heard]
        found += [f"message {number} was heard and is not known" for number in before if number not in known]
        return found + ([] if heard == sorted(heard) else ["messages were heard out of turn"])

    def unsaid(self, conn: Connection) -> list[str]:
        """What is still to be said or is wrong once everything has settled: messages that wait, and SKUs whose state is not what they show."""
        waiting = conn.scalars(
            select(alert_messages.c.id)
            .where(alert_messages.c.target == NAME, alert_messages.c.state != "sent")
            .order_by(alert_messages.c.id)
        ).all()
        found = [f"message {number} waits" for number in waiting]
        known = set(conn.scalars(select(low_stock.c.sku_id).where(low_stock.c.location_id == 0)))
        left = select(skus.c.id, skus.c.sku, func.sum(AVAILABLE).label("left")).join(stock_levels, stock_levels.c.sku_id == skus.c.id)
        for row in conn.execute(left.group_by(skus.c.id, skus.c.sku)):
            low, high = row.left <= self.level, row.left > self.level + MARGIN
            if (low and row.id not in known) or (high and row.id in known):
                found.append(f"{row.sku}: {row.left} left, and it is {'not ' if low else ''}known as low")
        return found
