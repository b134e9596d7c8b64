"""A world's shops and warehouse as channels of the ledger: locations, owners, bundles, rules, and what each daemon is told of each of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from channelsync.contract import Role
from channelsync.ledger import authorities, bundling, channels, locations, skus
from channelsync.ledger.authorities import Ownership
from channelsync.ledger.brackets import OnEdit
from channelsync.ledger.bundling import Define, Defined, Part
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.routing import board
from channelsync.ledger.routing.board import PlaceSpec
from channelsync.ledger.rules import WHOLE
from channelsync.ledger.ruling import Rule
from channelsync.testing.simulation import shops as shop_rooms
from channelsync.testing.simulation.houses import House
from channelsync.testing.simulation.node import ChannelPlan
from channelsync.testing.simulation.plan import DEPOT, MAIN, TIMEOUT, DepotPlan, Pace, Plan, ShopPlan
from channelsync.testing.standins.base import StandIn


def enrol(database: Engine, plan: Plan, shops: Mapping[str, StandIn], house: House | None, now: datetime) -> list[ChannelPlan]:
    """The shops in the order of the plan, then the warehouse."""
    with database.connect() as conn, conn.begin():
        places = dict(zip(plan.places, locations.ensure(conn, [LocationSpec(place) for place in plan.places], now), strict=True))
        found = [_shop(conn, shop, shops[shop.name], places, now, plan.pace) for shop in plan.shops]
        if house is not None and plan.depot is not None:
            found.append(_depot(conn, plan.depot, house, places, now, plan.pace))
        board.configure(conn, [PlaceSpec(id_) for id_ in places.values()] if plan.routed else [], now)
        _bundle(conn, plan, now)
    return found


def _shop(conn: Connection, plan: ShopPlan, shop: StandIn, places: Mapping[str, int], now: datetime, pace: Pace) -> ChannelPlan:
    channel_id = _register(conn, ChannelSpec(plan.name, plan.kind, places[MAIN]), now)
    refs = {ref: tuple(places[code] for code in codes) for ref, codes in shop_rooms.places(plan, shop).items()}
    return ChannelPlan(
        channel_id,
        plan.name,
        plan.kind,
        shop_rooms.settings(plan, shop),
        places[MAIN],
        refs,
        plan.on_edit,
        _rules(plan, channel_id, now),
        plan.poll or pace.poll,
        plan.sweep or pace.sweep,
        plan.timeout,
    )


def _rules(plan: ShopPlan, channel_id: int, now: datetime) -> tuple[Rule, ...]:
    name = f"channels.{plan.name}.rules"
    share = plan.share * WHOLE // 100
    rules = [Rule(name, channel_id, safety_stock=plan.safety_stock, share=share, show_max=plan.show_max)]
    if (sale := plan.sale) is not None:
        opens = now + timedelta(seconds=sale.after)
        rules.append(Rule(f"{name}.sale", channel_id, opens=opens, closes=opens + timedelta(seconds=sale.seconds), show_max=sale.show_max))
    return tuple(rules)


def _depot(conn: Connection, plan: DepotPlan, house: House, places: Mapping[str, int], now: datetime, pace: Pace) -> ChannelPlan:
    main = places[MAIN]
    channel_id = _register(conn, ChannelSpec(DEPOT, plan.kind, main, Role.AUTHORITY), now)
    authorities.enrol(conn, [Ownership(main, channel_id)], now)
    return ChannelPlan(
        channel_id,
        DEPOT,
        plan.kind,
        shop_rooms.depot_settings(plan, house),
        main,
        {house.place: (main,)},
        OnEdit(),
        (),
        pace.house_poll,
        pace.sweep,
        TIMEOUT,
        Role.AUTHORITY,
        pace.house_full,
    )


def _register(conn: Connection, spec: ChannelSpec, now: datetime) -> int:
    [channel_id] = channels.register(conn, [spec], now)
    assert isinstance(channel_id, int)
    return channel_id


def _bundle(conn: Connection, plan: Plan, now: datetime) -> None:
    """Before anything is listed, so that no set is ever taken for a SKU with stock of its own."""
    skus.ensure(conn, {sku for parts in plan.bundles.values() for sku in parts} | set(plan.skus if plan.has_levels else ()), now)
    for name, parts in plan.bundles.items():
        [defined] = bundling.define(conn, [Define(name, tuple(Part(sku, units) for sku, units in parts.items()), key=f"make {name}")], now)
        assert isinstance(defined, Defined), defined
