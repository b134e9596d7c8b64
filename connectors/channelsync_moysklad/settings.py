"""The `[channels.<name>]` table of a Moysklad account."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Secret = Annotated[SecretStr, Field(min_length=1)]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
WEIGHTS = {"solution": 1, "draft": 4, "user": 4}
"""Units per request by credential. A user's weight is 3 until 30 November 2026 and 4 from then on; the heavier one is safe on either side."""


class Settings(BaseModel):
    """token, or login and password, of an employee of its own, administrator without limits of what it sees.

    api_url: Kladana, the international twin, has its own. sku_field: where the SKU stands in a product. stores: the warehouses that count,
    by id, the first one first; they must be named where Moysklad owns the stock. organization, agent, sales_channel: ids for the orders we
    export. credential: what the token is ("solution" once published, "draft" before); it decides what a request costs. units_per_window:
    per 3 seconds. overlap_minutes: how far each reading reaches back. first_run_days: orders untouched for longer count as settled.
    cancelled_states: names or ids of order states that mean "will not ship", besides those that Moysklad itself calls unsuccessful.
    corrections: "enter_loss" lets us write stock as documents; see the README before. webhook_secrets: long random texts; the first is the last
    part of the address of our webhooks, since Moysklad signs nothing, and all of them are taken. webhook_prefix: our public address; our own writes are then not told to us.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Secret | None = None
    login: str | None = None
    password: Secret | None = None
    api_url: str = "https://api.moysklad.ru/api/remap/1.2"
    allow_http: bool = False
    sku_field: Literal["code", "article", "externalCode"] = "code"
    stores: Annotated[list[Uuid], Field(max_length=100)] = []
    organization: Uuid | None = None
    agent: Uuid | None = None
    sales_channel: Uuid | None = None
    credential: Literal["user", "solution", "draft"] = "user"
    units_per_window: Annotated[int, Field(ge=15, le=1000)] = 45
    overlap_minutes: Annotated[float, Field(ge=1, le=60)] = 5
    visibility_lag_seconds: Annotated[float, Field(ge=0, le=300)] = 60
    first_run_days: Annotated[int, Field(ge=1, le=3650)] = 365
    listings_per_page: Annotated[int, Field(ge=10, le=1000)] = 1000
    cancelled_states: Annotated[list[str], Field(max_length=50)] = []
    corrections: Literal["none", "enter_loss"] = "none"
    webhook_secrets: Annotated[tuple[Annotated[SecretStr, Field(min_length=16, max_length=128)], ...], Field(max_length=10)] = ()
    webhook_prefix: str | None = None

    @field_validator("api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError("must be the API's address, such as https://api.moysklad.ru/api/remap/1.2")
        return value.rstrip("/")

    @field_validator("webhook_secrets")
    @classmethod
    def _fit_an_address(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(re.fullmatch(r"[A-Za-z0-9_-]+", each.get_secret_value()) for each in value):
            raise ValueError("must consist of letters, digits, - and _: they are part of an address")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.token is None) == (self.login is None or self.password is None):
            raise ValueError("set either token, or login and password")
        if self.api_url.startswith("http://") and not self.allow_http:
            raise ValueError("api_url must be https (allow_http = true for a test account)")
        if len(set(self.stores)) != len(self.stores):
            raise ValueError("stores names a store twice")
        if self.overlap_minutes * 60 < self.visibility_lag_seconds:
            raise ValueError("overlap_minutes must not be less than visibility_lag_seconds, or late changes are never seen")
        if self.corrections == "enter_loss" and not self.organization:
            raise ValueError("organization is needed to write documents (its id)")
        return self

    @property
    def weight(self) -> int:
        return WEIGHTS[self.credential]
