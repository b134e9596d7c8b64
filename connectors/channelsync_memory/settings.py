"""The memory connector's part of a `[channels.<name>]` table. A memory shop has the habits it is given, so they are settings here."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, SecretStr

from channelsync.contract import Carrier, Traits


class Settings(BaseModel):
    """url: where the shop's API is. webhook_secrets: all that may still be in use. overlap_seconds: how far each order run looks back
    behind the last one, on top of `visibility_lag_seconds`: the shop's times are cut to the second, and a second may hold more than we saw.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^/]+$")
    token: SecretStr
    webhook_secrets: tuple[SecretStr, ...] = ()
    carrier: Carrier = Carrier.COMPARE_AND_SET
    atomic: bool = True
    key_memory_seconds: NonNegativeFloat | None = None
    write_visible_seconds: NonNegativeFloat = 0.0
    write_drains_seconds: NonNegativeFloat = 60.0
    visibility_lag_seconds: NonNegativeFloat = 0.0
    overlap_seconds: NonNegativeFloat = 30.0
    lowers_stock_on: str = "placed"
    restores_on_cancel: str = "per order"
    withholds: bool = False
    writes_per_call: PositiveInt = 100
    readings_per_call: PositiveInt = 100

    def traits(self) -> Traits:
        return Traits(
            carrier=self.carrier,
            atomic=self.atomic,
            key_memory=None if self.key_memory_seconds is None else timedelta(seconds=self.key_memory_seconds),
            write_visible_after=timedelta(seconds=self.write_visible_seconds),
            write_drains_within=timedelta(seconds=self.write_drains_seconds),
            visibility_lag=timedelta(seconds=self.visibility_lag_seconds),
            lowers_stock_on=self.lowers_stock_on,
            restores_on_cancel=self.restores_on_cancel,
            withholds=self.withholds,
            writes_per_call=self.writes_per_call,
            readings_per_call=self.readings_per_call,
        )
