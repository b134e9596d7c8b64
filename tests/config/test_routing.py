"""What the config says about routing: where locations lie, where they ship to, and what makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from channelsync.config.location_sheets import LOCATIONS
from channelsync.ledger.files.cells import BadCell
from channelsync.ledger.files.kinds import State
from config.test_load import MINIMAL, _load, _problems

PLACES = """location = "berlin"
[routing]
enabled = true
locations = ["berlin"]
[locations.berlin]
latitude = 52.52
longitude = 13.4
countries = ["DE", "AT"]
regions = ["US-CA", "US-New York"]
postcodes = ["DE-10", "GB-SW1A"]
[locations.paris]
"""


def test_places_and_lists_are_read(tmp_path: Path) -> None:
    config = _load(tmp_path, MINIMAL + PLACES)
    berlin = config.locations["berlin"]
    assert (config.routing.enabled, config.routing.locations) == (True, ("berlin",))
    assert (berlin.latitude, berlin.longitude, berlin.countries) == (52.52, 13.4, ("DE", "AT"))
    assert (berlin.regions, berlin.postcodes) == (("US-CA", "US-New York"), ("DE-10", "GB-SW1A"))


def test_it_is_off_unless_the_file_says_so(tmp_path: Path) -> None:
    assert _load(tmp_path, MINIMAL).routing.enabled is False


@pytest.mark.parametrize(
    ("before", "after", "key", "why"),
    [
        ("latitude = 52.52", "", "locations.berlin.latitude", "belongs to the longitude"),
        ("longitude = 13.4", "", "locations.berlin.longitude", "belongs to the latitude"),
        ("52.52", "91.0", "locations.berlin.latitude", "less than or equal to 90"),
        ("52.52", "nan", "locations.berlin.latitude", ""),
        ('"DE", "AT"', '"Germany"', "locations.berlin.countries", "two capital letters"),
        ('"DE", "AT"', '"de"', "locations.berlin.countries", "two capital letters"),
        ('"US-CA"', '"California"', "locations.berlin.regions", "write the country before it"),
        ('"US-CA"', '"usa-CA"', "locations.berlin.regions", "two capital letters"),
        ('"DE-10"', '"10"', "locations.berlin.postcodes", "write the country before it"),
        ('"DE-10"', '"DE-"', "locations.berlin.postcodes", "write the country before it"),
        ('locations = ["berlin"]', 'locations = ["bonn"]', "routing.locations", "no such ledger location 'bonn'"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, before: str, after: str, key: str, why: str) -> None:
    problems = _problems(tmp_path, MINIMAL + PLACES.replace(before, after))
    (found,) = [place for place in problems if place.startswith(key)]
    assert why in problems[found]


def test_somebody_has_to_ship(tmp_path: Path) -> None:
    text = MINIMAL + '[routing]\nenabled = true\n[locations.main]\nkind = "virtual"\n'
    assert "all locations are virtual" in _problems(tmp_path, text)["routing.locations"]


def test_locations_go_to_a_file_and_come_back_the_same(tmp_path: Path) -> None:
    config = _load(tmp_path, MINIMAL + PLACES)
    rows = [dict(zip(LOCATIONS.exported, map(_cell, row), strict=True)) for row in LOCATIONS.export(config)]
    assert rows[0]["countries"] == "DE, AT"
    read = [LOCATIONS.parse(number, row) for number, row in enumerate(rows, 2)]
    assert [verdict.state for verdict in LOCATIONS.compare(config, [row for row in read if row])] == [State.SAME] * 2
    moved = LOCATIONS.parse(
        9, {"code": "berlin", "latitude": "52.6", "longitude": "13.5", "countries": "DE", "regions": "", "postcodes": "DE-1"}
    )
    assert moved is not None
    assert LOCATIONS.compare(config, [moved])[0].state is State.CHANGE
    assert "latitude = 52.6" in LOCATIONS.toml(moved)
    assert 'postcodes = ["DE-1"]' in LOCATIONS.toml(moved)
    for bad in ({"latitude": "north"}, {"countries": "Germany"}, {"latitude": "91"}):
        with pytest.raises(BadCell):
            LOCATIONS.parse(9, {"code": "berlin", **bad})


def _cell(value: object) -> str:
    return "" if value is None else str(value)
