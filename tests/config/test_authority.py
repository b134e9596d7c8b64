"""`role = "authority"`: what its table must say, and what two of them may not both say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from channelsync.config import Config, ConfigError, parse
from channelsync.contract import Role
from channelsync.registry import Registry

MEMORY = {"connector": "memory", "url": "http://house.test", "token": "zzz-0"}


def _config(channels: dict[str, dict[str, Any]], **store: Any) -> Config:
    tables = {"store": {"id": "acme", **store}, "locations": {"main": {}, "annex": {}}, "channels": channels}
    return parse(tables, Registry.installed(), file=Path("acme.toml"), environ={})


def _house(**keys: Any) -> dict[str, Any]:
    return {**MEMORY, "role": "authority", "locations": {"store": "main"}, **keys}


def _problems(channels: dict[str, dict[str, Any]], **store: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as raised:
        _config(channels, **store)
    return {problem.key: problem.message for problem in raised.value.problems}


def test_an_authority_is_one_by_its_role() -> None:
    config = _config({"house": _house(), "shop": {**MEMORY, "location": "main"}})
    assert [channel.role for channel in config.channels.values()] == [Role.AUTHORITY, Role.CHANNEL]


def test_it_needs_a_table_of_its_stores() -> None:
    house = {key: value for key, value in _house(location="main").items() if key != "locations"}
    assert "its store" in _problems({"house": house})["channels.house.locations"]


def test_one_store_lies_at_one_location() -> None:
    found = _problems({"house": _house(locations={"store": ["main", "annex"]})})
    assert "single one" in found["channels.house.locations.store"]


def test_a_location_has_one_authority() -> None:
    found = _problems({"house": _house(), "other": _house()})
    assert "belongs to 'house' already" in found["channels.other.locations.store"]


def test_a_shop_does_not_open_a_ledger_whose_numbers_are_read_elsewhere() -> None:
    shop = {**MEMORY, "location": "main"}
    found = _problems({"house": _house(), "shop": shop}, opening="shop")
    assert "read from 'house'" in found["store.opening"]
    assert _config({"house": _house(), "shop": shop}, opening="house").store.opening == "house"
    assert _config({"house": _house(), "shop": {**shop, "location": "annex"}}, opening="shop").store.opening == "shop"


def test_a_lag_is_for_authorities() -> None:
    found = _problems({"shop": {**MEMORY, "location": "main", "authority_lag_minutes": 5.0}})
    assert "own on hand" in found["channels.shop.authority_lag_minutes"]
