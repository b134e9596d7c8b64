"""Webhooks of both kinds over the API, and the audit, the only trace of what was deleted for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from channelsync.testing.standins.moysklad.query import ApiError, Reply, Request, listed, matching, not_found, parts
from channelsync.testing.standins.moysklad.render import hook_json, meta
from channelsync.testing.standins.moysklad.state import Deletion, Hook, State, msk

URL_MAX = 255
URLS_MAX = 5
ACTIONS = ("CREATE", "UPDATE", "DELETE")


def _of(state: State, kind: str) -> list[Hook]:
    return [hook for hook in state.hooks.values() if bool(hook.entity) == (kind == "webhook")]


def _allowed(state: State, *, write: bool = False) -> None:
    if not state.dials.admin:
        raise ApiError(403, 30004, "Необходимы права администратора для работы с webhook")
    if write and not state.dials.paid_plan:
        raise ApiError(403, 30006, "Ваш тарифный план не позволяет создавать или обновлять веб-хуки")


def hooks(state: State, request: Request) -> Reply:
    _allowed(state)
    return listed(request, f"entity/{request.ids[0]}", _of(state, request.ids[0]), lambda hook: hook_json(state, hook))


def create(state: State, request: Request) -> Reply:
    _allowed(state, write=True)
    kind, body = request.ids[0], request.body if isinstance(request.body, dict) else {}
    entity = str(body.get("entityType", "")) if kind == "webhook" else ""
    action = str(body.get("action" if entity else "reportType", ""))
    url = str(body.get("url", ""))
    if not url or len(url) > URL_MAX or action not in (ACTIONS if kind == "webhook" else ("all", "bystore")):
        raise ApiError(400, 30000, "Ошибка сохранения webhook")
    if kind == "webhookstock" and body.get("stockType") != "stock":
        raise ApiError(400, 30000, "Ошибка сохранения webhook: stockType")
    same = [hook for hook in _of(state, kind) if (hook.entity, hook.action) == (entity, action)]
    if any(hook.url == url for hook in same):
        raise ApiError(400, 30003, "Ошибка сохранения webhook: webhook с данным набором параметров уже существует")
    if len(same) >= URLS_MAX:
        raise ApiError(400, 30007, "Превышено количество webhook")
    hook = Hook(state.new_id(), url, entity, action)
    state.hooks[hook.id] = hook
    return Reply(hook_json(state, hook))


def put(state: State, request: Request) -> Reply:
    _allowed(state, write=True)
    hook = state.hooks.get(request.ids[1])
    if hook is None:
        raise not_found(*request.ids)
    body = request.body if isinstance(request.body, dict) else {}
    hook.enabled, hook.url = bool(body.get("enabled", hook.enabled)), str(body.get("url", hook.url))
    return Reply(hook_json(state, hook))


def delete(state: State, request: Request) -> Reply:
    _allowed(state, write=True)
    if state.hooks.pop(request.ids[1], None) is None:
        raise not_found(*request.ids)
    return Reply(None)


def audit(state: State, request: Request) -> Reply:
    if not state.dials.admin:
        raise ApiError(403, 1016, "Доступ запрещен: у вас нет прав на просмотр данного объекта")
    wanted = ";".join(
        f"{part.name}{part.operator}{part.value}" for part in parts(request.params.get("filter", "")) if part.name != "eventType"
    )
    kinds = {part.value for part in parts(request.params.get("filter", "")) if part.name == "eventType"}
    rows = state.deletions if kinds in (set(), {"delete"}) else []
    fields = {"entityType": lambda row: row.document.kind, "moment": _moment}
    return listed(request, "audit", matching(wanted, rows, fields), _context)


def _moment(row: Deletion) -> datetime:
    return row.moment


def _context(row: Deletion) -> dict[str, Any]:
    events = {"meta": meta("auditevent", f"{row.id}/events", path="audit")["meta"]}
    about = {"id": row.id, "moment": msk(row.moment), "eventType": "delete", "entityType": row.document.kind, "objectCount": 1}
    return {**meta("audit", row.id, path="audit"), **about, "source": "app", "uid": "admin@account", "events": events}


def audit_events(state: State, request: Request) -> Reply:
    row = next((row for row in state.deletions if row.id == request.ids[0]), None)
    if row is None:
        raise not_found("audit", request.ids[0])
    document = row.document
    told = {"externalCode": {"oldValue": document.external}, "description": {"oldValue": document.description}}
    event = {
        "audit": meta("audit", row.id, path="audit"),
        "entity": meta(document.kind, document.id),
        "entityType": document.kind,
        "eventType": "delete",
        "moment": msk(row.moment),
        "name": document.name,
        "diff": told if state.dials.audit_tells else {},
    }
    return listed(request, f"audit/{row.id}/events", [event], lambda shown: shown)
