"""What to do about a rule that does not hold, by the name of the check that found it: (likely cause, remedy)."""

from __future__ import annotations

from typing import Final

REPAIR: Final = "`channelsync audit --repair` shows the correction"
RETELL: Final = "`channelsync audit --repair` reads it again from its shop, or `channelsync aside retry`"
RESTORE: Final = "find out who could write to the database; compare with a backup (docs/backup.md)"
REPORT: Final = "a bug, or a hand in the database: please report it with this table"

REMEDIES: Final[dict[str, tuple[str, str]]] = {
    "levels": ("a level was changed past its log", REPAIR),
    "claims": ("a hold or a level was changed past the log", REPAIR),
    "owners": ("a hold was changed past the log", REPAIR),
    "holds": ("a hold or a level was changed past the log", REPAIR),
    "grants": ("a reservation was changed, or its row is gone", REPORT),
    "orders": ("an order was changed, or applied wrongly", RETELL),
    "rebuilt": ("an order line was changed, or posted wrongly", RETELL),
    "incoming": ("a level, or a line of a purchase order or a transfer, was changed past the log", REPORT),
    "transfers": ("a line of a transfer was changed past the log", REPORT),
    "counts": ("a count sheet or its movements were changed past each other", RESTORE),
    "returns": ("a return or its movements were changed, or its order was applied wrongly", "channelsync returns show; " + REPORT),
    "routes": ("a route or an order line was changed past the other", "`channelsync orders route` says anew where it is shipped from"),
    "pending": ("a level or an order line was changed past the log", REPORT),
    "shipments": ("an order line was changed past the log", REPORT),
    "books": ("a book was changed past its entries", REPAIR),
    "writes": ("an attempt or its entry was changed", REPORT),
    "attempts": ("an attempt or its call was changed", REPORT),
    "targets": ("a target was not computed anew", "any change of the SKU computes it; " + REPORT),
    "due": ("a shelf was not marked anew", "any change of the SKU computes it; " + REPORT),
    "frozen": ("a freeze did not reach its shelves, or a thaw", "freeze or thaw it again; " + REPORT),
    "bundles": ("a bundle has stock of its own, or is part of another", "channelsync bundles list"),
    "orphans": ("a row that others name is gone", RESTORE),
    "triggers": ("the triggers are gone: history could be changed", "channelsync db upgrade puts them back; then audit again"),
    "guards": (
        "the triggers are gone or guard nothing: history could be changed",
        "channelsync db upgrade puts them back; then audit again",
    ),
    "ids": ("a row of the log was taken away or slipped in", RESTORE),
    "times": ("the clock was wrong when it was posted, or is wrong now", "check the machine's clock; if it is right, " + RESTORE),
    "kinds": ("a movement that no verb makes", RESTORE),
    "chain": ("history was changed after it was sealed", RESTORE),
    "head": ("the chain was made anew or cut off since that hash was noted", RESTORE),
}
"""Every check of `ledger.audit` and `ledger.verifier` has its line; a test sees to it."""
