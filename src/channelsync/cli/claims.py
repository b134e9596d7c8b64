"""`stock reserve`, `release`, `extend`, `harden` and `fulfil`: claims on units, from the cart to the shipment."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from channelsync.cli.goods import key_of
from channelsync.cli.show import dump, say
from channelsync.cli.stock import Key, Location, Reason, Reference, Sku, place_of
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor

Claimed = Annotated[str, typer.Argument(help="What the units were claimed for.")]
OnlySku = Annotated[str | None, typer.Option(help="Only this SKU's.")]
OnlyMany = Annotated[int | None, typer.Option(min=1, help="Only so many units; all if omitted.")]


def add_to(group: typer.Typer) -> None:
    for command in (reserve, release, extend, harden, fulfil):
        group.command()(command)


def reserve(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=1, help="Units wanted.")],
    reference: Reference,
    hard: Annotated[bool, typer.Option("--hard", help="Does not expire.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="How long a soft claim lives; default: the config's.")] = None,
    location: Location = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Claim units for a cart or an order; refused if there are not enough.

    [dim]Example: channelsync stock reserve MUG-01 2 --reference cart-17[/dim]
    """
    store = StoreAt(config)
    ttl = 60 * (minutes or store.config.reservations.ttl_minutes)
    line = {"sku": sku, "location": place_of(store, location), "quantity": quantity}
    wanted = {"reference": reference, "lines": [line], "kind": "hard" if hard else "soft", "ttl": ttl, "actor": actor(), "key": key_of(key)}
    done = store.ask("stock.reserve", wanted)
    claim = done["claims"][0]
    dump(done) if json else say(
        f"reservation {claim['reservation']}: {claim['quantity']} x {sku} for {reference}, {claim['available']} left"
    )


def release(
    reference: Claimed,
    sku: OnlySku = None,
    quantity: OnlyMany = None,
    reason: Reason = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Give claimed units back. Releasing what is released already changes nothing.

    [dim]Example: channelsync stock release cart-17[/dim]
    """
    wanted = {"which": _which(reference, sku), "quantity": quantity, "reason": reason, "actor": actor(), "key": key_of(key)}
    done = StoreAt(config).ask("stock.release", wanted)
    already = f" (already {done['already']})" if done["already"] else ""
    told = (
        "nothing is held under this reference"
        if done["already"] == "unknown"
        else f"{done['units']} released, {done['held']} still held{already}"
    )
    dump(done) if json else say(f"{reference}: {told}")


def extend(
    reference: Claimed,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="From now on; default: the config's.")] = None,
    sku: OnlySku = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Let soft claims live longer: at least so long from now, never shorter than before.

    [dim]Example: channelsync stock extend cart-17 --minutes 15[/dim]
    """
    store = StoreAt(config)
    ttl = 60 * (minutes or store.config.reservations.ttl_minutes)
    done = store.ask("stock.extend", {"which": _which(reference, sku), "ttl": ttl, "key": key_of(key)})
    dump(done) if json else say(f"{reference}: {done['units']} units held until {done['expires_at']}")


def harden(reference: Claimed, sku: OnlySku = None, key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """The cart became an order: its claims no longer expire.

    [dim]Example: channelsync stock harden cart-17[/dim]
    """
    done = StoreAt(config).ask("stock.harden", {"which": _which(reference, sku), "actor": actor(), "key": key_of(key)})
    dump(done) if json else say(f"{reference}: {done['hard']} units held until they are shipped or released")


def fulfil(
    reference: Claimed,
    sku: OnlySku = None,
    quantity: OnlyMany = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Ship claimed units: the claim and the units leave together. Shipments of channel orders come by themselves.

    [dim]Example: channelsync stock fulfil cart-17 --quantity 1[/dim]
    """
    wanted = {"which": _which(reference, sku), "quantity": quantity, "actor": actor(), "key": key_of(key)}
    done = StoreAt(config).ask("stock.fulfil", wanted)
    short = f", {done['shortage']} of them never counted" if done["shortage"] else ""
    dump(done) if json else say(f"{reference}: {done['units']} shipped{short}, {done['held']} still held")


def _which(reference: str, sku: str | None) -> dict[str, Any]:
    return {"reference": reference, "sku": sku}
