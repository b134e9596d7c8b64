"""The shop's own backorder switch, "Allow backorders?": `backorders` of a product or variation, which says no, notify or yes.

Read first: what staff have set to notify or yes is on, and stays in their words. What we switch on says notify, so that customers are told.
One request per parent touched to read, and one to write what says something else; neither names a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channelsync.contract import Switch, SwitchResult
from channelsync.errors import Misunderstood
from channelsync_woocommerce.answers import Answer, ShopRefused
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.shapes import number_id, split_ref

FIELDS = "id,manage_stock,backorders_allowed"
WRITTEN = {True: "notify", False: "no"}


async def turn(api: Api, switches: Sequence[Switch]) -> list[SwitchResult]:
    """A switch that the shop does not know, or does not count, is answered with the reason."""
    by_parent: dict[int, dict[int, Switch]] = {}
    results: list[SwitchResult] = []
    for each in switches:
        ids = split_ref(each.listing)
        if ids is None:
            results.append(SwitchResult(each.listing, None, f"{each.listing!r} is no WooCommerce listing"))
        else:
            by_parent.setdefault(ids[0], {})[ids[1]] = each
    for parent, by_id in by_parent.items():
        numbers = list(by_id)
        for start in range(0, len(numbers), PER_PAGE):
            results += await _turn(api, parent, {number: by_id[number] for number in numbers[start : start + PER_PAGE]})
    return results


async def _turn(api: Api, parent: int, wanted: Mapping[int, Switch]) -> list[SwitchResult]:
    path = f"/products/{parent}/variations" if parent else "/products"
    params = {"include": ",".join(map(str, wanted)), "per_page": str(PER_PAGE), "status": "any", "_fields": FIELDS}
    try:
        rows = _by_id((await api.get(path, params)).rows())
        written = {n: each for n, each in wanted.items() if n in rows and _says(rows[n]) is (not each.sells_on)}
        if written:
            body = {"update": [{"id": number, "backorders": WRITTEN[each.sells_on]} for number, each in written.items()]}
            rows |= await api.send("POST", f"{path}/batch", body, _updated)
    except ShopRefused as refused:
        return [SwitchResult(each.listing, None, str(refused)) for each in wanted.values()]
    return [_result(each, rows.get(number)) for number, each in wanted.items()]


def _result(switch: Switch, row: Mapping[str, Any] | None) -> SwitchResult:
    if row is None:
        return SwitchResult(switch.listing, None, "the shop does not know it")
    if isinstance(error := row.get("error"), dict):
        return SwitchResult(switch.listing, None, f"{error.get('code', '')}: {str(error.get('message', ''))[:200]}")
    says = _says(row)
    return SwitchResult(switch.listing, says, "" if says is not None else "the shop does not count it, so it has no such switch")


def _says(row: Mapping[str, Any]) -> bool | None:
    """None: it has no number of its own, and its switch means nothing."""
    sells_on = row.get("backorders_allowed")
    return sells_on if row.get("manage_stock") is True and isinstance(sells_on, bool) else None


def _by_id(rows: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {number_id(row): row for row in rows}


def _updated(answer: Answer) -> dict[int, dict[str, Any]]:
    rows = answer.object().get("update")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Misunderstood(f"the batch answer has no update list: {str(answer.data)[:120]}")
    return _by_id(rows)
