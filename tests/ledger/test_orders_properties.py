"""Whatever an order goes through, and however its versions are told: the end is what the last version alone would have made."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from channelsync.contract import OrderSnapshot
from channelsync.ledger import bundling
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.order_policy import OrderPolicy, Restock, Unpaid, as_row
from channelsync.ledger.orders import Verdict
from channelsync.ledger.schema import channels, locations
from support.order_lives import lives
from support.selling import open_shop, picture
from support.stock import NOW, assert_adds_up

Telling = list[tuple[OrderSnapshot, bool]]


policies = st.builds(OrderPolicy, st.sampled_from(Restock), st.sampled_from(Unpaid))


@st.composite
def tellings(draw: st.DrawFn) -> tuple[OrderSnapshot, Telling]:
    """The last version, and all versions as they happened or in any order, some twice, each by a direct read or a webhook."""
    versions = draw(lives(("a", "b", "six", "loose"), tests=True))
    several = versions + draw(st.lists(st.sampled_from(versions), max_size=3))
    told = versions if draw(st.booleans()) else draw(st.permutations(several))
    return versions[-1], [(version, draw(st.booleans())) for version in told]


def told(conn: Connection, telling: Telling, policy: OrderPolicy, owned: tuple[str, ...]) -> dict[str, Any]:
    """The picture afterwards; the ledger is as before. owned: locations where an authority counts."""
    with conn.begin_nested() as savepoint:
        shop = open_shop(conn)
        bundling.define(conn, [Define("KIT", (Part("A", 2), Part("B", 1)))], NOW)
        shop.link("loose", "KIT")
        conn.execute(update(channels).values(**as_row(policy)))
        conn.execute(update(locations).where(locations.c.code.in_(owned)).values(authority_id=shop.channel))
        for version, direct in telling:
            result = shop.see(version, direct=direct)
            assert result.verdict is not Verdict.ASIDE, result.reason
            assert_adds_up(conn)
        assert audit(conn) == []
        found = picture(conn)
        savepoint.rollback()
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tellings(), policies, st.sampled_from([(), (), ("main",), ("annex",)]))
def test_any_telling_ends_like_the_last_version_alone(
    conn: Connection, telling: tuple[OrderSnapshot, Telling], policy: OrderPolicy, owned: tuple[str, ...]
) -> None:
    last, versions = telling
    assert told(conn, versions, policy, owned) == told(conn, [(last, True)], policy, owned)
