"""What `diagnose` makes of what the shop told: each check is a pure function from facts to findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from channelsync.contract import Diagnosis, Setup, Severity, Subscription
from channelsync_woocommerce.settings import Settings
from channelsync_woocommerce.shapes import inner, text
from channelsync_woocommerce.subscriptions import TOPICS

Raw = Mapping[str, Any]
SKEW_SECONDS = 60.0
OLDEST = (5, 8)  # `modified_after`
PORTS = (None, 80, 443, 8080)  # those WordPress delivers to, unless a filter allows more
NAMED_MAX = 5
SETTINGS_PAGE = "WooCommerce > Settings > Products > Inventory"


def error(code: str, what: str, remedy: str, where: str = "") -> Diagnosis:
    return Diagnosis(code, Severity.ERROR, what, remedy, where)


def warning(code: str, what: str, remedy: str, where: str = "") -> Diagnosis:
    return Diagnosis(code, Severity.WARNING, what, remedy, where)


def note(code: str, what: str, remedy: str, where: str = "") -> Diagnosis:
    return Diagnosis(code, Severity.NOTE, what, remedy, where)


def of_index(index: Raw, settings: Settings) -> Iterator[Diagnosis]:
    """What anybody may read of the shop."""
    names = index.get("namespaces")
    if isinstance(names, list) and "wc/v3" not in names:
        remedy = "activate WooCommerce, and see that no security plug-in hides its REST API"
        yield error("api-off", "WordPress answers, but it offers no wc/v3 API", remedy, settings.url)
    if settings.url.startswith("http://"):
        what = "the keys travel in the clear, and WooCommerce refuses them over plain HTTP unless the host makes PHP see HTTPS"
        yield warning("no-tls", what, "give the shop a certificate and set url to https://...", settings.url)
    if not text(index.get("timezone_string")) and index.get("gmt_offset") not in (0, "0", None):
        what = f"the shop's clock is set to a fixed offset (UTC{index.get('gmt_offset')}) that knows no summer time"
        yield note("time-zone-offset", what, "choose a city in WordPress > Settings > General > Timezone")


def of_clock(shop: datetime | None, setup: Setup) -> Iterator[Diagnosis]:
    apart = (setup.now - shop).total_seconds() if shop else 0.0
    if abs(apart) > SKEW_SECONDS:
        what = f"our clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} the shop's"
        yield warning("clock-skew", what, "set the clocks of this machine and of the shop's host by NTP")


def of_cache(age: int) -> Iterator[Diagnosis]:
    if age > 0:
        what = f"something in front of the shop answers for it from a cache ({age} s old): numbers and orders are seen late"
        yield warning("cached", what, "exclude /wp-json/ from the page cache or CDN", "/wp-json/")


def of_status(status: Raw) -> Iterator[Diagnosis]:
    """`/system_status`: versions, cron, and where orders are stored. Fields that are not there say nothing."""
    environment, shop = inner(status, "environment"), inner(status, "settings")
    version = text(environment.get("version"))
    numbers = tuple(int(part) for part in re.findall(r"\d{1,6}", version)[:2])
    if numbers and numbers < OLDEST:
        what = f"WooCommerce {version} ignores the question for what changed since, so changed orders cannot be found"
        yield error("version-old", what, "update WooCommerce to 5.8 or later (10 or later is what this was measured on)", version)
    if environment.get("wp_cron") is False:
        what = "WP-Cron is switched off: webhooks leave and unpaid orders end only when something else runs it"
        yield warning("cron-off", what, "have the host call wp-cron.php every minute, or remove DISABLE_WP_CRON from wp-config.php")
    if shop.get("HPOS_enabled") is False:
        what = "orders are stored as posts, not in WooCommerce's own order tables: lists are slower, and plug-ins may change orders unseen"
        yield note("legacy-orders", what, "switch on high-performance order storage in WooCommerce > Settings > Advanced > Features")


def of_options(manages: str, minutes: str, settings: Settings) -> Iterator[Diagnosis]:
    if manages == "no":
        what = "stock management is switched off for the whole shop: every write is answered with 200 and ignored"
        yield error("stock-management-off", what, f'switch on "Enable stock management" in {SETTINGS_PAGE}')
    elif minutes != str(settings.hold_stock_minutes) and (minutes or settings.hold_stock_minutes):
        held = f"{minutes} minutes" if minutes else "no time"
        what = f"the shop holds units of unpaid checkouts for {held}, the settings say {settings.hold_stock_minutes}"
        remedy = f"set hold_stock_minutes = {minutes or 0}, or change {SETTINGS_PAGE}"
        yield warning("hold-minutes", what, remedy, "hold_stock_minutes")


def of_hooks(hooks: Sequence[Subscription], settings: Settings, setup: Setup) -> Iterator[Diagnosis]:
    url = setup.webhook_url
    if url is None:
        return
    if not settings.webhook_secrets:
        what = "without a secret of ours no delivery can be verified: WooCommerce does not show the one it makes"
        yield error("webhook-secret", what, "set webhook_secrets in the channel's settings")
    if urlsplit(url).port not in PORTS:
        what = f"WordPress delivers to the ports 80, 443 and 8080 only, and the public address is {url}"
        yield warning(
            "webhook-port", what, "put a proxy in front and set public_url, or allow the port by the filter http_allowed_safe_ports", url
        )
    if not url.startswith("https://"):
        yield warning(
            "webhook-plain", "webhooks come over plain HTTP, orders in them readable on the way", "set public_url to https://...", url
        )
    ours = {hook.topic: hook for hook in reversed(hooks) if hook.url == url}
    missing = [topic for topic in TOPICS if topic not in ours]
    off = [topic for topic in TOPICS if topic in ours and not ours[topic].active]
    elsewhere = sorted({hook.url for hook in hooks if hook.topic in missing and hook.url != url and "/webhooks/" in hook.url})
    if missing:
        what = f"{len(missing)} of {len(TOPICS)} webhooks are missing: {_some(missing)}"
        yield warning("webhook-missing", what, "leave the daemon running: it makes them; see that the key may write", url)
    if off:
        what = f"{_some(off)}: paused, or switched off by the shop after seven failures in a row"
        yield warning("webhook-off", what, "see that the address answers from outside; the daemon arms them again", url)
    if elsewhere:
        yield warning("webhook-elsewhere", f"webhooks go to {_some(elsewhere)}", f"delete them there; ours belong to {url}", elsewhere[0])


def of_products(products: Sequence[Raw], all_of_them: bool) -> Iterator[Diagnosis]:
    """Variable products carry their stock in their variations, grouped and external ones have none."""
    scope = "" if all_of_them else f" among the first {len(products)}"
    simple = [each for each in products if each.get("type") == "simple"]
    times = Counter(text(each.get("sku")).casefold() for each in products)
    checks: Sequence[tuple[str, Severity, Iterable[Raw], str, str]] = (
        (
            "unmanaged",
            Severity.NOTE,
            (each for each in simple if each.get("manage_stock") is False),
            "have no stock management: they are never written and never sell out",
            'switch on "Track stock quantity" for them if they are goods',
        ),
        (
            "backorders",
            Severity.WARNING,
            (each for each in products if each.get("manage_stock") is True and each.get("backorders_allowed") is True),
            "go on selling below zero",
            'set "Allow backorders?" to "Do not allow" for them, unless they are meant to: channelsync stock backorder',
        ),
        (
            "duplicate-sku",
            Severity.WARNING,
            (each for each in products if (sku := text(each.get("sku")).casefold()) and times[sku] > 1),
            "share their SKU with other products",
            "give each its own SKU, or link them by hand: channelsync listings link",
        ),
        (
            "sku-missing",
            Severity.NOTE,
            (each for each in simple if each.get("manage_stock") is True and not text(each.get("sku"))),
            "have no SKU and cannot be matched",
            "give them one, or link them by hand: channelsync listings link",
        ),
    )
    for code, severity, odd, what, remedy in checks:
        names = [text(each.get("sku")) or text(each.get("name")) or text(each.get("id")) for each in odd]
        if names:
            yield Diagnosis(code, severity, f"{len(names)} products{scope} {what}: {_some(names)}", remedy, names[0])


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
