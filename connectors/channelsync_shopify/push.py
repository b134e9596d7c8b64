"""One call of writes as one compare-and-set mutation, and what its answer means for each write. Pure; `admin` carries it.

The call's key is the idempotency key, so a repeat of an unanswered call has at most one effect. Shopify's documents do not say whether one
bad quantity rejects the whole call: an answer without a change group says that nothing was written, one with a group names what was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channelsync.contract import Call, Outcome, Write, WriteResult
from channelsync_shopify.admin import Answer
from channelsync_shopify.answers import SetResult
from channelsync_shopify.documents import WRITES_MAX
from channelsync_shopify.shapes import UserError, shaped

STALE = frozenset({"CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"})
REFUSED = frozenset(
    {"INVALID_INVENTORY_ITEM", "INVALID_LOCATION", "INVALID_NAME", "INVALID_QUANTITY_NEGATIVE", "INVALID_QUANTITY_TOO_HIGH"}
    | {"INVALID_QUANTITY_TOO_LOW", "INVALID_REASON", "INVALID_REFERENCE_DOCUMENT", "ITEM_NOT_STOCKED_AT_LOCATION"}
    | {"NON_MUTABLE_INVENTORY_ITEM", "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", "COMPARE_QUANTITY_REQUIRED"}
)
WHOLE_CALL = {
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": (Outcome.NOT_SENT, "the first try under this key failed and wrote nothing; a new key is needed"),
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": (Outcome.UNKNOWN, "this key was used for another list of writes"),
    "IDEMPOTENCY_CONCURRENT_REQUEST": (Outcome.UNKNOWN, "the first try under this key is still in flight"),
}
INDEX_DIGITS = 6


def variables(call: Call, default_location: str) -> Mapping[str, Any]:
    """Raises ValueError for more writes than Shopify takes at once."""
    if len(call.writes) > WRITES_MAX:
        raise ValueError(f"{len(call.writes)} writes in one call; Shopify takes at most {WRITES_MAX}")
    return {
        "key": call.key,
        "input": {
            "name": "available",
            "reason": "correction",
            "referenceDocumentUri": f"gid://channelsync/Push/{call.key}",
            "quantities": [
                {
                    "inventoryItemId": write.shelf.listing,
                    "locationId": write.shelf.location or default_location,
                    "quantity": write.value,
                    "changeFromQuantity": write.compare,
                }
                for write in call.writes
            ],
        },
    }


def results(answer: Answer, call: Call, default_location: str) -> Sequence[WriteResult]:
    """One result per write of the call."""
    result = shaped(SetResult, answer.field("inventorySetQuantities"), "the answer to the write")
    written = _written(result)
    if not result.user_errors:
        return [WriteResult(w.id, Outcome.OK, shows=written.get(_place(w, default_location))) for w in call.writes]
    for error in result.user_errors:
        if error.code in WHOLE_CALL:
            outcome, why = WHOLE_CALL[error.code]
            return [WriteResult(write.id, outcome, f"{error.code}: {why}") for write in call.writes]
    faults, general = _by_index(result.user_errors, len(call.writes))
    return [_judged(write, faults.get(index) or general, written, default_location) for index, write in enumerate(call.writes)]


def _judged(write: Write, error: UserError | None, written: Mapping[tuple[str, str], int | None], default_location: str) -> WriteResult:
    place = _place(write, default_location)
    if place in written:
        return WriteResult(write.id, Outcome.OK, shows=written[place])
    if error is None:
        if written:  # some were written, and this one is neither among them nor at fault
            return WriteResult(write.id, Outcome.UNKNOWN, "the shop wrote a part of the call and does not mention this one")
        return WriteResult(write.id, Outcome.NOT_SENT, "another write of the same call was refused, so nothing of it was written")
    reason = f"{error.code}: {error.message}"
    if error.code in STALE:
        return WriteResult(write.id, Outcome.STALE, reason)
    return WriteResult(write.id, Outcome.REFUSED if error.code in REFUSED else Outcome.UNKNOWN, reason)


def _by_index(errors: Sequence[UserError], count: int) -> tuple[dict[int, UserError], UserError | None]:
    """Errors by the index in their field path (input.quantities.3.quantity), and the first one that names no write: it concerns all."""
    faults: dict[int, UserError] = {}
    general: UserError | None = None
    for error in errors:
        index = next((int(part) for part in error.field or () if part.isdecimal() and len(part) < INDEX_DIGITS and int(part) < count), None)
        if index is not None:
            faults.setdefault(index, error)
        elif general is None:
            general = error
    return faults, general


def _written(result: SetResult) -> dict[tuple[str, str], int | None]:
    """What the change group says was written: the number shown now by (item, location), None if it does not say."""
    if result.inventory_adjustment_group is None:
        return {}
    changes = result.inventory_adjustment_group.changes
    named = [change for change in changes if change.name == "available" and change.item and change.location]
    return {(c.item.id, c.location.id): c.quantity_after_change for c in named if c.item and c.location}


def _place(write: Write, default_location: str) -> tuple[str, str]:
    return write.shelf.listing, write.shelf.location or default_location
