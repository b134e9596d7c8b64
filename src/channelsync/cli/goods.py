"""`stock receive`, `adjust`, `count`, `return`, `restock` and `write-off`: units that come, go and change their state. Claims on them are in `claims`."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated, Any

import typer

from channelsync.cli.show import dump, say
from channelsync.cli.stock import Key, Location, Reason, Reference, Sku, place_of
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.ledger import skus


class Bucket(StrEnum):
    ON_HAND = "on_hand"
    QUARANTINED = "quarantined"
    DAMAGED = "damaged"


def add_to(group: typer.Typer) -> None:
    group.command()(receive)
    group.command(context_settings={"ignore_unknown_options": True})(adjust)
    group.command()(count)
    group.command("return")(take_back)
    group.command()(restock)
    group.command("write-off")(write_off)


def receive(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=1, help="Units that arrived.")],
    location: Location = None,
    reference: Reference = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units arrived.

    [dim]Example: channelsync stock receive MUG-01 12 --reference DN-4711[/dim]
    """
    _change("stock.receive", sku, quantity, location, config, json=json, reference=reference, key=key)


def adjust(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(help="Units more, or fewer with a minus sign.")],
    reason: Reason,
    location: Location = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """There are more or fewer units than the ledger says.

    [dim]Example: channelsync stock adjust MUG-01 -2 --reason broken[/dim]
    """
    _change("stock.adjust", sku, quantity, location, config, json=json, reason=reason, key=key)


def count(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=0, help="Units that are there.")],
    location: Location = None,
    reason: Reason = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units were counted: this is how many there are. A SKU the ledger does not know yet is opened with it.

    [dim]Example: channelsync stock count MUG-01 47[/dim]
    """
    store = StoreAt(config)
    verb = "stock.count" if store.read(skus.find, [sku]) else "stock.seed"
    _change(verb, sku, quantity, location, config, json=json, reason=reason, key=key)


def take_back(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=1, help="Units that came back.")],
    location: Location = None,
    reference: Reference = "",
    reason: Reason = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units came back from a customer. They wait in quarantine: `restock` or `write-off` ends that.

    [dim]Example: channelsync stock return MUG-01 1 --reference "order 1001"[/dim]
    """
    _change("stock.return", sku, quantity, location, config, json=json, reference=reference, reason=reason, key=key)


def restock(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=1, help="Units that are fit for sale.")],
    location: Location = None,
    reference: Reference = "",
    reason: Reason = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Inspected units leave quarantine and are on sale again.

    [dim]Example: channelsync stock restock MUG-01 1[/dim]
    """
    _change("stock.restock", sku, quantity, location, config, json=json, reference=reference, reason=reason, key=key)


def write_off(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=1, help="Units that are given up.")],
    reason: Reason,
    bucket: Annotated[Bucket, typer.Option("--from", help="Where the units are now.")] = Bucket.QUARANTINED,
    location: Location = None,
    reference: Reference = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Give units up. From on hand or quarantine they become damaged; from damaged they leave the house.

    [dim]Example: channelsync stock write-off MUG-01 1 --reason broken --from on_hand[/dim]
    """
    _change("stock.write_off", sku, quantity, location, config, json=json, reference=reference, reason=reason, key=key, bucket=bucket.value)


def _change(
    verb: str,
    sku: str,
    quantity: int,
    location: str | None,
    config: Any,
    *,
    json: bool,
    reference: str = "",
    reason: str = "",
    key: str | None = None,
    **more: str,
) -> None:
    store = StoreAt(config)
    args = {"sku": sku, "location": place_of(store, location), "quantity": quantity, "reference": reference, "reason": reason}
    done = store.ask(verb, {**args, **more, "actor": actor(), "key": key_of(key)})
    if json:
        dump(done)
        return
    beside = "".join(f", {done[bucket]} {bucket}" for bucket in ("quarantined", "damaged") if done[bucket])
    say(f"{done['sku']} at {done['location']}: {done['on_hand']} on hand, {done['available']} available{beside}")


def key_of(key: str | None) -> str:
    """One of our own, so that an answer lost on its way from the daemon does not move the stock twice."""
    return key or f"cli-{uuid.uuid4()}"
