"""Dictionaries: goods, stores, organizations, and who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channelsync.testing.standins.moysklad import books
from channelsync.testing.standins.moysklad.query import ApiError, Field, Reply, Request, listed, matching, not_found, number
from channelsync.testing.standins.moysklad.render import good_json, meta, store_json
from channelsync.testing.standins.moysklad.state import Good, State

BETA = "assortmentWithoutStock"
FIELDS: Mapping[str, Field] = {
    "id": lambda good: good.id,
    "code": lambda good: good.code,
    "externalCode": lambda good: good.external,
    "barcode": lambda good: good.barcode,
    "name": lambda good: good.name,
    "updated": lambda good: good.updated,
    "type": lambda good: good.kind,
    "archived": lambda good: good.archived,
}


def _select(request: Request, rows: list[Good]) -> list[Good]:
    """Archived goods are left out unless asked for. In order of change: a client pages over a list that others change meanwhile."""
    text = request.params.get("filter", "")
    found = matching(text, rows, FIELDS)
    if "archived" not in text:
        found = [good for good in found if not good.archived]
    return sorted(found, key=lambda good: (good.updated, good.id)) if request.params.get("order", "").startswith("updated") else found


def assortment(state: State, request: Request) -> Reply:
    """With the beta header without stock; without it as it was, with stock and a filter by article."""
    number(request, "limit", 1000)
    if request.beta == BETA:
        return listed(request, "entity/assortment", _select(request, list(state.goods.values())), lambda good: good_json(state, good))
    stock = {good: sum(books.number(state, "stock", good, store) for store in state.stores) for good in state.goods}
    rows = _select(request, list(state.goods.values()))
    return listed(request, "entity/assortment", rows, lambda good: good_json(state, good) | {"stock": stock[good.id]})


def goods(state: State, request: Request) -> Reply:
    (kind,) = request.ids
    rows = [good for good in state.goods.values() if good.kind == kind]
    return listed(request, f"entity/{kind}", _select(request, rows), lambda good: good_json(state, good))


def good(state: State, request: Request) -> Reply:
    kind, ref = request.ids
    found = state.goods.get(ref)
    if found is None or found.kind != kind:
        raise not_found(kind, ref)
    return Reply(good_json(state, found))


def stores(state: State, request: Request) -> Reply:
    text = request.params.get("filter", "")
    rows = matching(text, list(state.stores.values()), {"id": lambda store: store.id, "archived": lambda store: store.archived})
    if "archived" not in text:
        rows = [store for store in rows if not store.archived]
    return listed(request, "entity/store", rows, lambda store: store_json(state, store))


def _parties(state: State, kind: str) -> dict[str, dict[str, Any]]:
    refs = {"organization": state.organization, "counterparty": state.agent}
    return {ref: {**meta(kind, ref), "id": ref, "name": kind} for known, ref in refs.items() if known == kind}


def parties(state: State, request: Request) -> Reply:
    (kind,) = request.ids
    return listed(request, f"entity/{kind}", list(_parties(state, kind).values()), lambda row: row)


def party(state: State, request: Request) -> Reply:
    kind, ref = request.ids
    found = _parties(state, kind).get(ref)
    if found is None:
        raise not_found(kind, ref)
    return Reply(found)


def employee(state: State, request: Request) -> Reply:
    return Reply({**meta("employee", state.account), "id": state.account, "accountId": state.account, "uid": state.login, "name": "Robot"})


def company_settings(state: State, request: Request) -> Reply:
    if not state.dials.admin:
        raise ApiError(403, 1016, "Доступ запрещен: у вас нет прав на просмотр данного объекта")
    dials = state.dials
    return Reply(
        {
            **meta("companysettings", "", path="context"),
            "checkShippingStock": dials.check_shipping_stock,
            "useRecycleBin": dials.recycle_bin,
        }
    )
