"""What must hold at any moment, and what must hold once everything is quiet. Each finding is one sentence for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from channelsync.ledger.audit import audit
from channelsync.ledger.verifier import verify
from channelsync.testing.simulation import recorder
from channelsync.testing.simulation.goods import Goods
from channelsync.testing.simulation.house_truth import HouseTruth
from channelsync.testing.simulation.houses import House
from channelsync.testing.simulation.plan import Plan, ShopPlan
from channelsync.testing.simulation.promises import Promises
from channelsync.testing.standins.abilities import Relists
from channelsync.testing.standins.base import HasPlaces, StandIn

Accepted = tuple[str, str]
"""(channel, key) of a delivery the shop was told we have."""

_NO_TIME = datetime(2100, 1, 1, tzinfo=UTC)
"""Clocks jump here on purpose, so rows may well seem to come from the future."""


def always(conn: Connection, accepted: Iterable[Accepted]) -> Iterator[str]:
    """The ledger proves itself, twice and by different code, and every delivery that was answered 2xx is stored."""
    for difference in audit(conn):
        yield f"audit {difference.check}: {difference.where}: expected {difference.expected}, found {difference.found}"
    for mismatch in verify(conn, _NO_TIME).mismatches:
        yield f"verifier {mismatch.check}: {mismatch.where}: expected {mismatch.expected}, found {mismatch.found}"
    stored = {(row[0], row[1]) for row in conn.execute(_INBOX)}
    for channel, key in accepted:
        if (channel, key) not in stored:
            yield f"delivery {key} of {channel} was answered 2xx and is not stored"


def at_rest(conn: Connection, shops: Mapping[str, StandIn], truth: Promises, goods: Goods, *, deliveries: bool) -> Iterator[str]:
    """Shops, ledger and truth say the same, and nothing is open. deliveries: nor does one wait for its next try, which may take minutes."""
    for row in conn.execute(_SHELVES).mappings():
        shop, place = row["shop"], row["location"] if row["shop"] in goods.split else ""
        name = goods.name(shop, row["sku"])
        yield from _shelf(dict(row), goods.item(shop, row["sku"], row["location"]), shown(shops[shop], name, place))
    for counted in recorder.counted(conn, 0.0, goods):
        if goods.owner_counts(counted.unit):
            continue  # what its documents have shipped stays counted, whatever the shop called off since
        if counted.promised != (promised := truth.promised(counted.shop, counted.unit)):
            yield f"orders of {counted.shop} for {counted.unit}: the ledger counts {counted.promised} units, the shop {promised}"
    for unit, available, reserved in _units(conn, goods):
        if available != (left := truth.left(unit) - reserved):
            yield f"{unit}: the ledger has {available} available, in truth {left} are left"
    for channel, key, state, tries, reason in conn.execute(_UNSETTLED):
        if tries and not deliveries:
            continue
        yield f"delivery {key} of {channel} is still {state} after {tries} tries: {reason}"
    for kind, ref, reason in conn.execute(_ASIDE):
        yield f"{kind} {ref} is set aside: {reason}"


def rules_at_rest(conn: Connection, plan: Plan, truth: Promises, goods: Goods, sale_on: Callable[[ShopPlan], bool]) -> Iterator[str]:
    """Every target is what the rules make of what is left in truth."""
    ours = {unit: reserved for unit, _, reserved in _units(conn, goods)}
    plans = {shop.name: shop for shop in plan.shops}
    for row in conn.execute(_SHELVES).mappings():
        shop, item = row["shop"], goods.item(row["shop"], row["sku"], row["location"])
        assert goods.offers is not None
        wanted = goods.offers(shop, item, lambda unit: truth.left(unit) - ours.get(unit, 0), sale_on(plans[shop])) + row["withheld"]
        if row["target"] != wanted:
            yield f"{shop} {item} has the target {row['target']}, by the rules it is {wanted}"


def listed_at_rest(conn: Connection, plan: Plan, shops: Mapping[str, StandIn], goods: Goods) -> Iterator[str]:
    """The ledger knows the articles that each shop sells now, each once, and no others."""
    told = [(row["shop"], goods.item(row["shop"], row["sku"], row["location"])) for row in conn.execute(_SHELVES).mappings()]
    wanted = []
    for each in plan.shops:
        shop = shops[each.name]
        sold = (name for name in plan.items(each) if not isinstance(shop, Relists) or shop.sells(name))
        wanted += [(each.name, goods.item(each.name, name, place)) for name in sold for place in each.places]
    for shop_name, item in sorted(set(told) ^ set(wanted)):
        yield f"{shop_name} {item} is {'still' if (shop_name, item) in told else 'not'} listed in the ledger"
    for shop_name, item in sorted({each for each in told if told.count(each) > 1}):
        yield f"{shop_name} {item} is listed twice in the ledger"


def house_always(conn: Connection, truth: HouseTruth) -> Iterator[str]:
    """What the ledger believes to lie there has lain there at some time: neither silence nor a null is a number."""
    for row in conn.execute(_OWNED):
        if row.counted and row.on_hand not in truth.had[row.sku]:
            yield f"{row.sku}: the ledger has {row.on_hand} there; that many the warehouse never had"


def house_at_rest(conn: Connection, house: House, truth: HouseTruth) -> Iterator[str]:
    """The ledger has the warehouse's numbers, the warehouse has our claims, and a shipment waits for its reading only if nobody documented it."""
    for row in conn.execute(_OWNED):
        units, foreign = house.units(row.sku), house.foreign(row.sku)
        if (row.on_hand, row.held_elsewhere) != (units, foreign):
            yield f"{row.sku}: {row.on_hand} there and {row.held_elsewhere} held for others, the warehouse says {units} and {foreign}"
    pending, undocumented = int(conn.execute(_PENDING).scalar_one()), truth.undocumented()
    if pending != undocumented:
        yield f"{pending} shipped units wait for a reading without them, {undocumented} have no document"
    for key, due, in_flight in conn.execute(_EXPORTS):
        yield f"order {key} is not as it should be at the warehouse: due {due}, in flight {in_flight}"
    for sku in house.skus:
        if (held := house.ours(sku)) != (wanted := truth.to_hold(sku)):
            yield f"{sku}: the warehouse holds {held} for our orders, they need {wanted}"
    yield from house.troubles()


def shown(shop: StandIn, sku: str, location: str) -> int:
    """What the shop shows; at one of its locations if it keeps a number for each."""
    return shop.shows_at(sku, location) if location and isinstance(shop, HasPlaces) else shop.shows(sku)


def _units(conn: Connection, goods: Goods) -> Iterator[tuple[str, int, int]]:
    """(unit, available, of it held by our own reservations)"""
    sums: dict[str, list[int]] = {}
    for row in conn.execute(_AVAILABLE):
        both = sums.setdefault(goods.unit(row.sku, row.code), [0, 0])
        both[0], both[1] = both[0] + int(row.available), both[1] + int(row.reserved)
    for unit, (available, reserved) in sums.items():
        yield unit, available, reserved


def _shelf(row: dict[str, object], item: str, shows: int) -> Iterator[str]:
    name, target, book = f"{row['shop']} {item}", row["target"], row["book"]
    if not isinstance(target, int):
        yield f"{name} has no target"
        return
    below = target <= 0 and shows < 0
    if shows != target and not below:
        yield f"{name} shows {shows}, its target is {target} (book {book}, gap {row['gap']})"
    if book != shows:
        yield f"{name} shows {shows}, the book says {book}"
    if row["gap"] or row["verify"] or row["attempt"]:
        yield f"{name} is not settled: gap {row['gap']}, verify {row['verify']}, attempt {row['attempt']}"
    if row["aside_reason"]:
        yield f"{name} is set aside: {row['aside_reason']}"


_INBOX = text("SELECT channels.name, inbox.key FROM inbox JOIN channels ON channels.id = inbox.channel_id")
_UNSETTLED = text(
    "SELECT channels.name, inbox.key, inbox.state, inbox.tries, inbox.reason FROM inbox JOIN channels ON channels.id = inbox.channel_id "
    "WHERE inbox.state <> 'done' AND NOT (inbox.state = 'aside' AND inbox.tries > 1)"
)
_ASIDE = text("SELECT kind, ref, reason FROM set_aside WHERE resolved_at IS NULL AND kind <> 'delivery'")
_SHELVES = text("""
    SELECT channels.name AS shop, COALESCE(listings.sku_text, listings.ref) AS sku, shelves.location, shelves.target, shelves.book, shelves.gap,
        shelves.verify, shelves.aside_reason,
        COALESCE((SELECT SUM(withheld) FROM order_lines WHERE order_lines.shelf_id = shelves.id), 0) AS withheld,
        (SELECT MAX(attempts.state) FROM attempts WHERE attempts.shelf_id = shelves.id AND attempts.state IN ('armed', 'sent', 'unknown')) AS attempt
    FROM shelves JOIN listings ON listings.id = shelves.listing_id JOIN channels ON channels.id = shelves.channel_id
    WHERE listings.removed_at IS NULL ORDER BY shelves.id
""")
_OWNED = text("""
    SELECT skus.sku, skus.counted, on_hand, held_elsewhere FROM stock_levels JOIN skus ON skus.id = stock_levels.sku_id
    JOIN locations ON locations.id = stock_levels.location_id WHERE locations.authority_id IS NOT NULL ORDER BY skus.sku
""")
_PENDING = text("SELECT COALESCE(SUM(pending_debit), 0) FROM stock_levels")
_EXPORTS = text("SELECT key, due, in_flight FROM exports WHERE due OR in_flight ORDER BY id")
_AVAILABLE = text("""
    SELECT skus.sku, locations.code, on_hand - soft - hard - pending_debit - held_elsewhere AS available,
        COALESCE((SELECT SUM(open) FROM reservations WHERE reservations.sku_id = skus.id AND reservations.location_id = locations.id
            AND state = 'open'), 0) AS reserved
    FROM stock_levels JOIN skus ON skus.id = stock_levels.sku_id JOIN locations ON locations.id = stock_levels.location_id
    ORDER BY skus.sku, locations.code
""")
