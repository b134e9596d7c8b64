"""Worlds that trade while their shops' wall clocks go an hour back or forward, with dice of their own. Only what tells local times can notice."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from channelsync.testing.simulation.plan import Plan, ShopPlan, Turn

SHARE = 0.4
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago")
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
OPENING = 15.0
"""Seconds that a world takes to open."""

ZONED = {"woocommerce": "timezone"}
"""The dial of the shop's time zone, where the platform tells times by it. Moscow has no summer time, and the others tell UTC."""


def with_summer_time(plan: Plan) -> Plan:
    """Only where a shop can notice."""
    dice = random.Random(f"summer time {plan.seed}")
    if dice.random() >= SHARE or not any(shop.kind in ZONED for shop in plan.shops):
        return plan
    zone = dice.choice(ZONES)
    at = dice.choice(turns(zone))
    turn = Turn(at, OPENING + dice.uniform(0.1, 0.9) * plan.seconds, back=_offset(zone, at) < _offset(zone, at - timedelta(hours=1)))
    return replace(plan, turn=turn, shops=tuple(_in_zone(shop, zone) for shop in plan.shops))


def _in_zone(shop: ShopPlan, zone: str) -> ShopPlan:
    dial = ZONED.get(shop.kind)
    return replace(shop, dials={**shop.dials, dial: zone}) if dial else shop


@cache
def turns(zone: str) -> tuple[datetime, ...]:
    """The instants of the year at which the offset changes, to the hour: no zone here changes within one."""
    hours = [YEAR + timedelta(hours=hour) for hour in range(1, 365 * 24)]
    return tuple(at for at in hours if _offset(zone, at) != _offset(zone, at - timedelta(hours=1)))


def _offset(zone: str, at: datetime) -> timedelta:
    return at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)
