"""Whatever an order goes through, and however its versions are told: the end is what the last version alone would have made."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from channelsync.contract import OrderSnapshot
from channelsync.ledger.audit import audit
from channelsync.ledger.orders import Verdict
from support.order_lives import lives
from support.selling import open_shop, picture
from support.stock import assert_adds_up

Telling = list[tuple[OrderSnapshot, bool]]


@st.composite
def tellings(draw: st.DrawFn) -> tuple[OrderSnapshot, Telling]:
    """The last version, and all versions as they happened or in any order, some twice, each by a direct read or a webhook."""
    versions = draw(lives())
    several = versions + draw(st.lists(st.sampled_from(versions), max_size=3))
    told = versions if draw(st.booleans()) else draw(st.permutations(several))
    return versions[-1], [(version, draw(st.booleans())) for version in told]


def told(conn: Connection, telling: Telling) -> dict[str, Any]:
    """The picture afterwards; the ledger is as before."""
    with conn.begin_nested() as savepoint:
        shop = open_shop(conn)
        for version, direct in telling:
            result = shop.see(version, direct=direct)
            assert result.verdict is not Verdict.ASIDE, result.reason
            assert_adds_up(conn)
        assert audit(conn) == []
        found = picture(conn)
        savepoint.rollback()
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tellings())
def test_any_telling_ends_like_the_last_version_alone(conn: Connection, telling: tuple[OrderSnapshot, Telling]) -> None:
    last, versions = telling
    assert told(conn, versions) == told(conn, [(last, True)])
