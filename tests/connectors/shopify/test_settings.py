"""Which settings are accepted, and what a wrong one is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from channelsync_shopify.settings import ShopifySettings

GOOD: dict[str, Any] = {"shop": "example.myshopify.com", "access_token": "shpat_1"}


def made(**changes: Any) -> ShopifySettings:
    return ShopifySettings.model_validate({name: value for name, value in {**GOOD, **changes}.items() if value is not None})


def test_defaults() -> None:
    settings = made()
    assert settings.base == "https://example.myshopify.com"
    assert (settings.api_version, settings.overlap_seconds, settings.visibility_lag_seconds) == ("2026-07", 600, 60)
    assert settings.signing_secrets == ()


def test_the_client_secret_signs_webhooks_unless_others_are_given() -> None:
    both = {"access_token": None, "client_id": "id", "client_secret": "s"}
    assert [secret.get_secret_value() for secret in made(**both).signing_secrets] == ["s"]
    assert [secret.get_secret_value() for secret in made(**both, webhook_secrets=["a", "b"]).signing_secrets] == ["a", "b"]
    assert [secret.get_secret_value() for secret in made(client_secret="s").signing_secrets] == ["s"]


def test_secrets_do_not_show() -> None:
    assert "shpat_1" not in repr(made(webhook_secrets=["signing"]))
    assert "signing" not in repr(made(webhook_secrets=["signing"]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"access_token": None}, "give access_token, or client_id and client_secret"),
        ({"access_token": None, "client_id": "id"}, "give access_token, or client_id and client_secret"),
        ({"client_id": "id", "client_secret": "s"}, "not both"),
        ({"shop": "https://example.myshopify.com"}, "without https://"),
        ({"shop": "example.com"}, "example.myshopify.com"),
        ({"url": "example.com"}, "must start with https://"),
        ({"shop_location": "82014863546"}, "pattern"),
        ({"api_version": "latest"}, "pattern"),
        ({"overlap_seconds": 30}, "must not be below visibility_lag_seconds"),
        ({"colour": "blue"}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        made(**changes)
