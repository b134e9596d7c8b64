"""The `[channels.<name>]` table of a BigCommerce store."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Secret = Annotated[SecretStr, Field(min_length=1)]
PLACED = frozenset({1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14})


class Settings(BaseModel):
    """store_hash, access_token, client_secret: of a store-level API account; client_secret is needed to check webhook signatures.

    webhook_secrets: ours. The first is put into the headers of the hooks that we create and repair; every delivery must bring one of them.
    old_client_secrets: of API accounts that were replaced, while hooks of theirs may still deliver. require_signature: refuse deliveries
    without Standard Webhooks headers too. default_location: where the storefront sells from.
    overlap_seconds: how far each poll reaches back; visibility_lag_seconds: how late an order may appear in lists.
    write_visible_seconds: when an accepted adjustment shows; write_drains_seconds: it takes effect by then or never.
    placed_statuses: the statuses in which the store has taken the units, if it does so when an order is placed.
    partial_shipment_lowers: if it does so on shipping, whether partly shipped orders count. rejects_whole_batch: a 422 applies nothing.
    bundle_parents_counted: the product that bundled lines belong to has stock of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    store_hash: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,40}$")]
    access_token: Secret
    client_secret: Secret | None = None
    old_client_secrets: Annotated[tuple[Secret, ...], Field(max_length=10)] = ()
    webhook_secrets: Annotated[tuple[Annotated[SecretStr, Field(min_length=8)], ...], Field(max_length=10)] = ()
    require_signature: bool = False
    api_url: str = "https://api.bigcommerce.com"
    allow_http: bool = False
    default_location: Annotated[str, Field(pattern=r"^[1-9]\d{0,9}$")] = "1"
    overlap_seconds: Annotated[float, Field(ge=2, le=86_400)] = 300
    visibility_lag_seconds: Annotated[float, Field(ge=0, le=3_600)] = 60
    write_visible_seconds: Annotated[float, Field(gt=0, le=3_600)] = 30
    write_drains_seconds: Annotated[float, Field(gt=0, le=3_600)] = 180
    placed_statuses: frozenset[Annotated[int, Field(ge=0, le=14)]] = PLACED
    partial_shipment_lowers: bool = False
    bundle_parents_counted: bool = False
    rejects_whole_batch: bool = False
    batch_size: Annotated[int, Field(ge=1, le=2000)] = 250

    @field_validator("api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("must be the plain address of the API, such as https://api.bigcommerce.com")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.api_url.startswith("http://") and not self.allow_http:
            raise ValueError("api_url must be https: the access token travels with every request (allow_http = true for a test store)")
        if self.overlap_seconds < self.visibility_lag_seconds:
            raise ValueError("overlap_seconds must not be less than visibility_lag_seconds, or late orders are never seen")
        if self.write_drains_seconds < self.write_visible_seconds:
            raise ValueError("write_drains_seconds must not be less than write_visible_seconds")
        if self.old_client_secrets and self.client_secret is None:
            raise ValueError("old_client_secrets stand beside the present client_secret: set that too")
        if self.require_signature and self.client_secret is None:
            raise ValueError("require_signature needs client_secret: signatures are made with it")
        return self

    @property
    def client_secrets(self) -> tuple[str, ...]:
        """All that deliveries may be signed with, the present one first."""
        present = (self.client_secret,) if self.client_secret else ()
        return tuple(secret.get_secret_value() for secret in (*present, *self.old_client_secrets))

    @property
    def header_secrets(self) -> tuple[str, ...]:
        return tuple(secret.get_secret_value() for secret in self.webhook_secrets)
