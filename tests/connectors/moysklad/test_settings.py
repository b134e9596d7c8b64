"""Settings that cannot work are refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from channelsync_moysklad import Settings

STORE = "12345678-b123-aaee-0a80-012b0001bb10"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({}, "token"),
        ({"login": "a@b"}, "login and password"),
        ({"token": "t", "login": "a@b", "password": "p"}, "either token"),
        ({"token": "t", "stores": ["Основной склад"]}, "stores"),
        ({"token": "t", "stores": [STORE, STORE]}, "twice"),
        ({"token": "t", "api_url": "http://api.moysklad.ru"}, "https"),
        ({"token": "t", "api_url": "moysklad"}, "address"),
        ({"token": "t", "webhook_secrets": ["short"]}, "16"),
        ({"token": "t", "webhook_secrets": ["a/b/c/d/e/f/g/h/i"]}, "letters"),
        ({"token": "t", "corrections": "enter_loss"}, "organization"),
        ({"token": "t", "overlap_minutes": 1, "visibility_lag_seconds": 120}, "overlap"),
        ({"token": "t", "surprise": 1}, "surprise"),
    ],
)
def test_what_cannot_work_is_refused(table: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings.model_validate(table)


def test_secrets_do_not_show() -> None:
    settings = Settings.model_validate({"token": "t0p", "webhook_secrets": ["0123456789abcdef"]})
    assert "t0p" not in repr(settings)
    assert "0123456789abcdef" not in repr(settings)


def test_a_user_weighs_what_it_will_weigh() -> None:
    assert Settings.model_validate({"token": "t"}).weight == 4
    assert Settings.model_validate({"token": "t", "credential": "solution"}).weight == 1
