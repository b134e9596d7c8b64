"""What `diagnose` makes of what the shop told: each check is a pure function from facts to findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from channelsync.contract import ChannelLocation, Diagnosis, Setup, Severity
from channelsync_shopify.answers import CheckedHook, CheckedVariant, Health
from channelsync_shopify.documents import COST_ROOM
from channelsync_shopify.identity import PLACES_SCOPES, SCOPES
from channelsync_shopify.settings import ShopifySettings
from channelsync_shopify.subscriptions import TOPICS

SKEW_SECONDS = 60.0
SLOW_PER_SECOND = 50.0
NAMED_MAX = 5
GRANT = "add it to the app's access scopes and install the app again"


def error(code: str, what: str, remedy: str, where: str = "") -> Diagnosis:
    return Diagnosis(code, Severity.ERROR, what, remedy, where)


def warning(code: str, what: str, remedy: str, where: str = "") -> Diagnosis:
    return Diagnosis(code, Severity.WARNING, what, remedy, where)


def note(code: str, what: str, remedy: str, where: str = "") -> Diagnosis:
    return Diagnosis(code, Severity.NOTE, what, remedy, where)


def of_version(asked: str, served: str | None, health: Health) -> Iterator[Diagnosis]:
    supported = [version.handle for version in health.public_api_versions if version.supported]
    if served not in (None, asked) or asked not in supported:
        yield error(
            "api-version",
            f"API version {asked} was asked for and {served or 'another one'} answered: a retired version is served under other rules",
            f"use a channelsync release that knows one of {', '.join(supported)}, and set api_version",
            asked,
        )


def of_identity(shop: str, health: Health) -> Iterator[Diagnosis]:
    found = health.shop.myshopify_domain.lower()
    if found != shop:
        yield error(
            "other-shop", f"the settings name {shop}, but {found} answers", "correct shop, or url, in the channel's settings", found
        )


def of_scopes(granted: set[str], several: bool, *, turns_switches: bool = False) -> Iterator[Diagnosis]:
    """A write scope includes its read scope, and Shopify then lists it alone."""
    have = granted | {scope.replace("write_", "read_") for scope in granted}
    for scope in [each for each in SCOPES if each not in have]:
        yield error("scope-missing", f"the app lacks the access scope {scope}", GRANT, scope)
    if turns_switches and "write_products" not in granted:
        what = "backorder_switch asks to turn the shop's switches, and the app lacks the access scope write_products"
        yield error("scope-missing", what, f'{GRANT}, or set backorder_switch = "read"', "write_products")
    if several and not PLACES_SCOPES & granted:
        scope = "read_merchant_managed_fulfillment_orders"
        what = f"the shop has several locations, and without {scope} no order tells which of them ships it"
        yield error("scope-missing", what, f"{GRANT}, or name the one location that counts as shop_location", scope)
    if "read_all_orders" not in have:
        what = "orders that are older than 60 days are invisible to the app, changed or not"
        yield warning("orders-60-days", what, f"ask Shopify for read_all_orders; {GRANT}", "read_all_orders")
    if "read_returns" not in have:
        what = "goods that are taken back without a refund show up as drift, not as a return"
        yield note("returns-unseen", what, f"read_returns: {GRANT}", "read_returns")


def of_clock(shop: datetime, setup: Setup) -> Iterator[Diagnosis]:
    apart = (setup.now - shop).total_seconds()
    if abs(apart) > SKEW_SECONDS:
        what = f"our clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} the shop's"
        yield warning("clock-skew", what, "set this machine's clock by NTP (timedatectl set-ntp true)")


def of_bucket(bucket: tuple[float, float, float] | None) -> Iterator[Diagnosis]:
    """bucket: points there now, at most, back per second."""
    if bucket is None:
        return
    _, size, rate = bucket
    if size < COST_ROOM:
        what = (
            f"the shop allows {size:.0f} points at a time; reading a page takes up to {COST_ROOM}, so that some reads can never be answered"
        )
        yield error(
            "low-limit", what, "ask Shopify why this app is limited so far, or use another plan or a shop that is no development store"
        )
    elif rate < SLOW_PER_SECOND:
        what = f"the shop gives back {rate:.0f} points per second: sweeps take long and pushes wait"
        yield warning("low-limit", what, "make polls and sweeps rarer (poll_seconds, sweep_seconds), or use another plan")


def of_locations(places: Sequence[ChannelLocation], settings: ShopifySettings, setup: Setup) -> Iterator[Diagnosis]:
    known = {place.ref: place for place in places}
    for ref in dict.fromkeys((*([settings.shop_location] if settings.shop_location else []), *setup.locations)):
        place = known.get(ref)
        if place is None:
            choice = ", ".join(f"{each.ref} ({each.name})" for each in places) or "none"
            yield error("location-unknown", f"the shop has no location {ref}", f"set it to one of: {choice}", ref)
        elif not place.active:
            what = f"{place.name or ref} is deactivated: nothing is sold from there"
            yield error(
                "location-inactive", what, "activate it in Shopify's settings under Locations, or take it out of the channel's table", ref
            )
    if not any(place.active for place in places):
        yield error("location-unknown", "the shop has no active location", "activate one in Shopify's settings under Locations")


def of_stock_elsewhere(place: ChannelLocation, units: int) -> Iterator[Diagnosis]:
    if units > 0:
        what = f"{place.name or place.ref} holds {units} units or more, and no location of yours feeds it"
        remedy = f'add to the channel: locations = {{ "{place.ref}" = "<your location\'s code>" }}'
        yield warning("location-unmapped", what, remedy, place.ref)


def of_hooks(hooks: Sequence[CheckedHook], settings: ShopifySettings, setup: Setup) -> Iterator[Diagnosis]:
    """Shopify has no paused webhook: one that failed too often is deleted."""
    url = setup.webhook_url
    if url is None:
        return
    if not url.startswith("https://"):
        yield error(
            "webhook-url", f"Shopify delivers to https addresses only, and the public one is {url}", "set public_url to https://...", url
        )
    if not settings.signing_secrets:
        what = "without a secret no delivery can be verified"
        yield error("webhook-secret", what, "set client_secret, or webhook_secrets, to the app's client secret")
    ours = {hook.topic for hook in hooks if hook.uri == url}
    missing = [topic for topic in TOPICS if topic not in ours]
    elsewhere = sorted({hook.uri for hook in hooks if hook.topic in missing})
    if missing:
        what = (
            f"{len(missing)} of {len(TOPICS)} webhooks are missing: {_some(missing)}; Shopify deletes those that fail eight times in a row"
        )
        yield warning(
            "webhook-missing", what, "leave the daemon running: it makes them again; see that the address answers from outside", url
        )
    if elsewhere:
        what = f"this app's webhooks go to {_some(elsewhere)}"
        yield warning("webhook-elsewhere", what, f"delete them there if nobody needs them; ours belong to {url}", elsewhere[0])
    versions = sorted({hook.api_version.handle for hook in hooks if hook.uri == url} - {settings.api_version})
    if versions:
        what = f"webhooks come in API version {_some(versions)} instead of {settings.api_version}"
        yield warning(
            "webhook-version", what, f"set the webhook API version in the app's configuration to {settings.api_version}", versions[0]
        )


def of_variants(variants: Sequence[CheckedVariant], all_of_them: bool) -> Iterator[Diagnosis]:
    """Gift cards and bundles' parents are what they are."""
    goods = [each for each in variants if not each.product.is_gift_card and not each.requires_components]
    times = Counter(each.sku for each in goods)
    scope = "" if all_of_them else f" among the first {len(variants)}"
    checks: Sequence[tuple[str, Severity, Iterable[CheckedVariant], str, str]] = (
        (
            "untracked",
            Severity.NOTE,
            (each for each in goods if not each.inventory_item.tracked),
            "are not tracked: they are never written and never sell out",
            'switch on "Track quantity" for them if they are goods',
        ),
        (
            "overselling",
            Severity.WARNING,
            (each for each in goods if each.inventory_policy == "CONTINUE" and each.inventory_item.tracked),
            "go on selling below zero",
            'switch off "Continue selling when out of stock" for them, unless they are meant to: channelsync stock backorder',
        ),
        (
            "duplicate-sku",
            Severity.WARNING,
            (each for each in goods if each.sku and max(times[each.sku], each.inventory_item.duplicate_sku_count) > 1),
            "share their SKU with other variants",
            "give each its own SKU, or link them by hand: channelsync listings link",
        ),
        (
            "sku-missing",
            Severity.NOTE,
            (each for each in goods if not each.sku),
            "have no SKU and cannot be matched",
            "give them one, or link them by hand: channelsync listings link",
        ),
    )
    for code, severity, odd, what, remedy in checks:
        names = [each.sku or each.display_name or each.id for each in odd]
        if names:
            yield Diagnosis(code, severity, f"{len(names)} variants{scope} {what}: {_some(names)}", remedy, names[0])


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
