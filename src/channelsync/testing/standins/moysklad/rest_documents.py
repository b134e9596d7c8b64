"""Documents over the API: lists, creation (syncId, bulk), positions, deletion. What they do to the numbers is in `books`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from channelsync.testing.standins.moysklad import books
from channelsync.testing.standins.moysklad import documents as life
from channelsync.testing.standins.moysklad.query import ApiError, Field, Reply, Request, id_of, listed, matching, missing, not_found
from channelsync.testing.standins.moysklad.render import document_json, meta, position_json
from channelsync.testing.standins.moysklad.state import Document, Position, State

BULK_MAX = 1000
STORED = ("demand", "salesreturn", "supply", "retaildemand", "enter", "loss")
TEXTS = {"name": "name", "externalCode": "external", "description": "description"}
LINKS = {
    "organization": ("organization", "organization"),
    "agent": ("agent", "counterparty"),
    "store": ("store", "store"),
    "state": ("state", "state"),
    "salesChannel": ("sales_channel", "saleschannel"),
    "customerOrder": ("order", "customerorder"),
    "demand": ("demand", "demand"),
}
FIELDS: Mapping[str, Field] = {
    "id": lambda row: row.id,
    "syncId": lambda row: row.sync_id,
    "externalCode": lambda row: row.external,
    "name": lambda row: row.name,
    "updated": lambda row: row.updated,
    "created": lambda row: row.created,
    "deleted": lambda row: row.deleted,
    "moment": lambda row: row.created.replace(second=0, microsecond=0),
    "applicable": lambda row: row.applicable,
    "isDeleted": lambda row: row.deleted is not None,
    "store": lambda row: row.store,
    "state": lambda row: row.state,
    "agent": lambda row: row.agent,
    "organization": lambda row: row.organization,
}


def documents(state: State, request: Request) -> Reply:
    kind, text = request.ids[0], request.params.get("filter", "")
    rows = matching(text, [found for found in state.documents.values() if found.kind == kind], FIELDS)
    if "updated>" in text or "deleted>" in text:
        listed_by = state.now() - timedelta(seconds=state.dials.list_lag_seconds)
        rows = [found for found in rows if max(found.updated, found.deleted or found.updated) <= listed_by]
    if "isDeleted" not in text:
        rows = [found for found in rows if found.deleted is None]
    by, _, direction = request.params.get("order", "").partition(",")
    if by:
        rows.sort(key=lambda found: (FIELDS[by](found), found.id), reverse=direction == "desc")
    return listed(request, f"entity/{kind}", rows, lambda found: document_json(state, found, request.expand_list))


def _found(state: State, request: Request) -> Document:
    kind, ref = request.ids[:2]
    found = state.documents.get(ref)
    if found is None or found.kind != kind:
        raise not_found(kind, ref)
    return found


def document(state: State, request: Request) -> Reply:
    return Reply(document_json(state, _found(state, request), request.expand))


def create(state: State, request: Request) -> Reply:
    """An array makes or updates many; each element succeeds or fails alone."""
    if not isinstance(request.body, list):
        return Reply(document_json(state, _one(state, request, request.body), request.expand))
    if len(request.body) > BULK_MAX:
        raise ApiError(413, 1005, "Превышено количество элементов")
    answers: list[Any] = []
    failed = False
    for body in request.body:
        try:
            answers.append(document_json(state, _one(state, request, body), request.expand))
        except ApiError as error:
            answers.append(error.body())
            failed = True
    return Reply(answers, 400 if failed else 200)


def _one(state: State, request: Request, body: Any) -> Document:
    if not isinstance(body, dict):
        raise ApiError(400, 2001, "Ошибка формата: ожидался объект")
    kind = request.ids[0]
    known = state.documents.get(id_of(body, kind)) if "meta" in body else _same_sync(state, kind, body.get("syncId"))
    if known and "meta" not in body:
        return known
    made = known or life.new(state, kind)
    if known is None:
        made.sync_id = str(body.get("syncId") or "")
    _fill(state, made, body, fresh=known is None)
    life.save(state, made, request.muted)
    return made


def _same_sync(state: State, kind: str, sync_id: Any) -> Document | None:
    """The document made before with this syncId. What happens where it lies in the recycle bin is not written down: a dial."""
    found = [row for row in state.documents.values() if sync_id and row.kind == kind and row.sync_id == sync_id]
    live = [row for row in found if row.deleted is None]
    if live or not found or state.dials.trashed_sync == "creates":
        return live[0] if live else None
    if state.dials.trashed_sync == "conflict":
        raise ApiError(412, 3006, "Ошибка сохранения объекта: нарушено ограничение уникальности параметра 'syncId'")
    return found[0]


def put(state: State, request: Request) -> Reply:
    found = _found(state, request)
    body = request.body if isinstance(request.body, dict) else {}
    if body.get("syncId", found.sync_id) != found.sync_id:
        raise ApiError(400, 1047, "Вы не можете обновить поле syncId")
    _fill(state, found, body, fresh=False)
    life.save(state, found, request.muted)
    return Reply(document_json(state, found, request.expand))


def _fill(state: State, row: Document, body: Mapping[str, Any], *, fresh: bool) -> None:
    """Checks everything before it changes anything."""
    links = {field: id_of(body[name], kind) for name, (field, kind) in LINKS.items() if name in body}
    _check_links(state, row, links, fresh=fresh)
    positions = [_position(state, row, raw) for raw in _rows(body["positions"])] if "positions" in body else None
    if row.kind == "demand" and state.dials.check_shipping_stock and positions:
        _check_shipping(state, links.get("store", row.store), positions)
    for field, ref in links.items():
        setattr(row, field, ref)
    for name, field in TEXTS.items():
        if name in body:
            setattr(row, field, str(body[name] or ""))
    row.applicable = bool(body.get("applicable", row.applicable))
    if positions is not None:
        row.positions = positions


def _check_links(state: State, row: Document, links: Mapping[str, str], *, fresh: bool) -> None:
    needed = ["organization", *(["agent"] if row.kind not in {"enter", "loss"} else []), *(["store"] if row.kind in STORED else [])]
    known = {"organization": {state.organization}, "agent": {state.agent}, "store": set(state.stores)}
    for field in needed:
        if fresh and not links.get(field):
            raise missing(field)
    for field, refs in known.items():
        if links.get(field) and links[field] not in refs:
            raise not_found(field, links[field])


def _check_shipping(state: State, store: str, positions: list[Position]) -> None:
    for position in positions:
        if books.number(state, "stock", position.good, store) < position.quantity:
            raise ApiError(412, 3007, "Нельзя отгрузить товар, которого нет на складе")


def _rows(raw: Any) -> list[Any]:
    rows = raw if isinstance(raw, list) else [raw]
    if len(rows) > BULK_MAX:
        raise ApiError(413, 1005, "Превышено количество позиций")
    return rows


def _position(state: State, row: Document, raw: Any) -> Position:
    """With a known id it changes that position, else it makes one. Nothing is stored yet."""
    if not isinstance(raw, dict):
        raise ApiError(400, 2001, "Ошибка формата: ожидался объект")
    old = next((position for position in row.positions if position.id == raw.get("id")), None)
    good = id_of(raw["assortment"]) if "assortment" in raw else (old.good if old else "")
    if good not in state.goods:
        raise not_found("assortment", good) if good else missing("assortment")
    if "assortment" in raw and raw["assortment"]["meta"].get("type") != state.goods[good].kind:
        raise ApiError(400, 1060, "Неверный тип в meta")
    quantity = float(raw.get("quantity", old.quantity if old else 1))
    reserve = float(raw.get("reserve", old.reserve if old else 0))
    if quantity <= 0 or reserve < 0:
        raise ApiError(400, 3005, "Ошибка сохранения позиции: количество должно быть больше 0")
    if reserve > quantity:
        raise ApiError(
            412, 17003, "Ошибка сохранения позиции документа: количество зарезервированных товаров не может превышать общее количество"
        )
    return Position(old.id if old else state.new_id(), good, quantity, reserve, old.shipped if old else 0.0)


def positions(state: State, request: Request) -> Reply:
    found = _found(state, request)
    return listed(
        request,
        f"entity/{found.kind}/{found.id}/positions",
        found.positions,
        lambda row: position_json(state, found, row, "assortment" in request.expand_list),
    )


def add_positions(state: State, request: Request) -> Reply:
    found = _found(state, request)
    made = [_position(state, found, raw) for raw in _rows(request.body)]
    found.positions += made
    life.save(state, found, request.muted)
    return Reply([position_json(state, found, row) for row in made])


def _at(state: State, request: Request) -> tuple[Document, Position]:
    found = _found(state, request)
    for position in found.positions:
        if position.id == request.ids[2]:
            return found, position
    raise not_found("position", request.ids[2])


def put_position(state: State, request: Request) -> Reply:
    found, old = _at(state, request)
    new = _position(state, found, {**(request.body or {}), "id": old.id})
    found.positions = [new if position is old else position for position in found.positions]
    life.save(state, found, request.muted)
    return Reply(position_json(state, found, new))


def delete_position(state: State, request: Request) -> Reply:
    found, old = _at(state, request)
    found.positions.remove(old)
    life.save(state, found, request.muted)
    return Reply(None)


def delete(state: State, request: Request) -> Reply:
    """With the recycle bin switched on a DELETE over the API still deletes for good; `trash` is its own call."""
    life.hard_delete(state, _found(state, request), request.muted)
    return Reply(None)


def trash(state: State, request: Request) -> Reply:
    if not state.dials.recycle_bin:
        raise ApiError(403, 1016, "Корзина отключена")
    life.trash(state, _found(state, request), request.muted)
    return Reply(None)


def metadata(state: State, request: Request) -> Reply:
    path = "entity/customerorder/metadata/states"
    rows = [{**meta("state", ref, path=path), "id": ref, "name": name, "stateType": kind} for ref, (name, kind) in state.states.items()]
    return Reply({"states": rows})
