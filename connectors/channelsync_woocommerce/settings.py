"""The `[channels.<name>]` table of a WooCommerce shop."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Secret = Annotated[SecretStr, Field(min_length=1)]


def _slug(value: str) -> str:
    """As REST names a status: without the wc- that the database puts in front."""
    return value.strip().lower().removeprefix("wc-")


Statuses = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_slug)], ...], Field(max_length=50)]


class Settings(BaseModel):
    """url: the shop's address, without /wp-json. auth: "query" for hosts that drop the Authorization header (keys then stand in access logs).

    webhook_secrets: any of them verifies; the first one signs webhooks that we create. hold_stock_minutes: as set in the shop.
    stock_write: "delta" (a difference, undocumented but exact) or "absolute" for shops where `inventory_delta` has no effect.
    overlap_seconds: how far each poll reaches back; visibility_lag_seconds: how late an order may appear in lists.
    write_drains_seconds: an unanswered write takes effect by then or never (at least the host's own time-out).
    held_statuses, shipped_statuses, released_statuses: what order statuses mean here, those of plug-ins above all; a status that is named nowhere
    and that WooCommerce does not know holds its units. container_keys: meta data by which a line says that other lines are its parts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    consumer_key: Secret
    consumer_secret: Secret
    webhook_secrets: Annotated[list[Secret], Field(max_length=10)] = []
    auth: Literal["basic", "query"] = "basic"
    stock_write: Literal["delta", "absolute"] = "delta"
    allow_http: bool = False
    hold_stock_minutes: Annotated[int, Field(ge=0, le=525_600)] = 60
    overlap_seconds: Annotated[float, Field(ge=2, le=86_400)] = 120
    visibility_lag_seconds: Annotated[float, Field(ge=0, le=3_600)] = 60
    write_drains_seconds: Annotated[float, Field(gt=0, le=3_600)] = 60
    batch_size: Annotated[int, Field(ge=1, le=100)] = 50
    held_statuses: Statuses = ()
    shipped_statuses: Statuses = ()
    released_statuses: Statuses = ()
    container_keys: Annotated[tuple[str, ...], Field(max_length=20)] = ("_bundled_items", "_composite_children", "_mnm_config")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be the shop's address, such as https://shop.example")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("must be the plain address, without user name, query or fragment")
        if "/wp-json" in parts.path:
            raise ValueError("must end before /wp-json")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.url.startswith("http://") and not self.allow_http:
            raise ValueError("url must be https: WooCommerce refuses keys over plain HTTP (allow_http = true for a test shop)")
        if not self.consumer_key.get_secret_value().startswith("ck_"):
            raise ValueError("consumer_key must start with ck_")
        if not self.consumer_secret.get_secret_value().startswith("cs_"):
            raise ValueError("consumer_secret must start with cs_")
        named = [*self.held_statuses, *self.shipped_statuses, *self.released_statuses]
        if twice := sorted({status for status in named if named.count(status) > 1}):
            raise ValueError(
                f"a status means one thing: {', '.join(twice)} is in held_statuses, shipped_statuses or released_statuses twice"
            )
        if self.overlap_seconds < self.visibility_lag_seconds:
            raise ValueError("overlap_seconds must not be less than visibility_lag_seconds, or late orders are never seen")
        return self
