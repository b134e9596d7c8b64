"""What must hold at any moment, and what must hold once everything is quiet. Each finding is one sentence for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, text

from channelsync.ledger.audit import audit
from channelsync.testing.simulation.promises import Promises
from channelsync.testing.standins.base import StandIn

Accepted = tuple[str, str]
"""(channel, key) of a delivery the shop was told we have."""


def always(conn: Connection, accepted: Iterable[Accepted]) -> Iterator[str]:
    """The ledger proves itself, and every delivery that was answered 2xx is stored."""
    for difference in audit(conn):
        yield f"audit {difference.check}: {difference.where}: expected {difference.expected}, found {difference.found}"
    stored = {(row[0], row[1]) for row in conn.execute(_INBOX)}
    for channel, key in accepted:
        if (channel, key) not in stored:
            yield f"delivery {key} of {channel} was answered 2xx and is not stored"


def at_rest(conn: Connection, shops: Mapping[str, StandIn], truth: Promises, *, deliveries: bool) -> Iterator[str]:
    """Shops, ledger and truth say the same, and nothing is open. deliveries: nor does one wait for its next try, which may take minutes."""
    for row in conn.execute(_SHELVES).mappings():
        yield from _shelf(dict(row), shops[row["shop"]].shows(row["sku"]))
        claimed, promised = int(row["promised"]), truth.promised(row["shop"], row["sku"])
        if claimed != promised:
            yield f"orders of {row['shop']} for {row['sku']}: the ledger counts {claimed} units, the shop {promised}"
    for row in conn.execute(_AVAILABLE).mappings():
        left = truth.left(row["sku"]) - int(row["reserved"])
        if row["available"] != left:
            yield f"{row['sku']}: the ledger has {row['available']} available, in truth {left} are left"
    for channel, key, state, tries, reason in conn.execute(_UNSETTLED):
        if tries and not deliveries:
            continue
        yield f"delivery {key} of {channel} is still {state} after {tries} tries: {reason}"
    for kind, ref, reason in conn.execute(_ASIDE):
        yield f"{kind} {ref} is set aside: {reason}"


def _shelf(row: dict[str, object], shows: int) -> Iterator[str]:
    name, target, book = f"{row['shop']} {row['sku']}", row["target"], row["book"]
    assert isinstance(target, int), f"{name} has no target"
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
    SELECT channels.name AS shop, skus.sku, shelves.target, shelves.book, shelves.gap, shelves.verify, shelves.aside_reason,
        (SELECT MAX(attempts.state) FROM attempts WHERE attempts.shelf_id = shelves.id AND attempts.state IN ('armed', 'sent', 'unknown')) AS attempt,
        COALESCE((SELECT SUM(soft + hard + shipped - restocked + quarantined) FROM order_lines JOIN orders ON orders.id = order_id
            WHERE orders.channel_id = shelves.channel_id AND order_lines.sku_id = listings.sku_id), 0) AS promised
    FROM shelves JOIN listings ON listings.id = shelves.listing_id JOIN channels ON channels.id = shelves.channel_id
        JOIN skus ON skus.id = listings.sku_id
    ORDER BY shelves.id
""")
_AVAILABLE = text("""
    SELECT skus.sku, COALESCE(SUM(on_hand - soft - hard - pending_debit - held_elsewhere), 0) AS available,
        COALESCE((SELECT SUM(open) FROM reservations WHERE reservations.sku_id = skus.id AND state = 'open'), 0) AS reserved
    FROM skus LEFT JOIN stock_levels ON stock_levels.sku_id = skus.id GROUP BY skus.id ORDER BY skus.sku
""")
