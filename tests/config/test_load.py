from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, field_validator

from channelsync.config import Config, ConfigError, load, parse
from channelsync.contract.verbs import ConnectorType
from channelsync.errors import ChannelsyncError


class Style(StrEnum):
    BASIC = "basic"
    QUERY = "query"


class Nested(BaseModel):
    token: SecretStr = SecretStr("a default is no inline secret")


class Settings(BaseModel):
    url: str
    secret: SecretStr | None = None
    more: tuple[SecretStr, ...] = ()
    style: Style = Style.BASIC
    batch: int = 10
    nested: Nested = Nested()

    @field_validator("url")
    @classmethod
    def _https(cls, url: str) -> str:
        if not url.startswith("https://"):
            raise ValueError(f"{url!r} must begin with https://")
        return url


class Kind:
    def __init__(self, name: str, settings: type[BaseModel]) -> None:
        self.name, self.settings = name, settings

    def connect(self, settings: Any, context: Any) -> Any:
        raise NotImplementedError


class Registry:
    def __init__(self, *kinds: Kind) -> None:
        self.kinds = {kind.name: kind for kind in kinds}

    def connector(self, name: str) -> ConnectorType:
        if name not in self.kinds:
            raise ChannelsyncError(f"unknown connector {name!r}; known: {', '.join(self.kinds)}")
        return self.kinds[name]


REGISTRY = Registry(Kind("woo", Settings))
MINIMAL = """
[store]
id = "acme"
[channels.shop]
connector = "woo"
url = "https://shop.example"
"""


def _load(folder: Path, text: str, *, mode: int = 0o644, environ: dict[str, str] | None = None, name: str = "acme.toml") -> Config:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return load(file, REGISTRY, environ=environ or {})


def _problems(folder: Path, text: str, **more: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as error:
        _load(folder, text, **more)
    for problem in error.value.problems:
        assert str(problem) in str(error.value)
        assert problem.file == folder / "acme.toml"
    return {problem.key: problem.message for problem in error.value.problems}


def test_two_lines_per_part_are_enough(tmp_path: Path) -> None:
    config = _load(tmp_path, MINIMAL)
    shop = config.channels["shop"]
    assert isinstance(shop.settings, Settings)
    assert (shop.name, shop.settings.url, shop.mode, shop.poll_seconds, shop.sweep_seconds) == (
        "shop",
        "https://shop.example",
        "live",
        60,
        900,
    )
    assert (shop.on_edit.lower, shop.on_edit.higher, shop.webhooks, shop.timeout_seconds) == ("ask", "overwrite", True, 30)
    assert (config.listen.public.host, config.listen.public.port, config.listen.private.port) == ("127.0.0.1", 8080, 8081)
    assert (config.listen.public_url, config.store.opening, config.store.time_zone) == (None, None, "UTC")
    assert (config.reservations.ttl_minutes, config.retention.delivery_days, config.warnings) == (30, 14, ())
    assert {code: place.name for code, place in config.locations.items()} == {"main": "Main"}
    assert (shop.location, shop.locations) == ("main", {})


def test_both_listeners_are_apart_and_on_this_machine_alone_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    listen = _load(tmp_path, MINIMAL).listen
    assert (listen.public.host, listen.private.host) == ("127.0.0.1", "127.0.0.1")
    assert listen.public.port != listen.private.port


def test_nothing_in_it_can_be_changed(tmp_path: Path) -> None:
    config = _load(tmp_path, MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        config.rules.safety_stock = 3  # type: ignore[misc]


def test_all_problems_are_told_at_once_by_key(tmp_path: Path) -> None:
    text = """
    colour = "red"
    [store]
    id = "Acme GmbH"
    time_zone = "Europe/Atlantis"
    currency = "eur"
    database = "mysql://x/y"
    opening = "nowhere"
    [listen]
    public = { port = "8080" }
    public_url = "sync.example.com"
    [rules]
    safety_stock = "5"
    [locations.main]
    kind = "garage"
    [channels.shop]
    connector = "woo"
    mode = "test"
    pol_seconds = 5
    poll_seconds = 0
    location = "attic"
    url = "ftp://shop.example"
    batch = "9"
    [channels.other]
    connector = "wooo"
    on_edit = { lower = "guess" }
    [channels."Bad Name"]
    connector = "woo"
    """
    problems = _problems(tmp_path, text)
    assert problems.keys() == {
        "colour", "store.id", "store.time_zone", "store.currency", "listen.public.port", "listen.public_url", "rules.safety_stock",
        "locations.main.kind", "channels.shop.mode", "channels.shop.pol_seconds", "channels.shop.poll_seconds", "channels.shop.url",
        "channels.shop.batch", "channels.other.connector", "channels.other.on_edit.lower", "channels.Bad Name", "channels.Bad Name.url",
    }  # fmt: skip
    assert problems["channels.shop.pol_seconds"] == "unknown key; did you mean 'poll_seconds'?"
    assert problems["rules.safety_stock"].startswith("must be a whole number, not text; remove the quotes")
    assert problems["channels.shop.batch"] == "must be a whole number, not text; remove the quotes"
    assert problems["channels.shop.mode"] == "must be 'live' or 'shadow'"
    assert problems["channels.other.connector"] == "unknown connector 'wooo'; known: woo"
    assert problems["channels.Bad Name.url"] == "is missing; add it"


def test_references_between_parts_are_checked(tmp_path: Path) -> None:
    text = """
    [store]
    id = "acme"
    database = "mysql://x/y"
    opening = "nowhere"
    [listen]
    public = { port = 9000 }
    private = { port = 9000 }
    [locations.main]
    [locations.berlin]
    [channels.a]
    connector = "woo"
    url = "https://a.example"
    [channels.b]
    connector = "woo"
    url = "https://b.example"
    location = "attic"
    [channels.c]
    connector = "woo"
    url = "https://c.example"
    location = "main"
    locations = { "gid://1" = "cellar" }
    """
    problems = _problems(tmp_path, text)
    assert problems.keys() == {
        "store.database", "store.opening", "listen.private", "channels.a.location", "channels.b.location", "channels.c.location",
        "channels.c.locations.gid://1",
    }  # fmt: skip
    assert "known: main, berlin" in problems["channels.a.location"]
    assert "sqlite:///" in problems["store.database"]


def test_a_table_of_locations_maps_the_shops_own(tmp_path: Path) -> None:
    table = 'locations = { "1" = "main", file = ["berlin", "bonn"] }\n'
    text = MINIMAL + table + '[locations.main]\n[locations.berlin]\nname = "Mitte"\n[locations.bonn]\n'
    config = _load(tmp_path, text)
    shop = config.channels["shop"]
    assert shop.locations == {"1": ("main",), "file": ("berlin", "bonn")}
    assert config.locations["berlin"].name == "Mitte"
    assert config.locations["main"].name == "main"


def test_one_shop_never_shows_the_same_units_twice(tmp_path: Path) -> None:
    text = MINIMAL + 'locations = { "1" = "main", "2" = ["berlin", "main"] }\n[locations.main]\n[locations.berlin]\n'
    problems = _problems(tmp_path, text)
    assert problems == {"channels.shop.locations.2": "'main' feeds '1' of this channel already; the shop would show the same units twice"}


def test_lists_become_tuples_and_text_an_enum_in_a_connectors_settings(tmp_path: Path) -> None:
    settings = _load(tmp_path, MINIMAL + 'style = "query"\nmore = ["a", "b"]\n', mode=0o600).channels["shop"].settings
    assert isinstance(settings, Settings)
    assert settings.style is Style.QUERY
    assert [secret.get_secret_value() for secret in settings.more] == ["a", "b"]


def test_an_engine_key_hides_a_connectors_key_and_says_so(tmp_path: Path) -> None:
    class Hidden(BaseModel):
        url: str
        location: int = 7

    class Needed(BaseModel):
        url: str
        location: int

    file = tmp_path / "acme.toml"
    file.write_text(MINIMAL + 'location = "main"\n')
    config = load(file, Registry(Kind("woo", Hidden)), environ={})
    assert config.channels["shop"].location == "main"
    assert config.channels["shop"].settings == Hidden(url="https://shop.example", location=7)
    assert [warning.key for warning in config.warnings] == ["channels.shop.location"]
    with pytest.raises(ConfigError, match=r"channels\.shop\.location: is the engine's key here; .*connector 'woo'"):
        load(file, Registry(Kind("woo", Needed)), environ={})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[store\n", "not valid TOML.*line 1"),
        (b"[store]\nid = 'a'\nid = 'b'\n", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (1024 * 1024 + 1), "larger than"),
        (b"", "store: is missing"),
        (b"channels = 3\n[store]\nid = 'a'\n", "channels: must be tables"),
        (b"[store]\nid = 'a'\n[channels]\nshop = 3\n", r"channels\.shop: must be a table"),
    ],
)
def test_what_is_no_config_file_says_so(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "acme.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=why):
        load(file, REGISTRY, environ={})


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "true", "1979-05-27", "[5]", "99999999999999999999999999"])
def test_what_is_no_sensible_number_is_refused(tmp_path: Path, value: str) -> None:
    assert _problems(tmp_path, f"{MINIMAL}poll_seconds = {value}").keys() == {"channels.shop.poll_seconds"}


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read \(No such file"):
        load(tmp_path / "none.toml", REGISTRY, environ={})


def test_the_database_has_a_place_that_does_not_depend_on_the_working_directory(tmp_path: Path) -> None:
    state = {"STATE_DIRECTORY": "/var/lib/channelsync/acme:/other"}
    assert _load(tmp_path, MINIMAL).store.database == f"sqlite:///{tmp_path}/acme.db"
    assert _load(tmp_path, MINIMAL, environ=state).store.database == "sqlite:////var/lib/channelsync/acme/acme.db"
    named = MINIMAL.replace('id = "acme"', 'id = "acme"\ndatabase = "sqlite:///stock/x.db"')
    assert _load(tmp_path, named).store.database == f"sqlite:///{tmp_path}/stock/x.db"
    absolute = MINIMAL.replace('id = "acme"', 'id = "acme"\ndatabase = "sqlite:////data/x.db"')
    assert _load(tmp_path, absolute, environ=state).store.database == "sqlite:////data/x.db"
    memory = MINIMAL.replace('id = "acme"', 'id = "acme"\ndatabase = "sqlite://"')
    assert "memory" in _problems(tmp_path, memory)["store.database"]


def test_the_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme.toml").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert load("acme.toml", REGISTRY, environ={}).path == Path.cwd() / "acme.toml"


def test_tables_made_in_memory_are_judged_like_a_file(tmp_path: Path) -> None:
    shop: dict[str, Any] = {"connector": "woo", "url": "https://shop.example", "secret": "inline is fine: no file, no reader"}
    tables = {"store": {"id": "demo"}, "channels": {"shop": shop}}
    config = parse(tables, REGISTRY, file=tmp_path / "demo.toml", environ={})
    assert config.store.database == f"sqlite:///{tmp_path}/demo.db"
    assert config.secrets == {shop["secret"]}
    with pytest.raises(ConfigError, match=r"demo\.toml: channels\.shop\.batch"):
        parse({**tables, "channels": {"shop": {**shop, "batch": "9"}}}, REGISTRY, file=tmp_path / "demo.toml", environ={})
