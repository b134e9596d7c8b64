from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

import pytest

from channelsync.registry import GROUP, BrokenConnector, Registry, UnknownConnector

GOOD = """
from pydantic import BaseModel
class Settings(BaseModel): pass
class Kind:
    settings = Settings
    def __init__(self, name): self.name = name
    def connect(self, settings, context): raise NotImplementedError
good, other = Kind("good"), Kind("other")
not_one = object()
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions, empty at first."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]


def _install(site: Path, distribution: str, module: str, source: str, entries: dict[str, str]) -> None:
    (site / f"{module}.py").write_text(source)
    info = site / f"{distribution}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    lines = [f"{name} = {module}:{attribute}" for name, attribute in entries.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))


def _registry(site: Path) -> Registry:
    found: list[EntryPoint] = []
    dist: Distribution
    for dist in distributions(path=[str(site)]):
        found += dist.entry_points.select(group=GROUP)
    return Registry(found)


def test_a_connector_is_found_by_name(site: Path) -> None:
    _install(site, "acme-shop", "plug_acme", GOOD, {"good": "good"})
    registry = _registry(site)
    assert registry.names() == ("good",)
    assert registry.connector("good").name == "good"


def test_nothing_is_imported_before_it_is_asked_for(site: Path) -> None:
    _install(site, "acme-shop", "plug_lazy", GOOD, {"good": "good"})
    _registry(site).names()
    assert "plug_lazy" not in sys.modules


def test_an_unknown_connector_lists_the_known_ones(site: Path) -> None:
    _install(site, "acme-shop", "plug_acme", GOOD, {"good": "good", "other": "other"})
    with pytest.raises(UnknownConnector, match=r"'goood'; known: good, other; did you mean 'good'\?"):
        _registry(site).connector("goood")
    with pytest.raises(UnknownConnector, match="none is installed"):
        Registry([]).connector("good")


def test_a_connector_that_cannot_be_imported_names_its_distribution(site: Path) -> None:
    _install(site, "acme-shop", "plug_broken", "import plug_missing", {"good": "good"})
    with pytest.raises(BrokenConnector, match=r"'good' of acme-shop 1\.2 cannot be imported \(ModuleNotFoundError.*plug_missing"):
        _registry(site).connector("good")


def test_an_entry_point_to_something_else_is_refused(site: Path) -> None:
    _install(site, "acme-shop", "plug_acme", GOOD, {"good": "not_one", "kind": "Kind"})
    for name in ("good", "kind"):
        with pytest.raises(BrokenConnector, match=r"acme-shop 1\.2.*not a ConnectorType object"):
            _registry(site).connector(name)


def test_a_name_that_disagrees_with_the_entry_point_is_refused(site: Path) -> None:
    _install(site, "acme-shop", "plug_acme", GOOD, {"good": "other"})
    with pytest.raises(BrokenConnector, match="calls itself 'other'"):
        _registry(site).connector("good")


def test_two_distributions_cannot_offer_one_name(site: Path) -> None:
    _install(site, "acme-shop", "plug_acme", GOOD, {"good": "good"})
    _install(site, "zenith-shop", "plug_zenith", GOOD, {"good": "good"})
    with pytest.raises(BrokenConnector, match=r"acme-shop 1\.2 and zenith-shop 1\.2; uninstall"):
        _registry(site).connector("good")


def test_the_installed_connectors_are_seen() -> None:
    assert {"memory", "shopify", "woocommerce"} <= set(Registry.installed().names())
