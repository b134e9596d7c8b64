"""One order with all its lines and refunds: whatever an answer left out is read behind it."""

from __future__ import annotations

from datetime import datetime

from channelsync.errors import Unavailable
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.documents import Operation
from channelsync_shopify.order_answers import Line, Order, OrderPart, Refund, RefundLine, RefundPart, RefundStubs
from channelsync_shopify.shapes import Connection, Malformed, shaped

PARTS_MAX = 40
"""Further pages of lines of one order (250 each): an order beyond that is not real."""


class WholeOrders:
    def __init__(self, admin: Admin, order: Operation = documents.ORDER) -> None:
        self._admin, self._order = admin, order

    async def read(self, ref: str) -> Order | None:
        """The order with all its lines and refunds; None if the shop says there is none. Raises Unavailable if it changed meanwhile."""
        order = await self._admin.read(self._order, {"id": ref}, _understand_order)
        if order is not None and order.id != ref:
            raise Malformed(f"order {ref} was asked for, and {order.id[:80]} came")
        if order is None or not cut(order, documents.REFUNDS_IN_ORDER):
            return order
        lines = await self._all_lines(order)
        refunds = await self._all_refunds(order)
        return order.model_copy(update={"line_items": lines, "refunds": refunds})

    async def _all_lines(self, order: Order) -> Connection[Line]:
        lines, page_info = list(order.line_items.nodes), order.line_items.page_info
        for _ in range(PARTS_MAX):
            if not page_info.has_next_page:
                return Connection[Line](pageInfo=page_info, nodes=tuple(lines))
            variables = {"id": order.id, "after": page_info.end_cursor}
            part = await self._admin.read(documents.ORDER_LINES, variables, _understand_part)
            same(order, part.updated_at)
            lines.extend(part.line_items.nodes)
            page_info = part.line_items.page_info
        raise Malformed(f"order {order.name} has more than {PARTS_MAX} pages of lines")

    async def _all_refunds(self, order: Order) -> tuple[Refund, ...]:
        """The refunds the order came with, completed, and those it came without."""
        known = {refund.id: refund for refund in order.refunds}
        if len(known) >= documents.REFUNDS_IN_ORDER:
            stubs = await self._admin.read(documents.ORDER_REFUNDS, {"id": order.id}, _understand_stubs)
            same(order, stubs.updated_at)
            if len(stubs.refunds) >= documents.REFUNDS_MAX:
                raise Malformed(f"order {order.name} has {documents.REFUNDS_MAX} refunds or more; Shopify lists no further ones")
            for stub in stubs.refunds:
                empty = {"id": stub.id, "createdAt": stub.created_at, "refundLineItems": {"pageInfo": {"hasNextPage": True}, "nodes": []}}
                known.setdefault(stub.id, Refund.model_validate(empty))
        return tuple([await self._completed(refund) for refund in known.values()])

    async def _completed(self, refund: Refund) -> Refund:
        lines, page_info = list(refund.refund_line_items.nodes), refund.refund_line_items.page_info
        for _ in range(PARTS_MAX):
            if not page_info.has_next_page:
                whole = Connection[RefundLine](pageInfo=page_info, nodes=tuple(lines))
                return refund.model_copy(update={"refund_line_items": whole})
            variables = {"id": refund.id, "after": page_info.end_cursor}
            part = await self._admin.read(documents.REFUND_LINES, variables, _understand_refund)
            lines.extend(part.refund_line_items.nodes)
            page_info = part.refund_line_items.page_info
        raise Malformed(f"refund {refund.id} has more than {PARTS_MAX} pages of lines")


def cut(order: Order, refunds_asked: int) -> bool:
    """Whether something of the order is missing from the answer."""
    if order.line_items.cut or len(order.refunds) >= refunds_asked:
        return True
    return any(refund.refund_line_items.cut for refund in order.refunds)


def same(order: Order, updated_at: datetime) -> None:
    if updated_at != order.updated_at:
        raise Unavailable(f"order {order.name} changed while it was being read; read it again")


def _understand_order(answer: Answer) -> Order | None:
    raw = answer.field("order")
    return shaped(Order, raw, "the order") if raw is not None else None


def _understand_part(answer: Answer) -> OrderPart:
    return shaped(OrderPart, answer.field("order"), "the order's next lines")


def _understand_stubs(answer: Answer) -> RefundStubs:
    return shaped(RefundStubs, answer.field("order"), "the order's refunds")


def _understand_refund(answer: Answer) -> RefundPart:
    return shaped(RefundPart, answer.field("refund"), "the refund")
