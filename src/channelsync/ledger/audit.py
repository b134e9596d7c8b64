"""The ledger proves itself: small named checks, each a plain query that returns what should be equal and is not. Reads only; repairs nothing.

Orders against their own snapshots are in `audit_orders`. An empty answer means that every rule held at this moment.
"""

# ruff: noqa: S608  (queries are composed of this module's own constants and column names, never of anything from outside)
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlalchemy import Connection, text

from channelsync.ledger import (
    audit_counts,
    audit_incoming,
    audit_orders,
    audit_returns,
    audit_routes,
    audit_transfers,
    bundles,
    bundling,
    rules,
    triggers,
)
from channelsync.ledger.bundles import Pool
from channelsync.ledger.schema import BUCKETS, OPEN_ATTEMPT

MAX_PER_CHECK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """check: the rule's name. where: which row. expected and found: in words and numbers for people."""

    check: str
    where: str
    expected: str
    found: str


Rows = Iterator[tuple[str, str, str]]
"""(where, expected, found)"""


def audit(conn: Connection) -> list[Difference]:
    """All differences, at most 1000 per check. Meant for one snapshot: `await ledger.read(audit)`."""
    return [Difference(name, *row) for name, check in CHECKS.items() for row in islice(check(conn), MAX_PER_CHECK)]


def _levels(conn: Connection) -> Rows:
    kept = ", ".join(f"{bucket} AS kept_{bucket}, 0 AS logged_{bucket}" for bucket in BUCKETS)
    logged = ", ".join(f"0, {bucket}" for bucket in BUCKETS)
    sums = ", ".join(f"SUM(kept_{bucket}), SUM(logged_{bucket})" for bucket in BUCKETS)
    differ = " OR ".join(f"SUM(kept_{bucket}) <> SUM(logged_{bucket})" for bucket in BUCKETS)
    query = f"""
        SELECT sku_id, location_id, {sums} FROM (
            SELECT sku_id, location_id, {kept} FROM stock_levels
            UNION ALL SELECT sku_id, location_id, {logged} FROM movements
        ) AS sides GROUP BY sku_id, location_id HAVING {differ} ORDER BY sku_id, location_id
    """
    for sku_id, location_id, *numbers in conn.execute(text(query)):
        for index, bucket in enumerate(BUCKETS):
            found, expected = numbers[2 * index : 2 * index + 2]
            if found != expected:
                yield f"SKU {sku_id} at location {location_id}, {bucket}", f"{expected} (sum of its movements)", str(found)


OPEN_CLAIMS = """
    SELECT sku_id, location_id, reference, CASE kind WHEN 'soft' THEN open ELSE 0 END AS soft, CASE kind WHEN 'hard' THEN open ELSE 0 END AS hard
    FROM reservations WHERE state = 'open'
    UNION ALL SELECT order_lines.sku_id, order_lines.location_id, orders.ref, soft, hard
    FROM order_lines JOIN orders ON orders.id = order_lines.order_id WHERE soft > 0 OR hard > 0
"""


def _claims(conn: Connection) -> Rows:
    query = f"""
        SELECT sku_id, location_id, SUM(kept_soft), SUM(open_soft), SUM(kept_hard), SUM(open_hard) FROM (
            SELECT sku_id, location_id, soft AS kept_soft, hard AS kept_hard, 0 AS open_soft, 0 AS open_hard FROM stock_levels
            UNION ALL SELECT sku_id, location_id, 0, 0, soft, hard FROM ({OPEN_CLAIMS}) AS claims
        ) AS sides GROUP BY sku_id, location_id HAVING SUM(kept_soft) <> SUM(open_soft) OR SUM(kept_hard) <> SUM(open_hard)
    """
    for sku_id, location_id, soft, open_soft, hard, open_hard in conn.execute(text(query)):
        expected = f"soft {open_soft}, hard {open_hard} (open reservations and order lines)"
        yield f"SKU {sku_id} at location {location_id}", expected, f"soft {soft}, hard {hard}"


def _owners(conn: Connection) -> Rows:
    """Per reference, so that a surplus of one order can never hide a hole in another."""
    query = f"""
        SELECT reference, sku_id, location_id, SUM(logged_soft), SUM(open_soft), SUM(logged_hard), SUM(open_hard) FROM (
            SELECT reference, sku_id, location_id, soft AS logged_soft, hard AS logged_hard, 0 AS open_soft, 0 AS open_hard
            FROM movements WHERE soft <> 0 OR hard <> 0
            UNION ALL SELECT reference, sku_id, location_id, 0, 0, soft, hard FROM ({OPEN_CLAIMS}) AS claims
        ) AS sides GROUP BY reference, sku_id, location_id HAVING SUM(logged_soft) <> SUM(open_soft) OR SUM(logged_hard) <> SUM(open_hard)
    """
    for reference, sku_id, location_id, soft, open_soft, hard, open_hard in conn.execute(text(query)):
        where = f"claims of {reference!r} on SKU {sku_id} at location {location_id}"
        yield where, f"soft {soft}, hard {hard} (sum of their movements)", f"soft {open_soft}, hard {open_hard}"


def _grants(conn: Connection) -> Rows:
    query = """
        SELECT reference, sku_id, location_id, SUM(logged), SUM(granted) FROM (
            SELECT reference, sku_id, location_id, soft + hard AS logged, 0 AS granted
            FROM movements WHERE type = 'reserve' AND channel_id IS NULL
            UNION ALL SELECT reference, sku_id, location_id, 0, quantity FROM reservations
        ) AS sides GROUP BY reference, sku_id, location_id HAVING SUM(logged) <> SUM(granted)
    """
    for reference, sku_id, location_id, logged, granted in conn.execute(text(query)):
        where = f"reservations of {reference!r} on SKU {sku_id} at location {location_id}"
        yield where, f"{logged} granted (movements)", f"{granted} (reservations)"


def _shipments(conn: Connection) -> Rows:
    """What order lines say has left, come back or gone to quarantine, against the log. Orders from before the opening brought their past along."""
    query = """
        SELECT channel_id, reference, sku_id, location_id, SUM(line_shipped), SUM(log_shipped), SUM(line_back), SUM(log_back),
            SUM(line_quarantined), SUM(log_quarantined)
        FROM (
            SELECT channel_id, ref AS reference, sku_id, location_id, shipped AS line_shipped, 0 AS log_shipped, restocked AS line_back,
                0 AS log_back, quarantined AS line_quarantined, 0 AS log_quarantined
            FROM order_lines JOIN orders ON orders.id = order_lines.order_id WHERE NOT before_opening
            UNION ALL SELECT movements.channel_id, reference, sku_id, location_id, 0, CASE type WHEN 'fulfil' THEN -on_hand ELSE 0 END,
                0, CASE type WHEN 'return' THEN on_hand ELSE 0 END, 0, CASE type WHEN 'quarantine' THEN quarantined ELSE 0 END
            FROM movements JOIN orders ON orders.channel_id = movements.channel_id AND orders.ref = reference
            WHERE NOT before_opening AND type IN ('fulfil', 'return', 'quarantine')
        ) AS sides GROUP BY channel_id, reference, sku_id, location_id
        HAVING SUM(line_shipped) <> SUM(log_shipped) OR SUM(line_back) <> SUM(log_back) OR SUM(line_quarantined) <> SUM(log_quarantined)
    """
    for channel_id, reference, sku_id, location_id, *sums in conn.execute(text(query)):
        where = f"order {reference!r} of channel {channel_id}, SKU {sku_id} at location {location_id}"
        expected, found = ("shipped {}, restocked {}, quarantined {}".format(*sums[side::2]) for side in (1, 0))
        yield where, f"{expected} (movements)", f"{found} (lines)"


def _books(conn: Connection) -> Rows:
    query = """
        SELECT shelves.id, book, SUM(delta) FROM shelves LEFT JOIN book_entries ON book_entries.shelf_id = shelves.id
        GROUP BY shelves.id, book
        HAVING COALESCE(book, 0) <> COALESCE(SUM(delta), 0) OR (CASE WHEN book IS NULL THEN 0 ELSE 1 END) <> SUM(CASE kind WHEN 'opening' THEN 1 ELSE 0 END)
    """
    for shelf_id, book, total in conn.execute(text(query)):
        yield f"book of shelf {shelf_id}", f"{total} (sum of its entries, one of them the opening)", str(book)


def _writes(conn: Connection) -> Rows:
    query = """
        SELECT attempts.id, attempts.shelf_id, state, attempts.delta, COUNT(book_entries.id), SUM(book_entries.delta)
        FROM attempts LEFT JOIN book_entries
            ON book_entries.attempt_id = attempts.id AND kind = 'write' AND book_entries.shelf_id = attempts.shelf_id
        GROUP BY attempts.id, attempts.shelf_id, state, attempts.delta
        HAVING (state = 'ok' AND COUNT(book_entries.id) <> 1) OR (state = 'bracketed' AND COUNT(book_entries.id) > 1)
            OR (state NOT IN ('ok', 'bracketed') AND COUNT(book_entries.id) > 0)
            OR (COUNT(book_entries.id) > 0 AND SUM(book_entries.delta) <> attempts.delta)
    """
    for id_, shelf_id, state, delta, entries, booked in conn.execute(text(query)):
        yield f"attempt {id_} on shelf {shelf_id}", f"{state}, a change of {delta} booked as that", f"{entries} entries that book {booked}"


def _attempts(conn: Connection) -> Rows:
    query = f"SELECT shelf_id, COUNT(*) FROM attempts WHERE {OPEN_ATTEMPT} GROUP BY shelf_id HAVING COUNT(*) > 1"
    for shelf_id, count in conn.execute(text(query)):
        yield f"shelf {shelf_id}", "at most one open attempt", f"{count}"
    query = "SELECT id, compare, value, delta FROM attempts WHERE value - compare <> delta"
    for id_, compare, value, delta in conn.execute(text(query)):
        yield f"attempt {id_} from {compare} to {value}", f"a change of {value - compare}", str(delta)
    query = f"""
        SELECT push_calls.key, push_calls.state, COUNT(attempts.id) FROM push_calls
        LEFT JOIN attempts ON attempts.call_key = push_calls.key AND attempts.{OPEN_ATTEMPT}
        GROUP BY push_calls.key, push_calls.state HAVING (push_calls.state = 'settled') <> (COUNT(attempts.id) = 0)
    """
    for key, state, count in conn.execute(text(query)):
        yield f"push call {key}, {state}", "open attempts until it is settled, none after", f"{count} open attempts"


def _targets(conn: Connection) -> Rows:
    query = """
        SELECT shelves.*, pack, counted,
            CASE WHEN tracked AND problem IS NULL AND removed_at IS NULL AND stock_ref IS NULL AND sku_id IS NOT NULL
                AND EXISTS (SELECT 1 FROM shelf_feeds WHERE shelf_feeds.shelf_id = shelves.id) THEN 1 ELSE 0 END AS writable,
            (SELECT COALESCE(SUM(on_hand - soft - hard - pending_debit - held_elsewhere), 0) FROM stock_levels JOIN shelf_feeds
                ON shelf_feeds.location_id = stock_levels.location_id
                WHERE shelf_feeds.shelf_id = shelves.id AND stock_levels.sku_id = listings.sku_id) AS available,
            (SELECT COALESCE(SUM(withheld), 0) FROM order_lines WHERE order_lines.shelf_id = shelves.id) AS withheld
        FROM shelves JOIN listings ON listings.id = shelves.listing_id LEFT JOIN skus ON skus.id = listings.sku_id ORDER BY shelves.id
    """
    pools = bundles.pools(conn, bundles.shelves_that_sell_them(conn))
    for row in conn.execute(text(query)).mappings():
        expected = None
        if row["writable"]:
            pool = pools.get(row["id"]) or Pool(row["counted"], int(row["available"]))
            available = pool.available if pool.counted else None
            expected = rules.target(available, rules.of_row(row), pack=row["pack"], withheld=int(row["withheld"]))
        if row["target"] != expected:
            yield f"target of shelf {row['id']}", str(expected), str(row["target"])


def _due(conn: Connection) -> Rows:
    query = """
        SELECT id, target, book, due FROM shelves WHERE due <>
            (CASE WHEN frozen OR target IS NULL OR book IS NULL OR target = book OR (target <= 0 AND book < 0) THEN FALSE ELSE TRUE END)
    """
    for id_, target, book, due in conn.execute(text(query)):
        yield f"shelf {id_} with target {target} and book {book}", "not due" if due else "due", "due" if due else "not due"


def _frozen(conn: Connection) -> Rows:
    query = """
        SELECT shelves.id, frozen FROM shelves JOIN listings ON listings.id = shelves.listing_id
        WHERE frozen <> EXISTS (
            SELECT 1 FROM freezes WHERE thawed_at IS NULL AND (freezes.listing_id = listings.id OR (freezes.listing_id IS NULL
                AND freezes.sku_id = listings.sku_id AND (freezes.channel_id IS NULL OR freezes.channel_id = listings.channel_id))))
    """
    for id_, frozen in conn.execute(text(query)):
        yield f"shelf {id_}", "not frozen" if frozen else "frozen, as somebody has said", "frozen" if frozen else "not frozen"


_PARENTS: Final = (
    ("movements", "sku_id", "skus"),
    ("movements", "location_id", "locations"),
    ("reservations", "sku_id", "skus"),
    ("reservations", "location_id", "locations"),
    ("order_lines", "order_id", "orders"),
    ("order_lines", "sku_id", "skus"),
    ("order_lines", "location_id", "locations"),
    ("order_lines", "shelf_id", "shelves"),
    ("order_routes", "order_id", "orders"),
    ("order_destinations", "order_id", "orders"),
    ("shelves", "channel_id", "channels"),
    ("attempts", "shelf_id", "shelves"),
    ("book_entries", "shelf_id", "shelves"),
    ("book_entries", "attempt_id", "attempts"),
    ("book_entries", "order_id", "orders"),
    ("listing_aliases", "listing_id", "listings"),
)


def _orphans(conn: Connection) -> Rows:
    """The references that carry no foreign key, because one on the hot path costs a lock."""
    for table, column, parent in _PARENTS:
        query = f"""
            SELECT DISTINCT child.{column} FROM {table} AS child LEFT JOIN {parent} AS parent ON parent.id = child.{column}
            WHERE child.{column} IS NOT NULL AND parent.id IS NULL
        """
        for (missing,) in conn.execute(text(query)):
            yield f"{table}.{column} {missing}", f"a row of {parent}", "none"


def _triggers(conn: Connection) -> Rows:
    for name in triggers.missing_triggers(conn):
        yield f"trigger {name}", "present, so that history is append-only", "missing"


CHECKS: Final[dict[str, Callable[[Connection], Rows]]] = {
    "levels": _levels,
    "claims": _claims,
    "owners": _owners,
    "grants": _grants,
    "orders": audit_orders.check,
    "pending": audit_orders.pending,
    "routes": audit_routes.check,
    "incoming": audit_incoming.check,
    "transfers": audit_transfers.check,
    "counts": audit_counts.check,
    "returns": audit_returns.check,
    "shipments": _shipments,
    "books": _books,
    "writes": _writes,
    "attempts": _attempts,
    "targets": _targets,
    "bundles": bundling.audit,
    "due": _due,
    "frozen": _frozen,
    "orphans": _orphans,
    "triggers": _triggers,
}
