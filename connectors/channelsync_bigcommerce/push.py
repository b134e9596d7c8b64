"""Writes differences: one relative adjustment per location and group, never more than one request at a time.

A 200 means "accepted": the number moves later. A 422 names the items it is about; whether those before them were applied is not documented, so
they are unknown unless the settings know better. A group that is refused without a name is cut into smaller ones the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from channelsync.contract import Call, Outcome, ShelfRef, Write, WriteResult
from channelsync.errors import Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync_bigcommerce.answers import Answer, StoreRefused
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.inventory import StockRow, read_rows
from channelsync_bigcommerce.refusals import Why, named, why
from channelsync_bigcommerce.shapes import REF, split_ref

RELATIVE, ABSOLUTE = "/v3/inventory/adjustments/relative", "/v3/inventory/adjustments/absolute"
NOTHING_DONE = (NotReached, RateLimited, Unauthorized)
CUTS = 16
SUSPECTS_MAX = 10_000
ON_HAND_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Group:
    """Writes that share a request."""

    location: int
    writes: tuple[Write, ...]


class Push:
    """Pushes calls to one store. Remembers only how small the next groups of shelves must be that were refused without a name."""

    def __init__(self, api: Api, batch_size: int, *, rejects_whole_batch: bool) -> None:
        self._api, self._size = api, batch_size
        self._rest = Outcome.NOT_SENT if rejects_whole_batch else Outcome.UNKNOWN
        self._suspects: dict[ShelfRef, int] = {}

    async def push(self, call: Call) -> Sequence[WriteResult]:
        """Raises only while nothing was sent; from then on each write has its own outcome."""
        groups, results = self._groups(call.writes)
        for position, group in enumerate(groups):
            rest = [write for later in groups[position:] for write in later.writes]
            try:
                results += await self._send(group, call.key)
            except NOTHING_DONE as error:
                if position == 0:
                    raise
                return results + _all(rest, Outcome.NOT_SENT, str(error))
            except (Unavailable, Misunderstood) as error:
                later = rest[len(group.writes) :]
                unknown = _all(group.writes, Outcome.UNKNOWN, str(error))
                return results + unknown + _all(later, Outcome.NOT_SENT, "an earlier request got no answer")
        return results

    def _groups(self, writes: Sequence[Write]) -> tuple[list[_Group], list[WriteResult]]:
        """By location and by how small the groups must be; results for writes that cannot be sent at all."""
        results: list[WriteResult] = []
        sorted_in: dict[tuple[int, int], list[Write]] = {}
        taken: set[ShelfRef] = set()
        for write in writes:
            if not REF.fullmatch(write.shelf.listing) or not write.shelf.location.isdecimal():
                results.append(WriteResult(write.id, Outcome.REFUSED, f"{write.shelf} is no shelf of a BigCommerce store"))
            elif write.shelf in taken:
                results.append(WriteResult(write.id, Outcome.NOT_SENT, "another write of this call goes to the same shelf"))
            else:
                taken.add(write.shelf)
                size = min(self._size, self._suspects.get(write.shelf, self._size))
                sorted_in.setdefault((int(write.shelf.location), size), []).append(write)
        groups = [
            _Group(location, tuple(some[start : start + size]))
            for (location, size), some in sorted_in.items()
            for start in range(0, len(some), size)
        ]
        return groups, results

    async def _send(self, group: _Group, key: str) -> list[WriteResult]:
        items = [_item(write, group.location, int(write.delta)) for write in group.writes]
        try:
            await self._api.send("POST", RELATIVE, {"reason": key, "items": items}, _accepted)
        except StoreRefused as error:
            if error.status == 413:
                return _all(group.writes, Outcome.NOT_SENT, "the store refuses a list of this size; lower batch_size")
            return await self._refused(group, key, error)
        for write in group.writes:
            self._suspects.pop(write.shelf, None)
        return _all(group.writes, Outcome.OK, "accepted; the store applies it later")

    async def _refused(self, group: _Group, key: str, error: StoreRefused) -> list[WriteResult]:
        """Nothing of what it names was applied."""
        reason, guilty = why(error.title), named(error.title)
        if reason is Why.LOCATION:
            return _all(group.writes, Outcome.REFUSED, str(error))
        bad = [write for write in group.writes if split_ref(write.shelf.listing) in guilty]
        if not bad and len(group.writes) == 1:
            bad = list(group.writes)
        if not bad:
            self._suspect(group)
        others = [write for write in group.writes if write not in bad]
        results = _all(others, self._rest, f"another item of the list was refused: {error}")
        if reason is Why.NO_NUMBER_YET and bad:
            return results + await self._first_numbers(_Group(group.location, tuple(bad)), key)
        return results + _all(bad, Outcome.STALE if reason is Why.TOO_FEW else Outcome.REFUSED, str(error))

    def _suspect(self, group: _Group) -> None:
        if len(self._suspects) > SUSPECTS_MAX:
            self._suspects.clear()
        self._suspects |= {write.shelf: max(1, len(group.writes) // CUTS) for write in group.writes}

    async def _first_numbers(self, group: _Group, key: str) -> list[WriteResult]:
        """These items never had a number here, so nobody can have bought them here: an absolute one swallows no sale.

        Once one has (somebody else was faster), the comparison failed.
        """
        rows = await self._rows(group)
        fresh = [write for write in group.writes if _shows(rows[write]) == write.compare]
        stale = _all([write for write in group.writes if write not in fresh], Outcome.STALE, "the store shows another number by now")
        if not fresh:
            return stale
        items = [_item(write, group.location, min(ON_HAND_MAX, max(0, write.value) + _safety(rows[write]))) for write in fresh]
        try:
            await self._api.send("PUT", ABSOLUTE, {"reason": key, "items": items}, _accepted)
        except NOTHING_DONE as error:
            return stale + _all(fresh, Outcome.NOT_SENT, str(error))
        except StoreRefused as error:
            alone = Outcome.REFUSED if len(fresh) == 1 else self._rest
            return stale + _all(fresh, alone, str(error))
        return stale + _all(fresh, Outcome.UNKNOWN, "its first number was accepted; the store applies it later")

    async def _rows(self, group: _Group) -> dict[Write, StockRow | None]:
        rows: dict[tuple[str, str], StockRow] = {}
        for kind in ("product_id", "variant_id"):
            ids = [ref[1] for write in group.writes if (ref := split_ref(write.shelf.listing)) and ref[0] == kind]
            if ids:
                rows |= (await read_rows(self._api, kind, ids)).understood().rows
        return {write: rows.get((write.shelf.listing, write.shelf.location)) for write in group.writes}


def _item(write: Write, location: int, quantity: int) -> dict[str, int]:
    ref = split_ref(write.shelf.listing)
    assert ref is not None
    return {"location_id": location, ref[0]: ref[1], "quantity": quantity}


def _shows(row: StockRow | None) -> int:
    return row.available if row else 0


def _safety(row: StockRow | None) -> int:
    return row.safety if row else 0


def _accepted(answer: Answer) -> str:
    """Only the transaction's id says that the store took it."""
    number = answer.object().get("transaction_id")
    if not isinstance(number, str) or not number:
        raise Misunderstood(f"the adjustment's answer has no transaction_id: {str(answer.data)[:120]}")
    return number


def _all(writes: Iterable[Write], outcome: Outcome, reason: str) -> list[WriteResult]:
    return [WriteResult(write.id, outcome, reason) for write in writes]
