"""`backorder_switch`: what it may say, and where it may not stand."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from channelsync.config import Config, ConfigError, parse
from channelsync.registry import Registry
from channelsync.shell.assemble import assembled
from channelsync.testing.virtual_clock import VirtualClock

MEMORY = {"connector": "memory", "url": "http://shop.test", "token": "zzz-0"}
BIGCOMMERCE = {"connector": "bigcommerce", "store_hash": "abc", "access_token": "zzz-1"}


def _config(file: Path = Path("acme.toml"), **keys: Any) -> Config:
    return parse({"store": {"id": "acme"}, "channels": {"shop": {**MEMORY, **keys}}}, Registry.installed(), file=file, environ={})


def _problems(**keys: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as raised:
        _config(**keys)
    return {problem.key: problem.message for problem in raised.value.problems}


def test_nothing_is_turned_unless_somebody_asks_for_it() -> None:
    assert _config().channels["shop"].backorder_switch == "read"
    assert _config(backorder_switch="write").channels["shop"].backorder_switch == "write"


def test_another_word_is_refused() -> None:
    assert "read" in _problems(backorder_switch="on")["channels.shop.backorder_switch"]


def test_a_system_that_owns_on_hand_sells_nothing() -> None:
    said = _problems(role="authority", locations={"store": "main"}, backorder_switch="write")
    assert list(said) == ["channels.shop.backorder_switch"]


@pytest.mark.parametrize(("table", "refused"), [(MEMORY, False), (BIGCOMMERCE, True)])
def test_a_connector_that_cannot_turn_it_is_named_at_the_start(tmp_path: Path, table: dict[str, Any], refused: bool) -> None:
    tables = {"store": {"id": "acme"}, "channels": {"shop": {**table, "backorder_switch": "write"}}}
    config = parse(tables, Registry.installed(), file=tmp_path / "acme.toml", environ={})
    clock = VirtualClock()

    async def main() -> list[bool]:
        async with assembled(config, Registry.installed(), clock=clock, source=random.Random(1), inline=True) as assembly:
            return [channel.settings.turns_switches for channel in assembly.store.channels.values()]

    if not refused:
        assert clock.run(main()) == [True]
        return
    with pytest.raises(ConfigError) as raised:
        clock.run(main())
    [problem] = raised.value.problems
    assert problem.key == "channels.shop.backorder_switch"
    assert "'bigcommerce' cannot turn" in problem.message
