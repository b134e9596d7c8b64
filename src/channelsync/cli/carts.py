"""`stock change`: a cart's line gets another quantity. Making and ending claims is in `stock`."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.goods import key_of
from channelsync.cli.show import dump, say
from channelsync.cli.stock import Key, Location, Sku, place_of
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor


def change(
    reference: Annotated[str, typer.Argument(help="What the units are claimed for.")],
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=0, help="Units claimed from now on; 0: none.")],
    minutes: Annotated[float | None, typer.Option(min=0.1, help="How long it lives at least, from now; default: the config's.")] = None,
    location: Location = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Give a cart's line another quantity; refused, and left as it was, if there are not enough.

    [dim]Example: channelsync stock change cart-17 MUG-01 3[/dim]
    """
    store = StoreAt(config)
    ttl = 60 * (minutes or store.config.reservations.ttl_minutes)
    wanted = {"reference": reference, "sku": sku, "location": place_of(store, location), "quantity": quantity, "ttl": ttl}
    done = store.ask("stock.change", {**wanted, "actor": actor(), "key": key_of(key)})
    dump(done) if json else say(f"{reference}: {done['quantity']} x {sku} claimed, {done['change']:+d}")
