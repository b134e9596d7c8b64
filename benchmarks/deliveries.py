"""Whoever posts webhooks, as a process of its own: keep-alive connections over raw streams, one signed body, a delivery id of its own in each request.

`python -m benchmarks.deliveries PORT CONNECTIONS SECONDS`; the one line it prints is JSON.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from typing import Self

from benchmarks.side_by_side import quantile
from channelsync.cli.loop import run_loop

SECRET = "shared-with-the-shop"  # noqa: S105  it guards nothing
SHOP = "bench.myshopify.com"
TOPIC = "orders/updated"
PATH = "/webhooks/shop"
ID = "x-shopify-webhook-id"
SIGNATURE = "x-shopify-hmac-sha256"
BODY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Posted:
    """answered: how many got their 200, by connection; a request is sent once the one before it is answered."""

    answered: list[int]
    seconds: float
    p50_ms: float | None
    p99_ms: float | None

    @classmethod
    def read(cls, line: bytes) -> Self:
        return cls(**json.loads(line))

    def ids(self) -> set[str]:
        """The delivery ids of everything that was answered with 200."""
        return {delivery_id(connection, turn) for connection, count in enumerate(self.answered) for turn in range(count)}


def delivery_id(connection: int, turn: int) -> str:
    return f"{connection:04}-{turn:08}"


def order() -> bytes:
    """About as long as an order with a few lines, and always the same."""
    dice = random.Random(1)
    lines: list[dict[str, object]] = []
    while len(body := json.dumps({"id": 5123456789012, "name": "#1001", "line_items": lines}).encode()) < BODY_BYTES - 100:
        lines.append({"id": dice.randrange(1 << 40), "sku": f"SKU-{dice.randrange(10_000)}", "quantity": 1, "price": "19.90", "grams": 250})
    return body + b" " * (BODY_BYTES - len(body))


def signature(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()


async def post(port: int, connections: int, seconds: float) -> Posted:
    body = order()
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"user-agent: Shopify-Captain-Hook\r\nx-shopify-topic: {TOPIC}\r\nx-shopify-shop-domain: {SHOP}\r\n"
        f"x-shopify-api-version: 2026-07\r\nx-shopify-triggered-at: 2026-11-20T10:00:00Z\r\n{SIGNATURE}: {signature(body)}\r\n{ID}: "
    ).encode()
    tail = b"\r\n\r\n" + body
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    took: list[float] = []
    began = time.perf_counter()
    calls = (_connection(number, *each, head, tail, began + seconds, took) for number, each in enumerate(streams))
    answered = await asyncio.gather(*calls)
    lasted = time.perf_counter() - began
    for _, writer in streams:
        writer.close()
    return Posted(list(answered), lasted, quantile(took, 0.5), quantile(took, 0.99))


async def _connection(
    number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, tail: bytes, until: float, took: list[float]
) -> int:
    turn = 0
    while (began := time.perf_counter()) < until:
        writer.write(head + delivery_id(number, turn).encode() + tail)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200 ") or b"content-length: 0" not in answer:
            raise RuntimeError(f"not stored: {answer!r}")
        took.append((time.perf_counter() - began) * 1000)
        turn += 1
    return turn


if __name__ == "__main__":
    _, port_, connections_, seconds_ = sys.argv
    sys.stdout.write(json.dumps(asdict(run_loop(post(int(port_), int(connections_), float(seconds_))))) + "\n")
