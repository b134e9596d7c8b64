"""Every connector, with settings full of canaries, and every verb that asks its shop, with arguments for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from channelsync.config import Config, parse
from channelsync.contract import Call, Cursor, Setup, ShelfRef, Switch, Write
from channelsync.contract.authority import Claim, ClaimLine
from channelsync.registry import Registry

UUID = "0f0e0d0c-0b0a-0908-0706-050403020100"
TABLES: dict[str, dict[str, Any]] = {
    "memory": {"url": "https://shop.test", "token": "canary-token-memory", "webhook_secrets": ["canary-hook-memory"]},
    "woocommerce": {
        "url": "https://shop.test",
        "consumer_key": "ck_canary_key",
        "consumer_secret": "cs_canary/secret+",
        "webhook_secrets": ["canary-hook-woo"],
    },
    "woocommerce by query": {
        "connector": "woocommerce",
        "auth": "query",
        "url": "https://shop.test",
        "consumer_key": "ck_canary_key",
        "consumer_secret": "cs_canary/secret+",
        "webhook_secrets": ["canary-hook-woo"],
    },
    "shopify": {"shop": "bird.myshopify.com", "access_token": "shpat_tokencanary", "webhook_secrets": ["canary-hook-shopify"]},
    "shopify by grant": {
        "connector": "shopify",
        "shop": "bird.myshopify.com",
        "client_id": "an id",
        "client_secret": "shpss_canary&secret",
    },
    "bigcommerce": {
        "store_hash": "abc",
        "access_token": "canary-token-bc",
        "client_secret": "canary-client-bc",
        "webhook_secrets": ["canary-hook-bc"],
    },
    "moysklad": {
        "token": "canary-token-ms",
        "stores": [UUID],
        "organization": UUID,
        "agent": UUID,
        "webhook_secrets": ["canary-hook-moysklad"],
    },
    "moysklad by password": {
        "connector": "moysklad",
        "login": "robot@bird",
        "password": "canary-password-ms",
        "stores": [UUID],
        "organization": UUID,
        "corrections": "enter_loss",
        "webhook_secrets": ["canary-hook-moysklad"],
    },
}
WRITE = Write("w1", ShelfRef("1", ""), value=5, compare=6, delta=-1)


def config_of(name: str) -> Config:
    table = {"connector": name, **TABLES[name]}
    if table["connector"] == "moysklad":
        table |= {"role": "authority", "locations": {UUID: "main"}} if "token" in table else {}
    return parse({"store": {"id": "acme"}, "channels": {"shop": table}}, Registry.installed(), file=Path("/nowhere/acme.toml"))


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "check": (),
    "listings": (Cursor(),),
    "orders": (Cursor(),),
    "order": ("1",),
    "stock": ([ShelfRef("1", "")],),
    "push": (Call("key", (WRITE,)),),
    "subscriptions": (),
    "subscribe": ("https://us.test/webhooks/shop",),
    "diagnose": (Setup("https://us.test/webhooks/shop", (), datetime(2026, 11, 1, tzinfo=UTC)),),
    "locations": (),
    "turn": ([Switch("1", True)],),
    "physical": (Cursor(),),
    "physical_of": ([ShelfRef(UUID, UUID)],),
    "export": (Claim("k1", "1", (ClaimLine("l1", UUID, UUID, 1, 1),)),),
    "claims": (Cursor(),),
}


async def asked(connector: Any, verb: str) -> Any:
    answer = getattr(connector, verb)(*ARGUMENTS[verb])
    return [page async for page in answer] if isinstance(answer, AsyncIterator) else await answer
