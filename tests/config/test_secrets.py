from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, model_validator

from channelsync.config import Config, ConfigError, load
from channelsync.contract.verbs import ConnectorType

CANARY = "canary-7f3a"


class Account(BaseModel):
    token: SecretStr = SecretStr("default")


class Settings(BaseModel):
    secret: SecretStr | None = None
    more: tuple[SecretStr, ...] = ()
    account: Account = Account()
    comment: str = ""

    @model_validator(mode="after")
    def _loud(self) -> Settings:
        if self.comment == "fail" and self.secret:
            raise ValueError(f"the secret {self.secret.get_secret_value()} is wrong")
        return self


class Kind:
    name = "woo"
    settings: type[BaseModel] = Settings

    def connect(self, settings: Any, context: Any) -> Any:
        raise NotImplementedError


class Registry:
    def connector(self, name: str) -> ConnectorType:
        return Kind()


def _load(folder: Path, lines: str, *, mode: int = 0o644, environ: dict[str, str] | None = None, store: str = "") -> Config:
    file = folder / "acme.toml"
    file.write_text(f'[store]\nid = "acme"\n{store}\n[channels.shop]\nconnector = "woo"\n{lines}\n')
    file.chmod(mode)
    return load(file, Registry(), environ=environ or {})


def _error(folder: Path, lines: str, **more: Any) -> str:
    with pytest.raises(ConfigError) as error:
        _load(folder, lines, **more)
    return str(error.value)


def _settings(config: Config) -> Settings:
    settings = config.channels["shop"].settings
    assert isinstance(settings, Settings)
    return settings


def test_secrets_come_from_the_environment_files_and_credentials(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "woo").write_text("from a credential\n")
    (tmp_path / "secret.txt").write_text("from a file\n")
    lines = 'secret = { env = "WOO" }\nmore = [{ file = "secret.txt" }, { credential = "woo" }]\naccount = { token = { env = "WOO" } }'
    config = _load(tmp_path, lines, environ={"WOO": "from the environment", "CREDENTIALS_DIRECTORY": str(credentials)})
    settings = _settings(config)
    assert settings.secret is not None
    assert settings.secret.get_secret_value() == "from the environment"
    assert [secret.get_secret_value() for secret in settings.more] == ["from a file", "from a credential"]
    assert settings.account.token.get_secret_value() == "from the environment"
    assert config.secrets == {"from the environment", "from a file", "from a credential"}
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("reference", "environ", "why"),
    [
        ('{ env = "WOO" }', {}, "environment variable 'WOO' is not set"),
        ('{ env = "WOO" }', {"WOO": ""}, "environment variable 'WOO' is not set"),
        ('{ file = "none.txt" }', {}, r"none\.txt cannot be read \(No such file"),
        ('{ file = "empty.txt" }', {}, "is empty"),
        ('{ file = "binary" }', {}, "not UTF-8"),
        ('{ file = "large" }', {}, "too large"),
        ('{ credential = "woo" }', {}, "LoadCredential=woo:"),
        ('{ credential = "../woo" }', {"CREDENTIALS_DIRECTORY": "/run/x"}, "not a plain name"),
    ],
)
def test_a_reference_that_leads_nowhere_is_one_clear_problem(tmp_path: Path, reference: str, environ: dict[str, str], why: str) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    with pytest.raises(ConfigError, match=rf"channels\.shop\.more\[0\]: .*{why}") as error:
        _load(tmp_path, f"more = [{reference}]", environ=environ)
    assert len(error.value.problems) == 1


def test_what_a_connector_says_of_a_whole_without_its_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        _load(tmp_path, 'secret = { env = "WOO" }\ncomment = "fail"')
    assert [problem.key for problem in error.value.problems] == ["channels.shop.secret"]


def test_a_secret_in_the_file_warns_where_only_the_owner_reads(tmp_path: Path) -> None:
    config = _load(tmp_path, f'secret = "{CANARY}"\nmore = ["{CANARY}-2"]\naccount = {{ token = "{CANARY}-3" }}', mode=0o600)
    assert {problem.key for problem in config.warnings} == {"channels.shop.secret", "channels.shop.more[0]", "channels.shop.account.token"}
    assert config.secrets == {CANARY, f"{CANARY}-2", f"{CANARY}-3"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_in_a_file_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    text = _error(tmp_path, f'secret = "{CANARY}"', mode=mode)
    assert "holds secrets (channels.shop.secret)" in text
    assert "chmod 600" in text
    assert CANARY not in text


def test_a_file_without_secrets_may_be_read_by_everyone(tmp_path: Path) -> None:
    assert _load(tmp_path, 'secret = { env = "WOO" }', mode=0o644, environ={"WOO": "x"}).warnings == ()


def test_systemd_guards_its_credentials_whatever_the_mode_says(tmp_path: Path) -> None:
    config = _load(tmp_path, f'secret = "{CANARY}"', mode=0o440, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert len(config.warnings) == 1


def test_a_database_password_is_a_secret(tmp_path: Path) -> None:
    url = f"postgresql://sync:{CANARY}@db/stock"
    config = _load(tmp_path, "", store='database = { env = "DB" }', environ={"DB": url})
    assert config.store.database == url
    assert {url, CANARY} <= config.secrets
    assert "store.database" in _error(tmp_path, "", store=f'database = "{url}"')
    inline = _load(tmp_path, "", store=f'database = "{url}"', mode=0o600)
    assert [warning.key for warning in inline.warnings] == ["store.database"]


def test_no_error_and_no_repr_tells_a_secret(tmp_path: Path) -> None:
    environ = {"WOO": CANARY, "DB": f"postgresql://sync:{CANARY}@db/stock"}
    config = _load(
        tmp_path, 'secret = { env = "WOO" }\naccount = { token = { env = "WOO" } }', store='database = { env = "DB" }', environ=environ
    )
    assert CANARY not in repr(config) + str(config)
    text = _error(tmp_path, 'secret = { env = "WOO" }\ncomment = "fail"', environ=environ)
    assert "the secret *** is wrong" in text
    assert CANARY not in _error(tmp_path, f"secret = {{ env = 'WOO' }}\nmore = '{CANARY}'", environ=environ)
    assert CANARY not in _error(tmp_path, "", store='database = { env = "WOO" }', environ=environ)


def test_a_reference_where_a_number_is_wanted_is_still_text(tmp_path: Path) -> None:
    assert "poll_seconds: must be a number, not text" in _error(tmp_path, 'poll_seconds = { env = "N" }', environ={"N": "5"})
