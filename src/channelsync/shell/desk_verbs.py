"""The verbs of the desk that are one ledger verb each: its name, its function, and the type of its item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from channelsync.ledger import (
    alert_queue,
    amending,
    bundling,
    costs,
    drifts,
    freezing,
    fulfilment,
    policies,
    reorder_levels,
    repairing,
    reservations,
    stock,
    stock_update,
    tokens,
)
from channelsync.ledger.counts import applying, entering, opening
from channelsync.ledger.purchasing import drafting, from_suggestions, ordering, receiving, suppliers
from channelsync.ledger.returns import expecting, inspecting
from channelsync.ledger.returns import receiving as taking_back
from channelsync.ledger.routing import rerouting
from channelsync.ledger.transfers import drafting as transfer_drafting
from channelsync.ledger.transfers import receiving as transfer_receiving
from channelsync.ledger.transfers import shipping

_STOCK: Final[Mapping[str, Any]] = {
    "stock.seed": (stock.seed, stock.Change),
    "stock.receive": (stock.receive, stock.Change),
    "stock.adjust": (stock.adjust, stock.Change),
    "stock.count": (stock.count, stock.Change),
    "stock.return": (stock.take_back, stock.Change),
    "stock.restock": (stock.restock, stock.Change),
    "stock.write_off": (stock.write_off, stock.WriteOff),
    "stock.update": (stock_update.update_stock, stock_update.Update),
    "stock.reserve": (reservations.reserve, reservations.Reserve),
    "stock.change": (amending.amend, amending.Amend),
    "stock.policy": (policies.set_policy, policies.SetPolicy),
    "stock.cost": (costs.set_cost, costs.SetCost),
    "stock.release": (reservations.release, reservations.Release),
    "stock.extend": (reservations.extend, reservations.Extend),
    "stock.harden": (reservations.harden, reservations.Harden),
    "stock.fulfil": (fulfilment.fulfil, fulfilment.Fulfil),
    "stock.reorder": (reorder_levels.set_reorder, reorder_levels.SetReorder),
    "alerts.retry": (alert_queue.retry, alert_queue.Retry),
    "bundles.define": (bundling.define, bundling.Define),
    "bundles.dissolve": (bundling.dissolve, bundling.Dissolve),
    "audit.repair": (repairing.repair, repairing.Repair),
    "drift.resolve": (drifts.resolve, drifts.Resolve),
    "freeze": (freezing.freeze, freezing.Freeze),
    "thaw": (freezing.thaw, freezing.Thaw),
    "token.create": (tokens.create, tokens.NewToken),
    "token.revoke": (tokens.revoke, tokens.Revoke),
}

_BACK_ROOM: Final[Mapping[str, Any]] = {
    "suppliers.set": (suppliers.set_supplier, suppliers.SetSupplier),
    "suppliers.supply": (suppliers.set_supply, suppliers.SetSupply),
    "po.draft": (drafting.draft, drafting.Draft),
    "po.suggested": (from_suggestions.draft_suggested, from_suggestions.DraftSuggested),
    "po.edit": (drafting.edit, drafting.Edit),
    "po.order": (ordering.order, ordering.Order),
    "po.receive": (receiving.receive, receiving.Receive),
    "po.close": (ordering.close, ordering.Close),
    "po.cancel": (ordering.cancel, ordering.Cancel),
    "transfers.draft": (transfer_drafting.draft, transfer_drafting.Draft),
    "transfers.edit": (transfer_drafting.edit, transfer_drafting.Edit),
    "transfers.ship": (shipping.ship, shipping.Ship),
    "transfers.receive": (transfer_receiving.receive, transfer_receiving.Receive),
    "transfers.close": (transfer_receiving.close, transfer_receiving.Close),
    "transfers.cancel": (shipping.cancel, shipping.Cancel),
    "counts.open": (opening.open_sheet, opening.Open),
    "counts.enter": (entering.enter_counts, entering.Enter),
    "counts.apply": (applying.apply_sheet, applying.Apply),
    "counts.cancel": (applying.cancel_sheet, applying.Cancel),
    "returns.expect": (expecting.expect, expecting.Expect),
    "returns.receive": (taking_back.receive, taking_back.Receive),
    "returns.inspect": (inspecting.inspect, inspecting.Inspect),
    "returns.cancel": (expecting.cancel, expecting.Cancel),
    "orders.route": (rerouting.reroute, rerouting.Reroute),
}

LEDGER_VERBS: Final[Mapping[str, Any]] = {**_STOCK, **_BACK_ROOM}
