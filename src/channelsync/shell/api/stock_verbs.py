"""The verbs of stock and reservations over HTTP, one row of a table each: what it is asked with, what it answers, which ledger verb it is.

What a verb does is the ledger's affair; `stock_writing` makes the routes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channelsync.ledger import amending, costs, fulfilment, reorder_levels, reservations, stock
from channelsync.ledger.tokens import Scope
from channelsync.shell.api import models, requests
from channelsync.shell.api.call import Call


@dataclass(frozen=True, slots=True)
class Verb:
    """path: below /inventory. does: one sentence. item: request, call, key -> the ledger's own request."""

    path: str
    scope: Scope
    verb: Callable[..., Any]
    asked: type[Any]
    answer: type[Any]
    summary: str
    does: str
    tag: str = "stock"

    def item(self, asked: Any, call: Call, key: str | None) -> Any:
        if isinstance(asked, requests.ReserveIn | requests.AmendIn):
            return asked.item(call.actor, key, call.backend.reservation_ttl)
        return asked.item(call.actor, key)


_R, _A = Scope.RESERVE, Scope.ADJUST
VERBS = (
    Verb(
        "",
        _A,
        stock.seed,
        requests.SetIn,
        models.PostedOut,
        "Open a level",
        "The opening number of a SKU at a location; a new SKU is made.",
    ),
    Verb("receive", _A, stock.receive, requests.MoreIn, models.PostedOut, "Receive units", "Units arrived."),
    Verb(
        "adjust",
        _A,
        stock.adjust,
        requests.AdjustIn,
        models.PostedOut,
        "Adjust a level",
        "There are more or fewer units than the ledger says. Needs a reason code; more than is there cannot be taken.",
    ),
    Verb(
        "count",
        _A,
        stock.count,
        requests.SetIn,
        models.PostedOut,
        "Set a counted number",
        "So many units are there. Holds stay as they are.",
    ),
    Verb(
        "return",
        _A,
        stock.take_back,
        requests.MoreIn,
        models.PostedOut,
        "Take units back",
        "Units came back from a customer. They wait in quarantine: `restock` or `write-off` ends that.",
    ),
    Verb(
        "restock",
        _A,
        stock.restock,
        requests.MoreIn,
        models.PostedOut,
        "Restock inspected units",
        "They leave quarantine and are on sale again.",
    ),
    Verb(
        "write-off",
        _A,
        stock.write_off,
        requests.WriteOffIn,
        models.PostedOut,
        "Write units off",
        "From on hand or quarantine they become damaged; from damaged they leave the house.",
    ),
    Verb(
        "reorder",
        _A,
        reorder_levels.set_reorder,
        requests.ReorderIn,
        models.ReorderOut,
        "Set when a SKU is low",
        "The whole policy, at one location or over all; both numbers null end it. What is low already is listed, and nobody is alerted.",
    ),
    Verb(
        "cost",
        _A,
        costs.set_cost,
        requests.SkuCostIn,
        models.CostOut,
        "Set what a SKU costs",
        "Of one unit, in the store's currency; null: it is not known. A bundle has no cost of its own, its parts have.",
    ),
    Verb(
        "reserve",
        _R,
        reservations.reserve,
        requests.ReserveIn,
        models.ReservedOut,
        "Reserve units",
        "All lines or none. Of two buyers of one unit, one gets it and the other `insufficient_stock`.",
        "reservations",
    ),
    Verb(
        "change",
        _R,
        amending.amend,
        requests.AmendIn,
        models.AmendedOut,
        "Change a claim's quantity",
        "A cart's line gets another quantity: more is reserved, less is released, in one step; what cannot be had leaves the claim as it was. "
        "A claim that is released or expired, or new, is made. Its soft claims live on from now.",
        "reservations",
    ),
    Verb(
        "release",
        _R,
        reservations.release,
        requests.ReleaseIn,
        models.ReleasedOut,
        "Let claims go",
        "By id or reference, whole or in part. Releasing what is released already is an answer, not an error.",
        "reservations",
    ),
    Verb(
        "extend",
        _R,
        reservations.extend,
        requests.ExtendIn,
        models.ExtendedOut,
        "Let soft claims live longer",
        "At least so long from now; never shorter than before.",
        "reservations",
    ),
    Verb(
        "harden",
        _R,
        reservations.harden,
        requests.HardenIn,
        models.HardenedOut,
        "Make soft claims hard",
        "The cart became an order: its claims no longer expire.",
        "reservations",
    ),
    Verb(
        "fulfil",
        _A,
        fulfilment.fulfil,
        requests.FulfilIn,
        models.ShippedOut,
        "Ship claimed units",
        "The claim and the units leave together. Shipments of channel orders come by themselves.",
        "reservations",
    ),
)
