"""Makes a failing world smaller while it still fails: fewer troubles, shops, SKUs and seconds, so that a person can read what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import Plan, Rates, ShopPlan
from channelsync.testing.standins.base import Faults

TRIES_MAX = 60

Fails = Callable[[Plan], bool]


def shrink(plan: Plan, fails: Fails, *, tries: int = TRIES_MAX) -> Plan:
    """The smallest plan found that still fails; `plan` itself if nothing could be left out. At most `tries` worlds are run."""
    went_on = True
    while went_on:
        went_on = False
        for smaller in _smaller(plan):
            if not tries:
                return plan
            tries -= 1
            if fails(smaller):
                plan, went_on = smaller, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Plans with one thing less, the largest things first."""
    for name in ("crashes", "takeovers", "outages", "revocations", "jumps"):
        if getattr(plan, name):
            yield _with(plan, name, ())
    for name in ("depot", "back_room", "turn"):
        if getattr(plan, name) is not None:
            yield _with(plan, name, None)
    for shop in plan.shops[1:]:  # the first one opens the ledger
        yield _without(plan, shop.name)
    yield from _plainer_shops(plan)
    if plan.seconds > 2:
        yield replace(plan, seconds=plan.seconds / 2)
    yield from _fewer_goods(plan)
    for field in fields(Rates):
        if field.name not in ("buy", "unpaid") and getattr(plan.rates, field.name):
            yield replace(plan, rates=replace(plan.rates, **{field.name: 0.0}))


def _with(plan: Plan, name: str, value: Any) -> Plan:
    return replace(plan, **{name: value})


def _without(plan: Plan, name: str) -> Plan:
    return replace(
        plan,
        shops=tuple(shop for shop in plan.shops if shop.name != name),
        outages=tuple(each for each in plan.outages if each[1] != name),
        revocations=tuple(each for each in plan.revocations if each[1] != name),
    )


def _plainer_shops(plan: Plan) -> Iterator[Plan]:
    for place, shop in enumerate(plan.shops):
        for plainer in _plainer(shop):
            if plainer != shop:
                yield replace(plan, shops=(*plan.shops[:place], plainer, *plan.shops[place + 1 :]))


def _plainer(shop: ShopPlan) -> Iterator[ShopPlan]:
    yield replace(shop, faults=Faults())
    yield replace(shop, weather=Weather())
    yield replace(shop, packs={})
    yield replace(shop, bundles=())
    yield replace(shop, sale=None, show_max=None, share=100, safety_stock=0)
    yield replace(shop, skew=0.0)


def _fewer_goods(plan: Plan) -> Iterator[Plan]:
    """Without the last SKU, where no bundle and no pack needs it."""
    *rest, last = plan.skus
    needed = any(last in parts for parts in plan.bundles.values()) or any(
        last == sku for shop in plan.shops for sku, _ in shop.packs.values()
    )
    if rest and not needed:
        yield replace(plan, skus=tuple(rest))
    for name in plan.bundles:
        if not any(name in shop.bundles for shop in plan.shops):
            yield replace(plan, bundles={other: parts for other, parts in plan.bundles.items() if other != name})


def left_out(before: Plan, after: Plan) -> list[str]:
    """In words, what the smaller plan does without."""
    found = [
        name
        for name in ("crashes", "takeovers", "outages", "revocations", "jumps", "depot", "back_room", "turn")
        if getattr(before, name) and not getattr(after, name)
    ]
    found += [f"shop {shop.name}" for shop in before.shops if shop.name not in {each.name for each in after.shops}]
    found += [sku for sku in (*before.skus, *before.bundles) if sku not in (*after.skus, *after.bundles)]
    if after.seconds < before.seconds:
        found.append(f"all but {after.seconds:g} of {before.seconds:g} seconds")
    found += [f"{field.name}s" for field in fields(Rates) if getattr(before.rates, field.name) and not getattr(after.rates, field.name)]
    return found + [f"{what} of {shop.name}" for shop in after.shops for what in _quieter(before, shop)]


def _quieter(before: Plan, shop: ShopPlan) -> Iterator[str]:
    was = next(each for each in before.shops if each.name == shop.name)
    if was.faults != shop.faults:
        yield "the faults"
    if was.weather != shop.weather:
        yield "the weather"
    if was.packs != shop.packs or was.bundles != shop.bundles:
        yield "packs and sets"
    if (was.sale, was.show_max, was.share, was.safety_stock, was.skew) != (
        shop.sale,
        shop.show_max,
        shop.share,
        shop.safety_stock,
        shop.skew,
    ):
        yield "rules or skew"
