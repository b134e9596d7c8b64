"""Writes numbers: one batch request per parent touched, judged item by item, since a 200 proves nothing in WooCommerce.

A batch that the shop refuses as a whole, or finds too large, is sent again in halves: nothing of it was done, and one bad write must not set
the others aside. A batch is not a transaction: after an answer that is none, every write of that request is unknown, and nothing more is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channelsync.contract import Call, Outcome, Write, WriteResult
from channelsync.errors import Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync_woocommerce.answers import Answer, ShopRefused
from channelsync_woocommerce.api import Api
from channelsync_woocommerce.shapes import shown, split_ref

NOTHING_DONE = (NotReached, RateLimited, Unauthorized)
REQUESTS_MAX = 24
"""Per parent: finding one bad write among a hundred takes some fifteen."""
PROOFS_MIN = 2
IGNORES_DELTA = (
    "every number is the one from before: this shop ignores inventory_delta, so nothing was written; "
    'set stock_write = "absolute" for this channel'
)
NO_ANSWER = "an earlier request got no answer"
NOT_UNDERSTOOD = "the answer does not show the product"


class Push:
    """Pushes calls to one shop. relative: as `inventory_delta`, else as `stock_quantity`."""

    def __init__(self, api: Api, *, relative: bool) -> None:
        self._api, self._relative = api, relative

    async def push(self, call: Call) -> Sequence[WriteResult]:
        """Raises only while nothing was sent; from then on each write has its own outcome."""
        groups, results = _by_parent(call.writes)
        for position, (parent, writes) in enumerate(groups.items()):
            try:
                told, broken = await self._send(parent, writes, call.key)
                results += told
                if broken:
                    return results + _all(_rest(groups, position + 1), Outcome.NOT_SENT, NO_ANSWER)
            except NOTHING_DONE as error:
                if position == 0:
                    raise
                return results + _all(_rest(groups, position), Outcome.NOT_SENT, str(error))
            except (Unavailable, Misunderstood) as error:
                unknown = _all(writes.values(), Outcome.UNKNOWN, str(error))
                return results + unknown + _all(_rest(groups, position + 1), Outcome.NOT_SENT, NO_ANSWER)
        return results

    async def _send(self, parent: int, writes: dict[int, Write], key: str) -> tuple[list[WriteResult], bool]:
        """In halves where the whole is refused, and whether a later one got no answer.

        Bounded: what more requests would tell is not sent, and tried in the next call.
        """
        results: list[WriteResult] = []
        waiting, sent = [writes], 0
        while waiting:
            part = waiting.pop()
            if sent >= REQUESTS_MAX:
                results += _all(
                    part.values(), Outcome.NOT_SENT, "too many writes of this call are refused; the rest waits for the next one"
                )
                continue
            sent += 1
            try:
                results += await self._send_part(parent, part, key)
            except ShopRefused as error:
                if len(part) > 1 and not _is_about_the_parent(error, parent):
                    waiting += _halves(part)
                else:
                    outcome = Outcome.NOT_SENT if error.status == 413 else Outcome.REFUSED
                    results += _all(part.values(), outcome, str(error))
            except (*NOTHING_DONE, Unavailable, Misunderstood) as error:
                if sent == 1:
                    raise
                outcome = Outcome.NOT_SENT if isinstance(error, NOTHING_DONE) else Outcome.UNKNOWN
                results += _all(part.values(), outcome, str(error))
                results += _all([w for rest in waiting for w in rest.values()], Outcome.NOT_SENT, NO_ANSWER)
                return results, True
        return results, False

    async def _send_part(self, parent: int, writes: dict[int, Write], key: str) -> list[WriteResult]:
        path = f"/products/{parent}/variations/batch" if parent else "/products/batch"
        body = {"update": [{"id": number, **self._number(write)} for number, write in writes.items()]}
        return await self._api.send("POST", path, body, lambda answer: self._judge_all(writes, answer), key=key)

    def _number(self, write: Write) -> dict[str, int]:
        """Integers only: a batch turns anything else into 0 without a word."""
        return {"inventory_delta": int(write.delta)} if self._relative else {"stock_quantity": int(write.value)}

    def _judge_all(self, writes: dict[int, Write], answer: Answer) -> list[WriteResult]:
        rows = answer.object().get("update")
        if not isinstance(rows, list):
            raise Misunderstood(f"the batch answer has no update list: {str(answer.data)[:120]}")
        shown_by_id = {row["id"]: row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), int)}
        noise = "the shop wrote other text before its JSON; " if answer.noisy else ""
        results = [self._judge(write, shown_by_id.get(number), noise) for number, write in writes.items()]
        if self._relative and _ignored(list(writes.values()), results):
            return _all(writes.values(), Outcome.REFUSED, IGNORES_DELTA)
        return results

    def _judge(self, write: Write, row: dict[str, Any] | None, noise: str) -> WriteResult:
        if row is None:
            return WriteResult(write.id, Outcome.UNKNOWN, noise + NOT_UNDERSTOOD)
        if isinstance(row.get("error"), dict):
            return _refused(write, row["error"], noise)
        if row.get("manage_stock") == "parent":
            return WriteResult(write.id, Outcome.REFUSED, noise + "this variation shows its parent's stock; the shop ignored the write")
        if row.get("manage_stock") is not True:
            return WriteResult(write.id, Outcome.REFUSED, noise + "the shop does not manage this product's stock; it ignored the write")
        try:
            shows = shown(row.get("stock_quantity"))
        except Misunderstood as error:
            return WriteResult(write.id, Outcome.UNKNOWN, noise + str(error))
        doubt = self._doubt(write, shows)
        return WriteResult(write.id, Outcome.UNKNOWN if doubt else Outcome.OK, (noise + doubt).removesuffix("; "), shows)

    def _doubt(self, write: Write, shows: int | None) -> str:
        """Why the answered number does not prove the write; "" if it does.

        A delta may meet a number other than we expect (a sale we have not seen), so only the number from before speaks against it: either the
        shop ignored a field it does not know, or a change we have not seen undid it exactly.
        """
        if shows is None:
            return NOT_UNDERSTOOD
        if not self._relative:
            return "" if shows == write.value else f"the shop shows {shows} instead of {write.value}"
        if write.delta and shows == write.value - write.delta:
            return 'the shop shows the number from before; if this stays so it does not know inventory_delta: set stock_write = "absolute"'
        return ""


def _ignored(writes: Sequence[Write], results: Sequence[WriteResult]) -> bool:
    """Whether the shop does not know `inventory_delta`: several differences, and every number still is the one from before.

    One alone may be a change of the same size that we have not seen; several at once are not.
    """
    moved = [(write, result) for write, result in zip(writes, results, strict=True) if write.delta]
    return len(moved) >= PROOFS_MIN and all(result.shows == write.value - write.delta for write, result in moved)


def _is_about_the_parent(error: ShopRefused, parent: int) -> bool:
    return bool(parent) and error.status == 404


def _halves(writes: dict[int, Write]) -> list[dict[int, Write]]:
    """The second half first: the last one is taken next."""
    items = list(writes.items())
    middle = len(items) // 2
    return [dict(items[middle:]), dict(items[:middle])]


def _refused(write: Write, error: dict[str, Any], noise: str) -> WriteResult:
    """An error for one item: it was not saved, unless the shop itself broke on it."""
    data = error.get("data")
    status = data.get("status") if isinstance(data, dict) else None
    outcome = Outcome.UNKNOWN if isinstance(status, int) and status >= 500 else Outcome.REFUSED
    return WriteResult(write.id, outcome, f"{noise}{error.get('code', '')}: {str(error.get('message', ''))[:200]}")


def _by_parent(writes: Sequence[Write]) -> tuple[dict[int, dict[int, Write]], list[WriteResult]]:
    """Writes by parent (0: products) and id, and results for those that cannot be sent at all."""
    groups: dict[int, dict[int, Write]] = {}
    results: list[WriteResult] = []
    for write in writes:
        ids = split_ref(write.shelf.listing)
        if ids is None:
            results.append(WriteResult(write.id, Outcome.REFUSED, f"{write.shelf.listing!r} is no WooCommerce listing"))
        elif ids[1] in groups.get(ids[0], {}):
            results.append(WriteResult(write.id, Outcome.NOT_SENT, "another write of this call goes to the same shelf"))
        else:
            groups.setdefault(ids[0], {})[ids[1]] = write
    return groups, results


def _rest(groups: dict[int, dict[int, Write]], position: int) -> list[Write]:
    return [write for group in list(groups.values())[position:] for write in group.values()]


def _all(writes: Any, outcome: Outcome, reason: str) -> list[WriteResult]:
    return [WriteResult(write.id, outcome, reason) for write in writes]
