"""The `[channels.<name>]` table of a Shopify shop."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

LocationGid = Annotated[str, StringConstraints(pattern=r"^gid://shopify/Location/\d+$")]


class ShopifySettings(BaseModel):
    """Credentials are either a lasting `access_token` or `client_id` + `client_secret` (client-credentials grant)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shop: Annotated[str, Field(description="the shop's domain, example.myshopify.com")]
    url: Annotated[str | None, Field(description="base URL, if it is not https://<shop>")] = None
    access_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    webhook_secrets: Annotated[tuple[SecretStr, ...], Field(description="signing secrets; during a rotation the old and the new one")] = ()
    api_version: Annotated[str, StringConstraints(pattern=r"^20\d\d-(01|04|07|10)$")] = "2026-07"
    shop_location: Annotated[
        LocationGid | None, Field(description="the only location that is ours, if the shop has others; all active ones if omitted")
    ] = None
    bulk_from: Annotated[int, Field(ge=1, description="so many variants or numbers are read by a bulk operation, fewer page by page")] = (
        1_000
    )
    destinations: Annotated[
        bool,
        Field(description="ask where orders go, for routing; the app must be allowed to see addresses (protected customer data, level 2)"),
    ] = False
    overlap_seconds: Annotated[int, Field(ge=0, le=86_400)] = 600
    visibility_lag_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    write_drains_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60

    @field_validator("shop")
    @classmethod
    def _domain(cls, value: str) -> str:
        shop = value.strip().lower()
        if not shop.endswith(".myshopify.com") or "/" in shop:
            raise ValueError("give the shop's own domain, example.myshopify.com, without https://")
        return shop

    @field_validator("url")
    @classmethod
    def _base(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("must start with https:// (or http:// for a shop on this machine)")
        return value.rstrip("/") if value else value

    @model_validator(mode="after")
    def _credentials(self) -> ShopifySettings:
        both = self.client_id is not None and self.client_secret is not None
        if self.access_token is None and not both:
            raise ValueError("give access_token, or client_id and client_secret")
        if self.access_token is not None and self.client_id is not None:
            raise ValueError("give access_token or client_id, not both (client_secret alone may sign webhooks)")
        if self.overlap_seconds < self.visibility_lag_seconds:
            raise ValueError("overlap_seconds must not be below visibility_lag_seconds: an order the search shows late would be lost")
        return self

    @property
    def base(self) -> str:
        return self.url or f"https://{self.shop}"

    @property
    def signing_secrets(self) -> tuple[SecretStr, ...]:
        """The secrets webhooks may be signed with; Shopify signs with the client secret."""
        if self.webhook_secrets:
            return self.webhook_secrets
        return (self.client_secret,) if self.client_secret else ()
