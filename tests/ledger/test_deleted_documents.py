"""An authority's document of ours was deleted, and its order ends meanwhile: nobody is asked about it any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from channelsync.contract import OrderState
from channelsync.ledger import aside, exports, findings
from support.authority import Owned, open_owned


@pytest.fixture
def owned(conn: Connection) -> Owned:
    """The document of order 1 was deleted."""
    owned = open_owned(conn)
    owned.order("1", 3)
    owned.export()
    owned.warehouse.claims["shop/1"][0] = 0
    owned.warehouse.gone.add("shop/1")
    owned.hear()
    return owned


def _asked(owned: Owned) -> tuple[list[str], list[str]]:
    """What is set aside, and what there is a finding about."""
    found = findings.listed(owned.conn, kind="document_deleted")
    return [row.ref for row in aside.listed(owned.conn, kind="export")], [finding.reference for finding in found]


def test_a_cancelled_order_needs_no_document(owned: Owned) -> None:
    assert _asked(owned) == (["shop/1"], ["shop/1"])
    owned.now += timedelta(seconds=1)
    owned.order("1", 3, cancelled=3, state=OrderState.CANCELLED)
    assert owned.arm() is None
    assert _asked(owned) == ([], [])


def test_a_retry_finds_that_nothing_is_to_be_told(owned: Owned) -> None:
    owned.order("1", 3, cancelled=3, state=OrderState.CANCELLED)
    exports.retry_aside(owned.conn, [(owned.house, "shop/1")], owned.now)
    assert _asked(owned) == ([], [])


def test_an_open_order_is_still_asked_about(owned: Owned) -> None:
    assert owned.arm() is None
    assert _asked(owned) == (["shop/1"], ["shop/1"])
