"""Writes numbers as documents: an enter for what is too little, a loss for what is too much, one per store. A document's syncId is the call's key.

A create that is repeated with the same syncId brings back the document made first, unchanged: the answer's positions say which it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from channelsync.contract import Call, Outcome, Write, WriteResult
from channelsync.errors import Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync_moysklad.answers import ShopRefused
from channelsync_moysklad.api import Api, link
from channelsync_moysklad.listings import COUNTED, kinds
from channelsync_moysklad.shapes import UUID, Raw, linked_id, number
from channelsync_moysklad.snapshot import OURS

NOTHING_DONE = (NotReached, RateLimited, Unauthorized)
NAMESPACE = uuid.UUID("6d1b8c52-0c0e-5d0a-9a7e-3f1d2b4c5e6f")
EXTERNAL_MAX = 255
REASON = "channelsync"


def sync_id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "|".join(parts)))


def external_code(key: str) -> str:
    """For people, and to find our documents by their prefix."""
    return f"{OURS}{key}"[:EXTERNAL_MAX]


class Corrections:
    """Pushes differences to one account."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def push(self, call: Call) -> Sequence[WriteResult]:
        """Raises only while nothing was sent; from then on each store's document has its own outcome."""
        groups, results = _by_store(call.writes)
        known = await kinds(self._api, sorted({write.shelf.listing for writes in groups.values() for write in writes}))
        sent = False
        for (store, kind), writes in groups.items():
            good, bad = _split(writes, known)
            results += bad
            if not good:
                continue
            try:
                results += await self._send(call.key, store, kind, good, known)
            except NOTHING_DONE as error:
                if not sent:
                    raise
                results += _all(good, Outcome.NOT_SENT, str(error))
            except (Unavailable, Misunderstood) as error:
                if len(groups) == 1:
                    raise
                results += _all(good, Outcome.UNKNOWN, str(error))
            sent = True
        return results

    async def _send(self, key: str, store: str, kind: str, writes: list[Write], known: dict[str, str]) -> list[WriteResult]:
        settings = self._api.settings
        assert settings.organization is not None
        body = {
            "organization": link("organization", settings.organization),
            "store": link("store", store),
            "applicable": True,
            "syncId": sync_id(key, store, kind),
            "externalCode": external_code(key),
            "positions": [
                {"assortment": link(known[write.shelf.listing], write.shelf.listing), "quantity": abs(write.delta), "reason": REASON}
                for write in writes
            ],
        }
        try:
            made = await self._api.send("POST", f"/entity/{kind}", body, lambda answer: answer.entity(), expand="positions")
        except ShopRefused as error:
            return _all(writes, Outcome.REFUSED, str(error))
        return await self._judge(kind, made, writes)

    async def _judge(self, kind: str, made: Raw, writes: list[Write]) -> list[WriteResult]:
        """The document may be one that was made before with another list under the same key."""
        rows = await self._api.positions(kind, made)
        stands = {linked_id(row, "assortment"): number(row.get("quantity"), "quantity") for row in rows}
        wanted = {write.shelf.listing: float(abs(write.delta)) for write in writes}
        if stands == wanted and made.get("applicable") is not False and not made.get("deleted"):
            return _all(writes, Outcome.OK, "")
        return _all(writes, Outcome.UNKNOWN, f"the {kind} {made.get('id')} of this key stands there with other positions, or unposted")


def _by_store(writes: Sequence[Write]) -> tuple[dict[tuple[str, str], list[Write]], list[WriteResult]]:
    """Writes by store and document kind, and results for those that cannot be sent at all."""
    groups: dict[tuple[str, str], list[Write]] = {}
    results: list[WriteResult] = []
    seen: set[tuple[str, str]] = set()
    for write in writes:
        place = (write.shelf.listing, write.shelf.location)
        if not UUID.fullmatch(write.shelf.listing) or not UUID.fullmatch(write.shelf.location):
            results.append(WriteResult(write.id, Outcome.REFUSED, f"{write.shelf} is no shelf of Moysklad"))
        elif place in seen:
            results.append(WriteResult(write.id, Outcome.NOT_SENT, "another write of this call goes to the same shelf"))
        elif write.delta == 0:
            results.append(WriteResult(write.id, Outcome.REFUSED, "a difference of 0 needs no document"))
        else:
            seen.add(place)
            groups.setdefault((write.shelf.location, "enter" if write.delta > 0 else "loss"), []).append(write)
    return groups, results


def _split(writes: list[Write], known: dict[str, str]) -> tuple[list[Write], list[WriteResult]]:
    good = [write for write in writes if known.get(write.shelf.listing) in COUNTED]
    bad = [write for write in writes if known.get(write.shelf.listing) not in COUNTED]
    return good, _all(bad, Outcome.REFUSED, "Moysklad knows no good with this id that has stock of its own")


def _all(writes: Sequence[Write], outcome: Outcome, reason: str) -> list[WriteResult]:
    return [WriteResult(write.id, outcome, reason) for write in writes]
