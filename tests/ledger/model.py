"""The ledger as one would keep it on paper: what lies where, who has claimed what, what the shop says of its orders. It imports no verb.

Every verb takes plain arguments and answers with a plain tuple, or with the code of its refusal; a refusal has written nothing down.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import OrderLine, OrderSnapshot, OrderState

PLACES = {"here": "main", "there": "annex"}
GOODS = {"a": {"A": 1}, "b": {"B": 1}, "six": {"A": 6}, "loose": {"A": 2, "B": 1}}
"""What one unit of each listing takes. The last one is a bundle."""
KIT = GOODS["loose"]
GRACE = timedelta(seconds=60)
KEPT = timedelta(days=7)
SHELF = 1_000
"""What every shelf showed when it was opened."""

Spot = tuple[str, str]
"""(SKU, location)"""
Named = tuple[str | None, int | None, str | None]
"""Which claims: by reference or by number, and of these only a SKU's."""


@dataclass
class Claim:
    reference: str
    at: Spot
    kind: str
    open: int
    expires_at: datetime | None
    state: str = "open"

    def take(self, units: int, state: str) -> int:
        taken = min(units, self.open)
        self.open -= taken
        self.state = self.state if self.open else state
        return taken


@dataclass
class Order:
    """posted: by (kind of number, SKU, location), what is written down for it. took: by (listing, channel location), the shop's own doing."""

    snapshot: OrderSnapshot
    seq: int
    posted: Counter[tuple[str, str, str]]
    took: Counter[Spot]


@dataclass
class Paper:
    on_hand: Counter[Spot]
    quarantined: Counter[Spot] = field(default_factory=Counter)
    claims: list[Claim] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    backorder: dict[str, tuple[str, int | None]] = field(default_factory=lambda: {"A": ("deny", None), "B": ("deny", None)})
    keys: dict[str, tuple[str, Any, Any, bool, datetime]] = field(default_factory=dict)

    def ask(self, verb: str, args: tuple[Any, ...], key: str | None, keep: bool, now: datetime) -> tuple[Any, bool]:
        """The answer, and whether it is the repeat of a first one."""
        if key is not None and key in self.keys:
            first_verb, first_args, answer, _, _ = self.keys[key]
            return (answer, True) if (first_verb, first_args) == (verb, args) else ("key_reused", False)
        answer = getattr(self, verb)(*args, now)
        if key is not None and not isinstance(answer, str):
            self.keys[key] = (verb, args, answer, keep, now)
        return answer, False

    def claimed(self, kind: str, at: Spot) -> int:
        held = sum(claim.open for claim in self.claims if claim.at == at and claim.kind == kind)
        return held + sum(order.posted[kind, *at] for order in self.orders.values())

    def available(self, at: Spot) -> int:
        return self.on_hand[at] - self.claimed("soft", at) - self.claimed("hard", at)

    def shows(self, listing: str, place: str) -> int:
        """What the ledger believes that a shelf of the shop shows: nothing was written to it, so only the shop's own doing."""
        return SHELF - sum(order.took[listing, place] for order in self.orders.values())

    # -- units -----------------------------------------------------------------------------------------------------------------------------

    def receive(self, sku: str, place: str, units: int, _now: datetime) -> Any:
        return self._move(sku, place, lambda _: units)

    def adjust(self, sku: str, place: str, units: int, _now: datetime) -> Any:
        return self._move(sku, place, lambda there: units if there + units >= 0 else None)

    def count(self, sku: str, place: str, units: int, _now: datetime) -> Any:
        return self._move(sku, place, lambda there: units - there)

    def take_back(self, sku: str, place: str, units: int, _now: datetime) -> Any:
        return self._move(sku, place, lambda _: 0, waits=units)

    def restock(self, sku: str, place: str, units: int, _now: datetime) -> Any:
        return self._move(sku, place, lambda _: units if units <= self.quarantined[sku, place] else None, waits=-units)

    def _move(self, sku: str, place: str, change: Any, waits: int = 0) -> Any:
        if problem := self._unknown(sku, place):
            return problem
        if sku == "KIT":
            return "not_allowed"
        at, delta = (sku, place), change(self.on_hand[sku, place])
        if delta is None:
            return "insufficient_stock"
        self.on_hand[at] += delta
        self.quarantined[at] += waits
        return self.on_hand[at], self.available(at), self.quarantined[at]

    def _unknown(self, sku: str, place: str) -> str | None:
        if sku not in {*self.backorder, "KIT"}:
            return "unknown_sku"
        return None if place in PLACES.values() else "unknown_location"

    def set_backorder(self, sku: str, policy: str, limit: int | None, _now: datetime) -> Any:
        if sku not in self.backorder:
            return "unknown_sku"
        self.backorder[sku] = policy, limit
        return sku, policy, limit

    # -- claims ----------------------------------------------------------------------------------------------------------------------------

    def reserve(self, reference: str, lines: tuple[tuple[str, str, int], ...], kind: str, minutes: int, now: datetime) -> Any:
        wanted, parts = Counter[Spot](), Counter[tuple[bool, Spot]]()
        for sku, place, units in lines:
            if problem := self._unknown(sku, place):
                return problem
            for part, each in KIT.items() if sku == "KIT" else [(sku, 1)]:
                wanted[part, place] += units * each
                parts[sku == "KIT", (part, place)] += units * each
        if any(not self._covered(at, wanted) for at in wanted):
            return "insufficient_stock"
        until = now + timedelta(minutes=minutes) if kind == "soft" else None
        granted = []
        for (_, at), units in parts.items():
            self.claims.append(Claim(reference, at, kind, units, until))
            granted.append((*at, units, self.available(at)))
        return until, tuple(granted)

    def _covered(self, at: Spot, wanted: Counter[Spot]) -> bool:
        policy, limit = self.backorder[at[0]]
        if wanted[at] <= self.available(at) or (policy != "deny" and limit is None):
            return True
        spots = [(at[0], place) for place in PLACES.values()]
        return policy != "deny" and sum(max(0, wanted[spot] - self.available(spot)) for spot in spots) <= (limit or 0)

    def release(self, which: Named, units: int | None, _now: datetime) -> Any:
        found, held = self._open(which)
        if not found:
            return 0, 0, self._ended(which) or "unknown"
        units = held if units is None else min(units, held)
        self._take(found, units, "released")
        return units, held - units, None

    def extend(self, which: Named, minutes: int, now: datetime) -> Any:
        found, _ = self._open(which)
        soft = [claim for claim in found if claim.kind == "soft"]
        if not soft:
            return "not_allowed" if found or self._ended(which) is None else "already_resolved"
        for claim in soft:
            claim.expires_at = max(claim.expires_at or now, now + timedelta(minutes=minutes))
        return sum(claim.open for claim in soft), min(claim.expires_at for claim in soft if claim.expires_at)

    def harden(self, which: Named, _now: datetime) -> Any:
        found, held = self._open(which)
        if not found:
            return "not_allowed" if self._ended(which) is None else "already_resolved"
        moved = sum(claim.open for claim in found if claim.kind == "soft")
        for claim in found:
            claim.kind, claim.expires_at = "hard", None
        return moved, held

    def fulfil(self, which: Named, units: int | None, _now: datetime) -> Any:
        found, held = self._open(which)
        if not found:
            return "not_allowed" if self._ended(which) is None else "already_resolved"
        units = held if units is None else units
        if units > held:
            return "insufficient_stock"
        left = sum((Counter({at: part}) for at, part in self._take(found, units, "fulfilled")), Counter[Spot]())
        return units, held - units, sum(self._leave(at, part) for at, part in left.items())

    def _open(self, which: Named) -> tuple[list[Claim], int]:
        found = [claim for claim in self._named(which) if claim.state == "open"]
        return found, sum(claim.open for claim in found)

    def _ended(self, which: Named) -> str | None:
        return next((claim.state for claim in reversed(self._named(which))), None)

    def _named(self, which: Named) -> list[Claim]:
        reference, number, sku = which
        return [
            claim
            for place, claim in enumerate(self.claims)
            if (claim.reference == reference if number is None else place == number) and sku in {None, claim.at[0]}
        ]

    def _take(self, claims: list[Claim], units: int, state: str) -> list[tuple[Spot, int]]:
        """Oldest first."""
        taken = []
        for claim in claims:
            if claim.state != "open":
                continue
            part = claim.take(units, state)
            units -= part
            taken.append((claim.at, part))
        return taken

    def _leave(self, at: Spot, units: int) -> int:
        """Units leave, also those that nobody has counted; how many those were."""
        missing = max(0, units - self.on_hand[at])
        self.on_hand[at] += missing - units
        return missing

    # -- time ------------------------------------------------------------------------------------------------------------------------------

    def ends(self) -> set[datetime]:
        """When something ends, by the clock."""
        checkouts = {order.snapshot.hold_until for order in self.orders.values() if order.snapshot.hold_until}
        return {claim.expires_at for claim in self.claims if claim.expires_at} | checkouts | {end + GRACE for end in checkouts}

    def sweep(self, now: datetime) -> None:
        for claim in self.claims:
            if claim.expires_at is not None and claim.state == "open" and claim.expires_at <= now:
                claim.take(claim.open, "expired")
        for order in self.orders.values():
            if _is_over(order.snapshot, now):
                for number in [number for number in order.posted if number[0] == "soft"]:
                    del order.posted[number]

    def forget(self, now: datetime) -> None:
        self.keys = {key: first for key, first in self.keys.items() if first[3] or first[4] >= now - KEPT}

    # -- orders ----------------------------------------------------------------------------------------------------------------------------

    def see(self, snapshot: OrderSnapshot, seq: int, direct: bool, now: datetime) -> str:
        known = self.orders.get(snapshot.ref)
        if known is not None and known.snapshot == snapshot:
            return "unchanged"
        if known is not None and not _is_news(known, snapshot, seq, direct):
            return "older"
        before = known.posted if known else Counter[tuple[str, str, str]]()
        posted = _posted(snapshot, now)
        took = Counter[Spot]()
        for line in snapshot.lines:
            took[line.listing or "", line.location or ""] += line.channel_took
        self.orders[snapshot.ref] = Order(snapshot, max(seq, known.seq if known else 0), posted, took)
        change = Counter(posted)
        change.subtract(before)
        self._take_over(snapshot.reservation_ref, change)
        for at in sorted({number[1:] for number in change}):
            self._follow(at, {number[0]: units for number, units in change.items() if number[1:] == at})
        return "applied"

    def _take_over(self, reference: str | None, change: Counter[tuple[str, str, str]]) -> None:
        """Out of the storefront's claim the order came from: first what was claimed at the same place, then at another. What moves is claimed already."""
        wanted, of_sku = Counter[Spot](), Counter[str]()
        for (number, sku, place), units in change.items():
            if number != "restocked":
                wanted[sku, place] += units
                of_sku[sku] += units
        for at in sorted(wanted, key=_in_order):
            wanted[at] = max(0, min(wanted[at], of_sku[at[0]]))
            of_sku[at[0]] -= wanted[at]
        mine = [claim for claim in self.claims if claim.reference == reference] if reference is not None else []
        for elsewhere in (False, True):
            for at in sorted(wanted, key=_in_order):
                there = [claim for claim in mine if claim.at[0] == at[0] and (claim.at != at) == elsewhere]
                wanted[at] -= sum(units for _, units in self._take(there, wanted[at], "committed"))

    def _follow(self, at: Spot, change: dict[str, int]) -> None:
        """Units of one place go the order's way: off the shelf, into quarantine, back. One that never came waits nowhere."""
        shipped, back, waits = (change.get(number, 0) for number in ("shipped", "restocked", "quarantined"))
        self.on_hand[at] += back - shipped - waits + min(0, self.quarantined[at] + waits)
        self.quarantined[at] = max(0, self.quarantined[at] + waits)
        self.quarantined[at] -= max(0, min(-self.on_hand[at], waits))
        self.on_hand[at] = max(0, self.on_hand[at])


def _in_order(at: Spot) -> tuple[str, int]:
    """As the ledger numbers them."""
    return at[0], list(PLACES.values()).index(at[1])


def _is_news(known: Order, snapshot: OrderSnapshot, seq: int, direct: bool) -> bool:
    if known.snapshot.state is OrderState.DELETED and snapshot.state is not OrderState.DELETED and not direct:
        return False
    if snapshot.modified_at == known.snapshot.modified_at:
        return direct and seq >= known.seq
    return snapshot.modified_at > known.snapshot.modified_at


def _is_over(snapshot: OrderSnapshot, now: datetime) -> bool:
    return snapshot.hold_until is not None and snapshot.hold_until + GRACE <= now


def _posted(snapshot: OrderSnapshot, now: datetime) -> Counter[tuple[str, str, str]]:
    posted = Counter[tuple[str, str, str]]()
    for line in snapshot.lines:
        for name, units in _of_line(snapshot, line, now).items():
            for sku, pack in GOODS[line.listing or ""].items():
                posted[name, sku, PLACES[line.location or ""]] += units * pack
    return posted


def _of_line(snapshot: OrderSnapshot, line: OrderLine, now: datetime) -> dict[str, int]:
    """In units of the listing. What a dead order still owes and the shop has not given back waits for a person."""
    owed = line.outstanding
    numbers = {"shipped": line.shipped, "restocked": line.restocked, "quarantined": line.quarantined}
    match snapshot.state:
        case OrderState.OPEN:
            return numbers | {"hard": owed}
        case OrderState.PENDING:
            return numbers | {"soft": 0 if _is_over(snapshot, now) else owed}
        case _:
            kept = line.channel_took - (line.shipped - line.restocked) - line.quarantined
            return numbers | {"quarantined": line.quarantined + min(owed, max(0, kept))}
