"""`config.example.toml` is the manual of the config: it must load, name every key, and tell the true defaults."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from channelsync.config import Config, load
from channelsync.config.alerts import RouteConfig, TargetConfig, WebhookConfig
from channelsync.config.load import Connectors
from channelsync.config.models import ChannelKeys, GuardConfig, ListenConfig, Listener, LocationConfig, OnEdit, Sections
from channelsync.config.rules import Part
from channelsync.contract.verbs import ConnectorType
from channelsync.registry import Registry

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
OPTIONAL = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)
CREDENTIALS = {"webshop-key": "ck_1", "webshop-secret": "cs_1", "webshop-webhook": "any text", "shopify-client-secret": "shpss_1"} | {
    "telegram": "tgram://123456789:abcdefghijk/1/",
    "erp-url": "https://erp.test/in",
    "erp-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}


class Woo(BaseModel):
    url: str
    consumer_key: SecretStr
    consumer_secret: SecretStr
    webhook_secrets: tuple[SecretStr, ...] = ()


class Shopify(BaseModel):
    shop: str
    client_id: str
    client_secret: SecretStr


class Kind:
    def __init__(self, name: str, settings: type[BaseModel]) -> None:
        self.name, self.settings = name, settings

    def connect(self, settings: Any, context: Any) -> Any:
        raise NotImplementedError


class Known:
    def connector(self, name: str) -> ConnectorType:
        models: dict[str, type[BaseModel]] = {"woocommerce": Woo, "shopify": Shopify}
        return Kind(name, models[name])


def _load(folder: Path, text: str, registry: Connectors) -> Config:
    for name, value in CREDENTIALS.items():
        (folder / name).write_text(value)
    file = folder / "acme.toml"
    file.write_text(text)
    return load(file, registry, environ={"CREDENTIALS_DIRECTORY": str(folder)})


def _complete() -> str:
    return OPTIONAL.sub("", EXAMPLE.read_text())


def test_it_loads_as_it_is_and_with_everything_switched_on(tmp_path: Path) -> None:
    for text in (EXAMPLE.read_text(), _complete()):
        assert set(_load(tmp_path, text, Known()).channels) == {"webshop", "shopify"}


def test_it_loads_with_the_installed_connectors(tmp_path: Path) -> None:
    config = _load(tmp_path, EXAMPLE.read_text(), Registry.installed())
    assert [channel.connector for channel in config.channels.values()] == ["woocommerce", "shopify"]


@pytest.mark.parametrize(
    "model",
    [
        *(
            Sections.model_fields[name].annotation
            for name in ("store", "api", "rules", "reservations", "availability", "retention", "alerts")
        ),
        ListenConfig,
        LocationConfig,
        ChannelKeys,
    ],
)
def test_it_names_every_key(model: type[Part]) -> None:
    text = EXAMPLE.read_text()
    missing = [key for key in model.model_fields if not re.search(rf"^#?{key} = ", text, re.MULTILINE)]
    assert missing == []


@pytest.mark.parametrize("model", [Listener, OnEdit, GuardConfig, RouteConfig, TargetConfig, WebhookConfig])
def test_it_names_every_key_of_the_small_tables(model: type[Part]) -> None:
    assert all(re.search(rf"[{{,] {key} = ", EXAMPLE.read_text()) for key in model.model_fields)


def test_the_defaults_it_shows_are_the_true_ones(tmp_path: Path) -> None:
    bare = _load(tmp_path, EXAMPLE.read_text(), Known())
    full = _load(tmp_path, _complete(), Known())
    assert (bare.api, bare.reservations, bare.availability) == (full.api, full.reservations, full.availability)
    assert bare.retention == full.retention
    said = full.rules
    assert (said.safety_stock, said.share, said.min, said.skip) == (0, "100%", 0, False), "as if nothing were said"
    assert (bare.listen.public, bare.listen.private, bare.store.database) == (full.listen.public, full.listen.private, full.store.database)
    shown = ("low_stock", "margin_share", "margin_least", "down_minutes", "unsent_minutes")
    assert [getattr(bare.alerts, key) for key in shown] == [getattr(full.alerts, key) for key in shown]
    assert full.alerts.routes[0].max_per_hour == RouteConfig(to=("phone",)).max_per_hour
    assert (bare.store.time_zone, bare.store.currency) == (full.store.time_zone, full.store.currency)
    same = set(ChannelKeys.model_fields) - {"rules"}
    assert {key: getattr(bare.channels["webshop"], key) for key in same} == {key: getattr(full.channels["webshop"], key) for key in same}


def test_the_switched_off_lines_are_really_off() -> None:
    assert "mode" not in tomllib.loads(EXAMPLE.read_text())["channels"]["webshop"]


def test_the_stores_of_the_page_about_scaling_can_be_loaded(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        file.chmod(0o600)
        assert load(file, Registry.installed(), environ={}).store.database.startswith("postgresql://acme@")
