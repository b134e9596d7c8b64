"""Transfers for people: in a list, one with its lines, and after a verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from channelsync.cli.money import known_value, worth
from channelsync.cli.show import ago, dump, say, table
from channelsync.ledger.transfers.pages import TransferDetail, TransferRow


def show_list(found: Sequence[TransferRow], currency: str) -> None:
    lacking = any(r.uncosted for r in found)
    rows = [
        (
            f"TR-{r.number}",
            r.state,
            r.origin,
            r.destination,
            r.quantity,
            r.received,
            *_differences(r),
            known_value(r.value, r.in_transit, r.uncosted),
            *((r.uncosted,) if lacking else ()),
            ago(r.shipped_at or r.created_at),
        )
        for r in found
    ]
    value = f"value {currency}#"
    columns = (
        "transfer",
        "state",
        "from",
        "to",
        "units#",
        "received#",
        "in transit#",
        "missing#",
        "over#",
        f"{value}?",
        *(("no cost#?",) if lacking else ()),
        "shipped or made?",
    )
    table("Transfers", columns, rows, empty="none")


def show_one(found: TransferDetail, currency: str) -> None:
    transfer = found.transfer
    say(escape(_head(transfer.number, transfer.state, transfer.origin, transfer.destination)))
    for text in (transfer.reference and f"reference {transfer.reference}", transfer.note):
        if text:
            say(escape(text))
    if transfer.state == "draft":
        there = f"available at {transfer.origin}#"
        table("Lines", ("SKU", "title?", "to ship#", there), [(r.sku, r.title, r.quantity, r.available) for r in found.lines])
        return
    columns = ("SKU", "title?", "shipped#", "received#", "in transit#", "missing#", "over#", f"cost {currency}#")
    table("Lines", columns, [(r.sku, r.title, r.quantity, r.received, *_differences(r), r.cost) for r in found.lines])
    missing = (
        f", missing {worth(transfer.missing_value, transfer.missing, transfer.missing_uncosted, currency)}" if transfer.missing else ""
    )
    say(f"value in transit {worth(transfer.value, transfer.in_transit, transfer.uncosted, currency)}{missing}")


def show_told(done: dict[str, Any], *, json: bool) -> None:
    if json:
        dump(done)
        return
    if done["state"] == "received":
        told = [f"{line['missing']} x {line['sku']} missing" for line in done["lines"] if line["missing"]]
    else:
        told = [f"{line['quantity']} x {line['sku']}" for line in done["lines"]]
    more = f" and {len(told) - 10} more" if len(told) > 10 else ""
    head = _head(done["number"], done["state"], done["origin"], done["destination"])
    say(escape(f"{head}: {', '.join(told[:10]) or 'nothing is missing'}{more}"))


def _head(number: int, state: str, origin: str, destination: str) -> str:
    return f"TR-{number} from {origin} to {destination}, {state.replace('_', ' ')}"


def _differences(row: Any) -> tuple[int | None, ...]:
    """Only what there is of them is shown."""
    return row.in_transit or None, row.missing or None, row.over or None
