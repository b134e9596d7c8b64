"""`suppliers`: who goods are bought from, and which SKU from whom. Orders to them are in `purchasing`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.goods import key_of
from channelsync.cli.show import dump, say, table
from channelsync.cli.stock import Key, Sku
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger.documents.heads import PAGE_MAX
from channelsync.ledger.purchasing import pages

group = typer.Typer(
    no_args_is_help=True,
    help="Who goods are bought from.\n\n[dim]Example: channelsync suppliers set ACME --name 'Acme Ltd' --lead-days 7[/dim]",
)
SupplierCode = Annotated[str, typer.Argument(metavar="SUPPLIER", help="The supplier's code.")]
LeadDays = Annotated[int | None, typer.Option(min=0, help="Days from order to receipt.", show_default=False)]


@group.command("list")
def list_(
    supplier: Annotated[str | None, typer.Argument(metavar="SUPPLIER", help="What is bought from this one.", show_default=False)] = None,
    after: Annotated[int, typer.Option(help="Go on after this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = 100,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List the suppliers; or, of one of them, what is bought there.

    [dim]Example: channelsync suppliers list ACME[/dim]
    """
    store = StoreAt(config)
    if supplier is not None:
        _supplies(store, supplier, after, limit, json=json)
        return
    found = store.read(pages.supplier_rows, after, limit)
    if json:
        dump(found)
        return
    table("Suppliers", ("code", "name", "lead days#", "SKUs#"), [(r.code, r.name, r.lead_days, r.skus) for r in found], empty="none yet")
    if len(found) == limit:
        say(f"more: --after {found[-1].id}")


def _supplies(store: StoreAt, supplier: str, after: int, limit: int, *, json: bool) -> None:
    found = store.read(pages.supply_rows, supplier, after, limit)
    if json:
        dump(found)
        return
    columns = ("SKU", "title?", "their code", f"cost {store.config.store.currency}#", "lead days#", "least#", "multiple#")
    rows = [(r.sku, r.title, r.code, r.cost, r.lead_days, r.least, r.multiple) for r in found]
    table(f"Bought from {supplier}", columns, rows, empty="nothing yet")
    if len(found) == limit:
        say(f"more: --after {found[-1].id}")


@group.command("set")
def set_(
    code: SupplierCode,
    name: Annotated[str | None, typer.Option(help="For people.", show_default=False)] = None,
    lead_days: LeadDays = None,
    unknown_lead: Annotated[bool, typer.Option("--unknown-lead", help="How long it takes is not known any more.")] = False,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Make a supplier, or change one. What is left out stays as it is.

    [dim]Example: channelsync suppliers set ACME --name "Acme Ltd" --lead-days 7[/dim]
    """
    if unknown_lead and lead_days is not None:
        raise typer.BadParameter("either --lead-days or --unknown-lead", param_hint="--unknown-lead")
    asked = {"code": code, "name": name, "lead_days": lead_days, "forget_lead": unknown_lead, "key": key_of(key)}
    done = StoreAt(config).ask("suppliers.set", asked)
    if json:
        dump(done)
        return
    takes = "lead time not known" if done["lead_days"] is None else f"{done['lead_days']} days from order to receipt"
    say(escape(f"{done['code']} {done['name']}".strip() + f": {takes}"))


@group.command()
def supply(
    sku: Sku,
    supplier: Annotated[str | None, typer.Argument(metavar="SUPPLIER", help="From whom. Left out: show it.", show_default=False)] = None,
    code: Annotated[str, typer.Option(help="What the supplier calls it.")] = "",
    cost: Annotated[str | None, typer.Option(help="Agreed for one unit, in the store's currency.", show_default=False)] = None,
    lead_days: LeadDays = None,
    least: Annotated[int | None, typer.Option(min=1, help="The fewest units of one order.", show_default=False)] = None,
    multiple: Annotated[int | None, typer.Option(min=1, help="Units in a carton: orders are multiples.", show_default=False)] = None,
    none: Annotated[bool, typer.Option("--none", help="It is bought from nobody any more.")] = False,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Say from whom a SKU is bought, all of it: what is left out is taken back. Without a supplier: show what holds now.

    [dim]Example: channelsync suppliers supply MUG-01 ACME --cost 3.20 --multiple 12[/dim]
    """
    if none and supplier is not None:
        raise typer.BadParameter("either a supplier or --none", param_hint="--none")
    said = {"code": code or None, "cost": cost, "lead_days": lead_days, "least": least, "multiple": multiple}
    store = StoreAt(config)
    if supplier is None and any(value is not None for value in said.values()):
        raise typer.BadParameter("name the supplier that this is said of", param_hint="SUPPLIER")
    if supplier is None and not none:
        told: dict[str, Any] = _shown(store, sku)
    else:
        told = store.ask("suppliers.supply", {"sku": sku, "supplier": supplier, **said, "code": code, "key": key_of(key)})
    dump(told) if json else say(escape(_sentence(told, store.config.store.currency)))


def _shown(store: StoreAt, sku: str) -> dict[str, Any]:
    row = store.read(pages.one_supply, sku)
    return {name: getattr(row, name) for name in ("sku", "supplier", "code", "cost", "lead_days", "least", "multiple")}


def _sentence(told: dict[str, Any], currency: str) -> str:
    if told["supplier"] is None:
        return f"{told['sku']}: bought from nobody"
    said = [
        told["code"] and f"as {told['code']}",
        told["cost"] and f"at {told['cost']} {currency}",
        told["lead_days"] is not None and f"{told['lead_days']} days from order to receipt",
        told["least"] and f"at least {told['least']}",
        told["multiple"] and f"in multiples of {told['multiple']}",
    ]
    return ", ".join([f"{told['sku']}: bought from {told['supplier']}", *(each for each in said if each)])
