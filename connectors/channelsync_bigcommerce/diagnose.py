"""What `doctor` finds: access, clock, the store's own stock rules. Hooks, locations and goods have rooms of their own."""

from __future__ import annotations

from collections.abc import Sequence

from channelsync.contract import Diagnosis, Setup, Severity
from channelsync.errors import Unauthorized
from channelsync_bigcommerce import diagnose_goods, diagnose_hooks
from channelsync_bigcommerce.access import missing_scopes
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.places import read_locations
from channelsync_bigcommerce.rules import RulesOf
from channelsync_bigcommerce.settings import Settings
from channelsync_bigcommerce.shapes import unix_time

SKEW_SECONDS = 60.0
NEW_ACCOUNT = "in the control panel, Settings > Store-level API accounts: make a new account, since an existing one cannot be changed"


async def diagnose(api: Api, settings: Settings, setup: Setup) -> Sequence[Diagnosis]:
    try:
        missing = await missing_scopes(api)
    except Unauthorized as error:
        return [Diagnosis("token-refused", Severity.ERROR, str(error), f"copy store_hash and access_token again, or {NEW_ACCOUNT}")]
    scopes = {scope for scope, _ in missing}
    found = [
        Diagnosis("scope-missing", Severity.ERROR, f"the API account lacks {scope}", f"{NEW_ACCOUNT} with {name}", scope)
        for scope, name in missing
    ]
    if "store_v2_information_read_only" not in scopes:
        found += await _clock(api, setup)
        found += await _rules(api)
    if "store_locations_read_only" not in scopes:
        found += await _locations(api, settings, setup)
    if not scopes & {"store_v2_products_read_only", "store_inventory"}:
        found += await diagnose_goods.diagnose(api, setup)
    return found + await diagnose_hooks.diagnose(api, settings, setup)


async def _clock(api: Api, setup: Setup) -> list[Diagnosis]:
    told = unix_time((await api.get("/v2/time")).object(), "time")
    apart = (told - setup.now).total_seconds()
    if abs(apart) <= SKEW_SECONDS:
        return []
    what = f"our clock and the store's are {abs(apart):.0f} s apart"
    return [
        Diagnosis("clock-skew", Severity.WARNING, what, "set this machine's clock (NTP): signed deliveries are refused when it is wrong")
    ]


async def _rules(api: Api) -> list[Diagnosis]:
    """Nothing wrong with any of these, but people are surprised by them."""
    rules = await RulesOf(api).of(None)
    found = []
    if not rules.on_placed:
        what = "the store lowers its stock when an order is shipped or completed: open orders are promised and still counted as on hand"
        remedy = "nothing to do: their units are held here and pushed; do not change the setting while orders are open"
        found.append(Diagnosis("stock-on-shipping", Severity.NOTE, what, remedy))
    if not rules.gives_back:
        what = "the store does not put units of cancelled and refunded orders back on sale (refund_order_stock_adjustment is off)"
        found.append(Diagnosis("cancel-keeps-stock", Severity.NOTE, what, "decide about such units here: they are quarantined"))
    if not rules.edits:
        what = "the store does not adjust stock when an order is edited, and does not tell what it took for it"
        remedy = "switch edit_order_stock_adjustment on (Settings > Inventory)"
        found.append(Diagnosis("edit-keeps-stock", Severity.WARNING, what, remedy))
    return found


async def _locations(api: Api, settings: Settings, setup: Setup) -> list[Diagnosis]:
    places = {place.ref: place for place in await read_locations(api)}
    found = []
    for ref in sorted({*setup.locations, settings.default_location}):
        place = places.get(ref)
        if place is None:
            what, remedy = f"the store has no location {ref}", "correct the channel's locations (or default_location)"
            found.append(Diagnosis("location-unknown", Severity.ERROR, what, remedy, ref))
        elif not place.active:
            what = f"location {ref} ({place.name}) is disabled: its stock cannot be changed"
            found.append(Diagnosis("location-disabled", Severity.ERROR, what, "enable it in the store, or map another", ref))
    for ref, place in places.items():
        if place.active and setup.locations and ref not in setup.locations:
            what = f"location {ref} ({place.name}) is not mapped: its numbers are neither read nor written"
            found.append(Diagnosis("location-unmapped", Severity.WARNING, what, "map it, or disable it in the store if it is unused", ref))
    return found
