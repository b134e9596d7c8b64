"""The guard and the panic switch through the whole engine, and a way to break each of them that its scenario finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from push import scenarios_guarded as scenarios
from support import planted
from support.guard_flaws import FLAWS
from support.pushing import ADOPT

Play = Callable[..., None]

OPENINGS: dict[str, dict[str, Any]] = {"reads_empty": {"on_edit": ADOPT, "lag": 5.0}, "panic": {"writes_per_call": 5}}


def _run(play: Play, name: str) -> None:
    play(getattr(scenarios, name), **OPENINGS.get(name, {}))


@pytest.mark.parametrize("name", FLAWS)
def test_the_sound_guard_holds(play: Play, name: str) -> None:
    _run(play, name)


@pytest.mark.parametrize("name", FLAWS)
def test_a_broken_one_is_found(
    play: Play, name: str, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    record_property(planted.NOTE, planted.of_patch(FLAWS[name], f"guard scenario {name}"))
    FLAWS[name](monkeypatch)
    with pytest.raises(AssertionError):
        _run(play, name)
