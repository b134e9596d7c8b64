"""`doctor` against healthy shops and a store that somebody has broken in many ways: each fault is found, named and has a remedy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from channelsync.cli.app import app
from channelsync.contract import Severity
from channelsync.ledger.database import open_database
from channelsync.shell import doctor_host
from channelsync.shell.doctor import judge_clock
from channelsync.shell.doctor_host import filesystem, judge_url
from support.store import Scene, in_background, shops_and_daemon, two_shops, until

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def look(scene: Scene, *more: str) -> tuple[int, dict[tuple[str | None, str], dict[str, Any]]]:
    """The exit code, and the findings by channel and code."""
    result = CliRunner().invoke(app, ["doctor", *more, "--json", "-c", str(scene.file)])
    assert result.exit_code in (0, 1), result.output
    found = json.loads(result.stdout)
    assert all(each["remedy"] for each in found if each["severity"] != "note")
    return result.exit_code, {(each["channel"], each["code"]): each for each in found}


def change(scene: Scene, *pairs: tuple[str, str]) -> None:
    words = scene.file.read_text()
    for old, new in pairs:
        assert old in words
        words = words.replace(old, new)
    scene.file.write_text(words)


def write(scene: Scene, *statements: str) -> None:
    database = open_database(scene.config.store.database)
    with database.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))
    database.dispose()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    with in_background(two_shops(tmp_path)) as scene:
        yield scene


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Scene]:
    with in_background(shops_and_daemon(tmp_path)) as scene:
        yield scene


def test_a_healthy_store_beside_its_daemon(running: Scene) -> None:
    change(running, (f'public_url = "{running.config.listen.public_url}"', 'public_url = "https://sync.example.com"'))

    async def registered() -> bool:
        return all(len(shop.hooks.hooks) == 3 for shop in running.shops.values())  # type: ignore[attr-defined]

    asyncio.run(until(registered))
    code, found = look(running)
    ours = {key for key, each in found.items() if each["severity"] != "note" and key[1] not in ("config-warning", "webhooks-missing")}
    assert (code, ours) == (0, set()), found
    shown = CliRunner().invoke(app, ["doctor", "-c", str(running.file)])
    assert shown.exit_code == 0
    assert "This store" in shown.output


def test_everything_that_is_wrong_is_found_at_once(alone: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert look(alone)[1][None, "no-ledger"]["severity"] == "warning"
    applied = CliRunner().invoke(app, ["apply", "--yes", "--json", "-c", str(alone.file)])
    assert applied.exit_code == 0, applied.output
    long_ago = int((datetime.now(UTC) - timedelta(hours=3)).timestamp() * 1e6)
    recently = int(datetime.now(UTC).timestamp() * 1e6)
    write(
        alone,
        "UPDATE channels SET paused_at = 1, paused_reason = 'needs new credentials', paused_kind = 'credentials' WHERE name = 'west'",
        f"UPDATE channels SET opened_at = {long_ago} WHERE name = 'east'",
        "UPDATE listings SET sku_id = NULL WHERE sku_text = 'SKU-3'",
        "UPDATE shelves SET gap = 2, asked_at = 1 WHERE id = 1",
        "UPDATE shelves SET due = true, target = 3 WHERE id = 2",
        f"UPDATE attempts SET created_at = {long_ago}",
        f"INSERT INTO inbox (channel_id, key, headers, body, received_at) VALUES (1, 'k', '{{}}', x'7b7d', {long_ago})",
        f"INSERT INTO set_aside (channel_id, kind, ref, reason, created_at, updated_at) VALUES (1, 'order', 'o1', 'garbage', {long_ago}, 1)",
        f"INSERT INTO rejections (channel, reason, count, last_at) VALUES ('east', 'the signature does not fit the body', 7, {recently})",
        "INSERT INTO channel_locations (channel_id, ref, name) VALUES (1, 'loc-9', 'Cellar')",
    )
    alone.shops["west"].token = "changed"  # type: ignore[attr-defined]
    secret = tmp_path / "token"
    secret.write_text("token-of-east")
    secret.chmod(0o644)
    change(alone, ('token = "token-of-east"', 'token = { file = "token" }'))
    Path(str(alone.config.store.database).removeprefix("sqlite:///")).chmod(0o644)
    monkeypatch.setattr(doctor_host, "DISK_LOW", 1 << 62)
    monkeypatch.setattr(doctor_host, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text("server:/export / nfs4 rw 0 0\n")
    code, found = look(alone)
    assert code == 1
    expected = {
        (None, "daemon-down"): "warning",
        (None, "public-url-insecure"): "error",
        (None, "public-url-private"): "error",
        (None, "secret-readable"): "error",
        (None, "config-warning"): "warning",
        (None, "database-readable"): "warning",
        (None, "database-on-network"): "error",
        (None, "disk-full"): "warning",
        ("west", "paused-credentials"): "error",
        ("west", "token-refused"): "error",
        ("east", "listings-unlinked"): "warning",
        ("east", "drift-asked"): "warning",
        ("east", "inbox-old"): "error",
        ("east", "set-aside"): "warning",
        ("east", "webhooks-rejected"): "error",
        ("east", "webhooks-missing"): "warning",
        ("east", "location-unmapped"): "warning",
    }
    assert {key: each["severity"] for key, each in found.items() if key in expected} == expected
    assert ("west", "refused-us") not in found, "the connector has said it better"
    assert "loc-9" in found["east", "location-unmapped"]["remedy"]
    assert found[None, "secret-readable"]["remedy"] == f"chmod 600 {secret}"
    only_east = look(alone, "east")[1]
    assert {channel for channel, _ in only_east} == {"east"}


def test_a_database_of_another_program_is_named(alone: Scene) -> None:
    assert CliRunner().invoke(app, ["plan", "-c", str(alone.file)]).exit_code == 0
    write(alone, "UPDATE channelsync_revision SET version_num = '9999'")
    code, found = look(alone)
    assert code == 1
    assert found[None, "schema-newer"]["severity"] == "error"


def test_another_shop_behind_a_channel_is_named(alone: Scene) -> None:
    assert CliRunner().invoke(app, ["plan", "-c", str(alone.file)]).exit_code == 0
    urls = [alone.config.channels[name].settings.url for name in ("east", "west")]  # type: ignore[attr-defined]
    change(alone, (urls[1], urls[0]), ("token-of-west", "token-of-east"))
    assert look(alone)[1]["west", "other-shop"]["severity"] == "error"


def test_a_shop_that_is_down_is_named_and_the_others_are_looked_at(alone: Scene) -> None:
    change(alone, (alone.config.channels["west"].settings.url, "http://127.0.0.1:9"))  # type: ignore[attr-defined]
    code, found = look(alone)
    assert code == 1
    assert found["west", "no-answer"]["severity"] == "error"
    assert ("east", "no-answer") not in found


def test_a_channel_that_does_not_exist(alone: Scene) -> None:
    result = CliRunner().invoke(app, ["doctor", "north", "-c", str(alone.file)])
    assert result.exit_code == 1
    assert "known: east, west" in result.stderr


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://sync.example.com", []),
        ("https://sync.example.com:443", []),
        ("https://sync.example.com:8443", ["public-url-port"]),
        ("http://sync.example.com", ["public-url-insecure"]),
        ("https://10.0.0.7", ["public-url-private"]),
        ("https://nas", ["public-url-private"]),
        ("https://box.lan:8443", ["public-url-port", "public-url-private"]),
    ],
)
def test_addresses_that_shops_cannot_call(url: str, codes: list[str]) -> None:
    assert [each.code for each in judge_url(url)] == codes


def test_the_filesystem_is_that_of_the_longest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\nserver:/x /shelf/my\\040data nfs4 rw 0 0\ntmpfs /shelf tmpfs rw 0 0\n")
    assert filesystem(Path("/shelf/my data/acme.db"), mounts) == "nfs4"
    assert filesystem(Path("/shelf/acme.db"), mounts) == "tmpfs"
    assert filesystem(Path("/var/acme.db"), mounts) == "ext4"
    assert filesystem(Path("/var/acme.db"), tmp_path / "none") == ""


@pytest.mark.parametrize(("seconds", "severity"), [(0, None), (29, None), (-31, Severity.WARNING), (400, Severity.ERROR)])
def test_clocks_that_differ(seconds: int, severity: Severity | None) -> None:
    assert [each.severity for each in judge_clock(timedelta(seconds=seconds))] == ([severity] if severity else [])
    assert judge_clock(None) == []


def test_people_see_which_key_of_the_file_is_meant(alone: Scene) -> None:
    """It said five times "a secret in the file", and not which."""
    told = CliRunner().invoke(app, ["doctor", "-c", str(alone.file)]).output
    assert "channels.east." in told
    assert "channels.west." in told
