"""The door of the account: gzip, Accept, credentials, limits, routes and error shapes."""

from __future__ import annotations

import base64
import binascii
import gzip
import hmac
import json
import re
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any

from channelsync.testing.standins.base import Answer
from channelsync.testing.standins.moysklad import rest_documents, rest_goods, rest_hooks, rest_reports
from channelsync.testing.standins.moysklad.limits import Limits
from channelsync.testing.standins.moysklad.query import API, ApiError, Reply, Request, parse_body, parse_query
from channelsync.testing.standins.moysklad.state import State

Handler = Callable[[State, Request], Reply]
ACCEPTED = ("", "*/*", "application/json;charset=utf-8")
DOCUMENT = "(customerorder|demand|enter|loss|salesreturn|supply|retaildemand)"
ID = "([^/]+)"

ROUTES: tuple[tuple[str, dict[str, Handler]], ...] = (
    ("/report/stock/(all|bystore)/current", {"GET": rest_reports.current}),
    ("/report/stock/(all|bystore)", {"GET": rest_reports.long}),
    ("/entity/assortment", {"GET": rest_goods.assortment}),
    ("/entity/(product|variant|bundle)", {"GET": rest_goods.goods}),
    (f"/entity/(product|variant|bundle)/{ID}", {"GET": rest_goods.good}),
    ("/entity/store", {"GET": rest_goods.stores}),
    ("/entity/(organization|counterparty|saleschannel)", {"GET": rest_goods.parties}),
    (f"/entity/(organization|counterparty|saleschannel)/{ID}", {"GET": rest_goods.party}),
    ("/context/employee", {"GET": rest_goods.employee}),
    ("/context/companysettings", {"GET": rest_goods.company_settings}),
    ("/entity/customerorder/metadata", {"GET": rest_documents.metadata}),
    (f"/entity/{DOCUMENT}", {"GET": rest_documents.documents, "POST": rest_documents.create}),
    (f"/entity/{DOCUMENT}/{ID}", {"GET": rest_documents.document, "PUT": rest_documents.put, "DELETE": rest_documents.delete}),
    (f"/entity/{DOCUMENT}/{ID}/trash", {"POST": rest_documents.trash}),
    (f"/entity/{DOCUMENT}/{ID}/positions", {"GET": rest_documents.positions, "POST": rest_documents.add_positions}),
    (f"/entity/{DOCUMENT}/{ID}/positions/{ID}", {"PUT": rest_documents.put_position, "DELETE": rest_documents.delete_position}),
    ("/entity/(webhook|webhookstock)", {"GET": rest_hooks.hooks, "POST": rest_hooks.create}),
    (f"/entity/(webhook|webhookstock)/{ID}", {"PUT": rest_hooks.put, "DELETE": rest_hooks.delete}),
    ("/audit", {"GET": rest_hooks.audit}),
    (f"/audit/{ID}/events", {"GET": rest_hooks.audit_events}),
)


class Rest:
    """Answers requests for one account."""

    def __init__(self, state: State) -> None:
        self.state, self.limits = state, Limits(state)

    async def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            with self.limits.running_one_more():
                if self.state.dials.request_seconds:
                    await self.state.clock.sleep(self.state.dials.request_seconds)
                reply = self._reply(method, path, query, headers, body)
        except ApiError as error:
            reply = Reply(error.body(), error.status, error.headers)
        self.limits.answered(method, path, query, body, reply.status)
        if method != "GET" and self.state.lost_answers:
            self.state.lost_answers -= 1
            await self.state.clock.sleep(self.state.dials.hang_seconds)
        return self._answer(reply)

    def _reply(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("accept-encoding", "").strip() != "gzip":
            raise ApiError(415, None)
        if headers.get("accept", "").replace(" ", "").lower() not in ACCEPTED:
            raise ApiError(400, 1062, "Неверное значение заголовка 'Accept'")
        self._authorize(headers.get("authorization", ""))
        path = path.removeprefix(API).rstrip("/")
        self.limits.spend(path)
        muted = tuple(part.strip() for part in headers.get("x-lognex-webhook-disablebyprefix", "").split(",") if part.strip())
        beta = headers.get("x-lognex-remap-beta-feature", "")
        for pattern, handlers in ROUTES:
            found = re.fullmatch(pattern, path)
            if found is None:
                continue
            if method not in handlers:
                raise ApiError(405, 1003, "Метод не поддерживается")
            if method == "PUT":
                self.limits.put("/".join(path.split("/")[:4]))
            return handlers[method](self.state, Request(method, found.groups(), parse_query(query), parse_body(body), muted, beta))
        raise ApiError(404, 1002, f"Неопознанный путь: {path}")

    def _authorize(self, header: str) -> None:
        scheme, _, secret = header.partition(" ")
        if scheme == "Bearer":
            good = hmac.compare_digest(secret.encode(), self.state.token.encode())
        else:
            try:
                pair = base64.b64decode(secret).decode()
            except (binascii.Error, UnicodeDecodeError):
                pair = ""
            good = scheme == "Basic" and hmac.compare_digest(pair.encode(), f"{self.state.login}:{self.state.password}".encode())
        if not good:
            raise ApiError(401, 1056, "Ошибка аутентификации: Неправильный пароль или имя пользователя или ключ авторизации")

    def _answer(self, reply: Reply) -> Answer:
        headers = {"content-type": "application/json;charset=utf-8", "date": format_datetime(self.state.now(), usegmt=True)}
        if reply.status < 400:
            headers |= self.limits.headers(reply.status)
        if reply.body is None:
            return reply.status, {**headers, **reply.headers}, b""
        content = gzip.compress(json.dumps(reply.body, ensure_ascii=False).encode(), mtime=0)
        return reply.status, {**headers, "content-encoding": "gzip", **reply.headers}, content

    def throttled(self) -> Answer:
        error = self.limits.refusal()
        return self._answer(Reply(error.body(), error.status, error.headers))


def plain(value: Any) -> bytes:
    """A webhook's body: never compressed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
