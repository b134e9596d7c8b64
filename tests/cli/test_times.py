"""Instants as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from channelsync.cli.times import NoTime, instant, shown

NOW = datetime(2026, 6, 10, 22, 30, tzinfo=UTC)  # half past midnight of the 11th in Berlin


@pytest.mark.parametrize(
    ("text", "zone", "wanted"),
    [
        ("2026-06-09T12:00", "Europe/Berlin", "2026-06-09T10:00:00+00:00"),
        ("2026-06-09 12:00:30", "UTC", "2026-06-09T12:00:30+00:00"),
        ("2026-06-09T12:00+05:00", "Europe/Berlin", "2026-06-09T07:00:00+00:00"),
        ("2026-06-09T12:00Z", "Europe/Berlin", "2026-06-09T12:00:00+00:00"),
        ("2026-01-09T12:00", "Europe/Berlin", "2026-01-09T11:00:00+00:00"),
        ("2026-06-09", "UTC", "2026-06-09T23:59:59.999999+00:00"),
        ("2026-06-10", "Europe/Berlin", "2026-06-10T21:59:59.999999+00:00"),
        ("2026-06-11", "Europe/Berlin", "2026-06-10T22:30:00+00:00"),
        ("2026-06-10", "UTC", "2026-06-10T22:30:00+00:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-29T21:59:59.999999+00:00"),
    ],
)
def test_in_the_stores_time_zone_unless_it_says_another(text: str, zone: str, wanted: str) -> None:
    assert instant(text, zone, NOW).isoformat() == wanted


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-06-11", "2026-06-10T23:00", "9999-12-31", ""])
def test_what_is_no_time_or_has_not_been(text: str) -> None:
    with pytest.raises(NoTime):
        instant(text, "UTC", NOW)


def test_shown_in_the_stores_time_zone() -> None:
    assert shown(NOW, "Europe/Berlin") == "2026-06-11 00:30:00 CEST"
