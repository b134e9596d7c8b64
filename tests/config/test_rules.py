"""Rules in the config: what may be said, what is refused, and what the ledger gets of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channelsync.config import Config, ConfigError, load
from channelsync.ledger.ruling import Rule
from channelsync.registry import Registry

STORE = (
    '[store]\nid = "acme"\ntime_zone = "Europe/Berlin"\n[channels.a]\nconnector = "memory"\nurl = "http://127.0.0.1:1"\ntoken = "a-token"\n'
)
IDS = {"a": 7}


def _load(folder: Path, text: str) -> Config:
    file = folder / "acme.toml"
    file.write_text(STORE + text)
    file.chmod(0o600)
    return load(file, Registry.installed(), environ={})


def _rules(folder: Path, text: str) -> list[Rule]:
    return _load(folder, text).shelf_rules(IDS)


def _problems(folder: Path, text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as raised:
        _load(folder, text)
    return {problem.key: problem.message for problem in raised.value.problems}


def test_nothing_said_is_no_rule(tmp_path: Path) -> None:
    assert _rules(tmp_path, "") == []


def test_every_level_knows_where_it_stands(tmp_path: Path) -> None:
    text = """
    [channels.a.rules]
    share = "40%"
    [channels.a.rules.sku."X 1"]
    max = 5
    [channels.a.rules.listing."42"]
    skip = true
    [rules]
    safety_stock = 2
    [rules.sku."X 1"]
    safety_stock = "12.5%"
    min = 3
    plenty = 9
    """
    assert _rules(tmp_path, text) == [
        Rule("rules", safety_stock=2),
        Rule("rules.sku X 1", sku="X 1", safety_share=1250, show_min=3, plenty=9),
        Rule("channels.a.rules", channel_id=7, share=4000),
        Rule("channels.a.rules.sku X 1", channel_id=7, sku="X 1", show_max=5),
        Rule("channels.a.rules.listing 42", channel_id=7, listing="42", skip=True),
    ]
    assert [rule.level for rule in _rules(tmp_path, text)] == [0, 2, 1, 3, 4]


def test_a_window_is_in_the_stores_time_unless_it_says_another(tmp_path: Path) -> None:
    text = """
    [[rules.windows]]
    from = 2026-11-27T00:00:00
    until = 2026-11-30T12:00:00Z
    channels = ["a"]
    skus = ["X", "Y"]
    safety_stock = 10
    """
    about: dict[str, Any] = {"opens": datetime(2026, 11, 26, 23, tzinfo=UTC), "closes": datetime(2026, 11, 30, 12, tzinfo=UTC)}
    source = "rules.windows[0] until 2026-11-30T13:00+01:00"
    assert _rules(tmp_path, text) == [Rule(source, 7, sku, **about, safety_stock=10) for sku in ("X", "Y")]


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ('[rules]\nshare = "140%"\n', "rules.share", "from 0 to 100"),
        ('[rules]\nshare = "1.234%"\n', "rules.share", "from 0 to 100"),
        ("[rules]\nshare = 40\n", "rules.share", "text in quotes"),
        ('[rules]\nsafety_stock = "5"\n', "rules.safety_stock", "remove the quotes"),
        ("[rules]\nsafety_stock = -1\n", "rules.safety_stock", "whole number of units"),
        ("[rules]\nsafety_stock = true\n", "rules.safety_stock", "whole number of units"),
        ("[rules]\nsaftey_stock = 1\n", "rules.saftey_stock", "unknown key; did you mean 'safety_stock'?"),
        ('[rules.sku."X"]\nsaftey_stock = 1\n', "rules.sku.X.saftey_stock", "unknown key"),
        ('[channels.a.rules.listing."1"]\nmax = -1\n', "channels.a.rules.listing.1.max", "greater than or equal to 0"),
        ("[[rules.windows]]\nfrom = 2026-01-02T00:00:00\nuntil = 2026-01-01T00:00:00\nmax = 1\n", "rules.windows[0].until", "not after"),
        ("[[rules.windows]]\nfrom = 2026-01-01T00:00:00\nuntil = 2026-01-02T00:00:00\n", "rules.windows[0]", "says nothing"),
        (
            '[[rules.windows]]\nfrom = 2026-01-01T00:00:00\nuntil = 2026-01-02T00:00:00\nmax = 1\nchannels = ["b"]\n',
            "rules.windows[0].channels",
            "no such channel 'b'; known: a",
        ),
    ],
)
def test_what_cannot_be_is_told_by_key(tmp_path: Path, text: str, key: str, says: str) -> None:
    problems = _problems(tmp_path, text)
    assert list(problems) == [key]
    assert says in problems[key]


def test_a_window_that_names_too_much_is_refused(tmp_path: Path) -> None:
    many = ", ".join(f'"S{number}"' for number in range(25_001))
    window = f"[[rules.windows]]\nfrom = 2026-01-01T00:00:00\nuntil = 2026-01-02T00:00:00\nmax = 1\nskus = [{many}]\n"
    assert "50002 rules" in _problems(tmp_path, window + window)["rules.windows"]
