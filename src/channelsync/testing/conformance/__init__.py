"""The conformance kit: what every connector promises, as tests. Needs pytest; nothing else of channelsync imports this package.

A connector's test file is a fixture:

    class TestMine(ConnectorSuite):
        @pytest.fixture
        def world(self) -> World:
            return build_world(connector, lambda clock, source, deliver: MyStandIn(clock, source, deliver=deliver), wrong={"token": "x"})

Promises that a connector's traits or missing verbs rule out are skipped. `connectors/README.md` tells the whole way.
"""

import pytest

_REWRITTEN = (
    "authority_documents",
    "authority_numbers",
    "authority_scene",
    "carriers",
    "diagnoses",
    "listings",
    "locations",
    "pushes",
    "readings",
    "snapshots",
    "streams",
    "switches",
    "troubles",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in (*_REWRITTEN, "webhooks", "world")))

from channelsync.testing.conformance.authority import AuthoritySuite  # noqa: E402  the modules below are rewritten on import
from channelsync.testing.conformance.authority_scene import Warehouse  # noqa: E402
from channelsync.testing.conformance.door import WatchedHttp, open_http  # noqa: E402
from channelsync.testing.conformance.mailbox import Mailbox  # noqa: E402
from channelsync.testing.conformance.suite import ConnectorSuite  # noqa: E402
from channelsync.testing.conformance.wire import Break, Wire  # noqa: E402
from channelsync.testing.conformance.world import World, build_world, drain  # noqa: E402

__all__ = [
    "AuthoritySuite",
    "Break",
    "ConnectorSuite",
    "Mailbox",
    "Warehouse",
    "WatchedHttp",
    "Wire",
    "World",
    "build_world",
    "drain",
    "open_http",
]
