"""Promises of a stock authority: what it says of its stock is what lies there, and what it is told about our sales it holds, once.

    class TestMine(AuthoritySuite):
        @pytest.fixture
        def world(self) -> World:
            return build_world(connector, make_stand_in, wrong={"token": "x"}, role=Role.AUTHORITY)

The stand-in has the moves of a `Warehouse` besides those of a shop.
"""

from __future__ import annotations

from channelsync.testing.conformance.authority_documents import DocumentPromises
from channelsync.testing.conformance.authority_numbers import NumberPromises


class AuthoritySuite(NumberPromises, DocumentPromises):
    """Needs one fixture, `world`, made with `role=Role.AUTHORITY`."""
