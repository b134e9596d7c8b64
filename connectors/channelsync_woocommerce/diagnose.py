"""`doctor` for a WooCommerce shop: asks for what can be seen from outside and hands it to `findings`. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channelsync.contract import Diagnosis, Setup
from channelsync.errors import ChannelError, Misunderstood, NotReached, Refused, Unauthorized
from channelsync_woocommerce import findings
from channelsync_woocommerce.answers import AnotherPage
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.settings import Settings
from channelsync_woocommerce.shapes import text
from channelsync_woocommerce.subscriptions import subscriptions

PAGES_MAX = 5
"""Pages of 100 products that are looked at: a checkup is no full sweep."""
INDEX_FIELDS = "name,home,gmt_offset,timezone_string,namespaces"
STATUS_FIELDS = "environment.version,environment.wp_cron,settings.HPOS_enabled"
PRODUCT_FIELDS = "id,name,sku,type,manage_stock,backorders_allowed"
PLAIN = "set permalinks to anything but plain in WordPress > Settings > Permalinks, and see that WooCommerce is active"


class Doctor:
    def __init__(self, api: Api, settings: Settings) -> None:
        self._api, self._settings = api, settings

    async def look(self, setup: Setup) -> Sequence[Diagnosis]:
        """Raises Unavailable if nothing answers; whatever does answer instead of the shop is a finding."""
        try:
            index = await self._api.get("/wp-json/", {"_fields": INDEX_FIELDS}, root="")
            facts = index.object()
        except (AnotherPage, Misunderstood) as page:
            return [self._page(page)]
        except Refused as refused:
            return [findings.error("no-rest-api", str(refused), PLAIN, self._settings.url)]
        found = [
            *findings.of_index(facts, self._settings),
            *findings.of_clock(index.at, setup),
            *findings.of_cache(index.age),
        ]
        try:
            return found + await self._inside(setup)
        except Unauthorized as refused:
            remedy = 'check consumer_key and consumer_secret; a host that drops the Authorization header needs auth = "query"'
            return [*found, findings.error("credentials", str(refused), remedy, self._settings.url)]
        except (AnotherPage, Misunderstood) as page:
            return [*found, self._page(page)]
        except (NotReached, Refused) as refused:
            if isinstance(refused, NotReached) and "wc/v3" not in str(refused):
                raise
            return [*found, findings.error("no-rest-api", str(refused), PLAIN, self._settings.url)]

    async def _inside(self, setup: Setup) -> list[Diagnosis]:
        """What takes a key to see. The first question proves the key."""
        status = await self._api.get("/system_status", {"_fields": STATUS_FIELDS})
        found = [*findings.of_status(status.object()), *await self._may_write()]
        manages, minutes = await self._option("woocommerce_manage_stock"), await self._option("woocommerce_hold_stock_minutes")
        found += findings.of_options(manages, minutes, self._settings)
        found += findings.of_hooks(await subscriptions(self._api), self._settings, setup)
        found += findings.of_products(*await self._products())
        return found

    async def _may_write(self) -> list[Diagnosis]:
        """A batch of nothing: it changes nothing, and a key that may only read is refused."""
        try:
            await self._api.send("POST", "/products/batch", {"update": []}, lambda answer: answer.object())
        except Unauthorized as refused:
            remedy = "make a new key with permission Read/Write in WooCommerce > Settings > Advanced > REST API"
            return [findings.error("key-read-only", str(refused), remedy, "consumer_key")]
        except Refused:
            return []
        return []

    async def _option(self, name: str) -> str:
        return text((await self._api.get(f"/settings/products/{name}")).object().get("value"))

    async def _products(self) -> tuple[list[dict[str, Any]], bool]:
        """The first ones, and whether that is all of them."""
        rows: list[dict[str, Any]] = []
        for page in range(1, PAGES_MAX + 1):
            params = {"per_page": str(PER_PAGE), "page": str(page), "orderby": "id", "order": "asc", "_fields": PRODUCT_FIELDS}
            more = (await self._api.get("/products", params)).rows()
            rows += more
            if len(more) < PER_PAGE:
                return rows, True
        return rows, False

    def _page(self, page: ChannelError) -> Diagnosis:
        remedy = (
            "let this machine's address past the firewall, bot check, login or maintenance page in front of /wp-json/; check url, and "
            + PLAIN
        )
        return findings.error("other-page", str(page), remedy, self._settings.url)
