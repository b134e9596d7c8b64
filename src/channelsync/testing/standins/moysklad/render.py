"""How the account shows itself in JSON. Empty optional fields are not printed."""

from __future__ import annotations

from typing import Any

from channelsync.testing.standins.moysklad import books
from channelsync.testing.standins.moysklad.query import ROOT
from channelsync.testing.standins.moysklad.state import Document, Good, Hook, Position, State, Store, msk

Json = dict[str, Any]
POSITIONS_EXPANDED = 100
NOT_EXPANDED: frozenset[str] = frozenset()


def meta(kind: str, ref: str, *, path: str = "", **more: Any) -> Json:
    return {"meta": {"href": f"{ROOT}/{path or f'entity/{kind}'}/{ref}", "type": kind, "mediaType": "application/json", **more}}


def units(number: float) -> float:
    """Whole numbers as such, though the platform's type is Float."""
    return int(number) if float(number).is_integer() else number


def good_json(state: State, good: Good) -> Json:
    shown: Json = {
        **meta(good.kind, good.id),
        "id": good.id,
        "accountId": state.account,
        "updated": msk(good.updated),
        "name": good.name,
        "code": good.code,
        "externalCode": good.external,
        "archived": good.archived,
        "barcodes": [{"ean13": good.barcode}] if good.barcode else None,
        "article": good.article or None,
        "product": meta("product", good.parent) if good.kind == "variant" else None,
        "assortment": meta("product", good.parent) if good.kind == "consignment" else None,
        "isSerialTrackable": good.serial if good.kind == "product" else None,
        "trackingType": ("TOBACCO" if good.marked else "NOT_TRACKED") if good.kind == "product" else None,
        "components": {"meta": {"href": f"{ROOT}/entity/bundle/{good.id}/components", "size": len(good.components)}}
        if good.kind == "bundle"
        else None,
    }
    return _printed(shown)


def store_json(state: State, store: Store) -> Json:
    parent = meta("store", store.parent) if store.parent else None
    return _printed(
        {
            **meta("store", store.id),
            "id": store.id,
            "accountId": state.account,
            "name": store.name,
            "archived": store.archived,
            "parent": parent,
        }
    )


def document_json(state: State, document: Document, expand: frozenset[str] = NOT_EXPANDED) -> Json:
    name, kind = state.states.get(document.state, ("", ""))
    state_json = meta("state", document.state, path="entity/customerorder/metadata/states") if document.state else None
    if state_json and "state" in expand:
        state_json |= {"id": document.state, "name": name, "stateType": kind}
    shown: Json = {
        **meta(document.kind, document.id),
        "id": document.id,
        "accountId": state.account,
        "syncId": document.sync_id or None,
        "updated": msk(document.updated),
        "deleted": msk(document.deleted) if document.deleted else None,
        "name": document.name,
        "description": document.description or None,
        "externalCode": document.external,
        "moment": msk(document.created.replace(second=0, microsecond=0)),
        "applicable": document.applicable,
        "created": msk(document.created),
        "organization": meta("organization", document.organization),
        "agent": meta("counterparty", document.agent) if document.kind not in {"enter", "loss"} else None,
        "store": meta("store", document.store) if document.store else None,
        "state": state_json,
        "salesChannel": meta("saleschannel", document.sales_channel) if document.sales_channel else None,
        "shipmentAddress": "Town, Torstrasse 1" if document.address else None,
        "shipmentAddressFull": document.address,
        "positions": _positions(state, document, expand),
        **_links(state, document, expand),
    }
    return _printed(shown)


def _links(state: State, document: Document, expand: frozenset[str]) -> Json:
    """A link to one document is shown whole where `expand` names it; lists of links too."""
    if document.kind == "customerorder":
        demands = books.demands_of(state, document)
        return {"demands": [document_json(state, found) if "demands" in expand else meta("demand", found.id) for found in demands] or None}
    if document.kind == "demand":
        return {
            "customerOrder": _link(state, "customerorder", document.order, "customerOrder" in expand),
            "returns": [meta("salesreturn", found.id) for found in books.returns_of(state, document)] or None,
        }
    return {"demand": _link(state, "demand", document.demand, "demand" in expand)} if document.kind == "salesreturn" else {}


def _link(state: State, kind: str, ref: str, expanded: bool) -> Json | None:
    if not ref:
        return None
    found = state.documents.get(ref)
    return document_json(state, found) if expanded and found else meta(kind, ref)


def _positions(state: State, document: Document, expand: frozenset[str]) -> Json:
    about = {"href": f"{ROOT}/entity/{document.kind}/{document.id}/positions", "size": len(document.positions), "limit": 1000, "offset": 0}
    goods = "positions.assortment" in expand
    if not goods and "positions" not in expand:
        return {"meta": about}
    return {
        "meta": about,
        "rows": [position_json(state, document, position, goods) for position in document.positions[:POSITIONS_EXPANDED]],
    }


def position_json(state: State, document: Document, position: Position, goods: bool = False) -> Json:
    good = state.goods[position.good]
    shown: Json = {
        **meta(f"{document.kind}position", position.id, path=f"entity/{document.kind}/{document.id}/positions"),
        "id": position.id,
        "quantity": units(position.quantity),
        "price": 0.0,
        "assortment": good_json(state, good) if goods else meta(good.kind, good.id),
    }
    if document.kind == "customerorder":
        shown |= {"shipped": units(position.shipped), "reserve": units(position.reserve) or None}
    return _printed(shown)


def hook_json(state: State, hook: Hook) -> Json:
    kind = "webhook" if hook.entity else "webhookstock"
    shown: Json = {**meta(kind, hook.id), "id": hook.id, "accountId": state.account, "url": hook.url, "enabled": hook.enabled}
    if hook.entity:
        return {**shown, "entityType": hook.entity, "method": "POST", "action": hook.action}
    return {**shown, "stockType": "stock", "reportType": hook.action}


def _printed(shown: Json) -> Json:
    return {name: value for name, value in shown.items() if value is not None}
