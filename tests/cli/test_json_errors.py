"""A command that is asked for JSON answers with one document on standard output, also when it says no; people read the same on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from channelsync.cli.app import app
from channelsync.config import load
from channelsync.errors import Misunderstood, NotReached, RateLimited, code_of
from channelsync.registry import Registry
from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops, up

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

REFUSED = (
    (("stock", "show", "NONE"), 1, "unknown_sku", "the ledger has no SKU 'NONE'"),
    (("po", "show", "99"), 1, "unknown_document", "there is no purchase order 99"),
    (("orders", "--channel", "nope"), 1, "unknown_channel", "there is no channel 'nope'"),
    (("stock", "adjust", "SKU-1", "-99", "--reason", "lost"), 1, "insufficient_stock", "99 wanted, 10 on hand"),
    (("stock", "show", "SKU-1", "--at", "soon"), 1, "malformed", "soon"),
    (("po", "list", "--state", "lost"), 2, "malformed", "one of "),
    (("stock", "receive", "SKU-1", "0"), 2, "malformed", "greater than or equal to 1"),
    (("resume", "--accept"), 2, "malformed", "name the channel whose changes you accept"),
    (("stock", "show"), 2, "malformed", "Missing argument"),
    (("stock", "sow", "SKU-1"), 2, "malformed", "sow"),
)


@pytest.fixture(params=["alone", "daemon"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """SKU-1 at 10; with a daemon and without one."""
    with in_background(two_shops(tmp_path)) as made:
        said("apply", "--yes", scene=made)
        if request.param == "alone":
            yield made
        else:
            with in_background(up(made)):
                yield made


def test_a_no_is_a_document(scene: Scene) -> None:
    for asked, status, code, part in REFUSED:
        result = call(*asked, "--json", scene=scene)
        assert result.exit_code == status, (asked, result.output)
        told = json.loads(result.stdout)["error"]
        assert (told["code"], sorted(told)) == (code, ["code", "detail"]), asked
        assert part in told["detail"], asked
        assert " ".join(result.stderr.split()), "people read it, too"
        plain = call(*asked, scene=scene)
        assert (plain.exit_code, plain.stdout) == (status, ""), asked


def test_a_question_that_nobody_answers_is_a_document(tmp_path: Path) -> None:
    """The plan stood before it, and was no JSON."""
    with in_background(two_shops(tmp_path)) as made:
        result = call("apply", "--json", scene=made)
        assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "aborted")
        assert "Apply this plan?" in result.stderr
        assert made.shops["east"].shows("SKU-1") == 10


def test_a_config_with_problems_and_no_ledger_are_documents(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[store]\nid = "acme"\ncolour = "red"\n')
    result = CliRunner().invoke(app, ["stock", "list", "--json", "-c", str(file)])
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (3, "misconfigured")
    with in_background(two_shops(tmp_path)) as made:
        assert json.loads(call("status", "--json", scene=made).stdout)["error"]["code"] == "no_store"
        assert load(made.file, Registry.installed()).store.id


def test_what_connectors_call_a_code_is_no_code_of_ours() -> None:
    class Theirs(Misunderstood):
        code = 1049

    codes = [code_of(error) for error in (Theirs("x"), NotReached("x"), RateLimited("x", retry_after=1))]
    assert codes == ["failed", "shop_away", "shop_away"]
