"""The judge: did a push ever put a sold unit back on sale? Pure over events; it believes the shops' own memory, not the ledger's.

Harm (P1): one applied write with after > before, after which the shop offers more than is left: after - withheld > max(0, rules(R)), where R is,
for each unit the item is made of, what is physically there less the units of every order of every shop, known to us or not. Its class says who could have known better:

    own-*          the write swallowed a sale of its own shop: it ends above target + what the ledger had not seen yet
    superseded-*   it carried its difference exactly, but the ledger had lowered the target meanwhile
    cross-*        ... or another shop had sold units that the ledger had not seen
    restored       ... or its own shop has given units back since, on top of which it shows more than its rules allow; the units are there
    edit           a hand edit hides what the shop sold
    bookkeeping    nothing explains it but our own arithmetic
    unaccounted    no attempt of the ledger explains the write at all
    frozen         it was let go although a person had frozen the item: harm or not, it is a violation

`*-window`, `restored` and `edit` are what no protocol can close; everything else is a violation. Another item of the same shop that is made of the same units
counts like another shop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from channelsync.testing.simulation.events import Armed, Changed, Claimed, Counted, Event, Known, Looked, Released, Supplied
from channelsync.testing.simulation.goods import Goods
from channelsync.testing.simulation.promises import Promises

Key = tuple[str, str]
"""(shop, item)"""

HARMS_MAX = 10_000
CALLS_MAX = 5_000
"""Calls remembered; a request that still takes effect is never this old."""


class HarmClass(StrEnum):
    OWN_KNOWABLE = "own-KNOWABLE"
    OWN_LAG = "own-LAG"
    OWN_WINDOW = "own-window"
    CROSS_KNOWABLE = "cross-KNOWABLE"
    CROSS_WINDOW = "cross-window"
    SUPERSEDED_KNOWABLE = "superseded-KNOWABLE"
    SUPERSEDED_WINDOW = "superseded-window"
    RESTORED = "restored"
    EDIT = "edit"
    BOOKKEEPING = "bookkeeping"
    UNACCOUNTED = "unaccounted"
    FROZEN = "frozen"

    @property
    def is_race(self) -> bool:
        """No protocol can close it."""
        return self in _RACES


_RACES = {HarmClass.OWN_WINDOW, HarmClass.CROSS_WINDOW, HarmClass.SUPERSEDED_WINDOW, HarmClass.RESTORED, HarmClass.EDIT}


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """lag: how long a stock effect can stay out of the order list. exclusive: no sale can slip inside a write (compare-and-set, atomic adjust)."""

    lag: float
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Harm:
    """`units` were put on sale at `at` although only `limit` could still be sold."""

    kind: HarmClass
    at: float
    shop: str
    item: str
    before: int
    after: int
    limit: int
    units: int
    write: str | None

    def __str__(self) -> str:
        return (
            f"{self.at:.6f} {self.kind}: {self.shop} {self.item} {self.before}->{self.after}, "
            f"at most {self.limit} were left; call {self.write}"
        )


@dataclass(slots=True)
class _Attempt:
    """An attempt as it was computed, and what the ledger knew when it was last released."""

    armed: Armed
    took: int
    due_since: float
    target_at_release: int | None = None
    sends: int = 0
    released_at: float = 0.0
    took_at_release: int = 0
    counted_at_release: Mapping[Key, int] = field(default_factory=dict)
    looked: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Shelf:
    shows: int | None = None
    took: int = 0
    edited: int = 0
    known: Known | None = None
    due_since: float = 0.0


class Judge:
    """Feed it events in order of happening; ask for the verdict at any time."""

    def __init__(self, shops: Mapping[str, ShopFacts], goods: Goods, *, reading_within: float = 0.0) -> None:
        """reading_within: how long at most until a reading of the stock authority tells the ledger what has gone there."""
        self._shops, self._goods, self._reading_within = shops, goods, reading_within
        self._went: dict[str, float] = {}  # unit -> when some of it last went without a word
        self.truth = Promises(goods)
        self._shelves: dict[Key, _Shelf] = {}
        self._counted: dict[Key, int] = {}  # (shop, unit) -> promised, as the ledger knows
        self._calls: dict[str, dict[str, _Attempt]] = {}  # by key, then item
        self._looked: dict[str, float] = {}
        self.harms: list[Harm] = []
        self.raises = 0

    # -- the verdict -----------------------------------------------------------------------------------------------------------------------

    @property
    def violations(self) -> list[Harm]:
        return [harm for harm in self.harms if not harm.kind.is_race]

    @property
    def resurrected_units(self) -> int:
        """Sold units that a better push would not have put back on sale. The promise is 0."""
        return sum(harm.units for harm in self.violations)

    @property
    def raced_units(self) -> dict[str, int]:
        """Units no protocol could have kept off sale, by class."""
        counted: Counter[str] = Counter()
        for harm in self.harms:
            if harm.kind.is_race:
                counted[harm.kind.value] += harm.units
        return dict(counted)

    # -- the evidence ------------------------------------------------------------------------------------------------------------------------

    def feed(self, events: Iterable[Event]) -> None:
        for event in events:
            self._feed(event)

    def _feed(self, event: Event) -> None:
        match event:
            case Supplied():
                self.truth.supply(event.unit, event.units)
                if event.units < 0 and not event.told:
                    self._went[event.unit] = event.at
            case Claimed():
                self.truth.claim(event)
            case Changed():
                self._changed(event)
            case Known():
                self._known(event)
            case Counted():
                self._counted[event.shop, event.unit] = event.promised
            case Looked():
                self._looked[event.shop] = event.began
            case Armed():
                self._armed(event)
            case Released():
                self._released(event)

    def _shelf(self, shop: str, item: str) -> _Shelf:
        return self._shelves.setdefault((shop, item), _Shelf())

    def _known(self, event: Known) -> None:
        shelf = self._shelf(event.shop, event.item)
        before, shelf.known = shelf.known, event
        if not _wants_more(before) and _wants_more(event):
            shelf.due_since = event.at
        self._forget_edits(shelf)

    def _armed(self, event: Armed) -> None:
        shelf = self._shelf(event.shop, event.item)
        took = shelf.known.took if shelf.known else 0
        self._calls.setdefault(event.key, {})[event.item] = _Attempt(event, took, shelf.due_since)
        if len(self._calls) > CALLS_MAX:
            del self._calls[next(iter(self._calls))]

    def _released(self, event: Released) -> None:
        for item, attempt in self._calls.get(event.key, {}).items():
            if item in event.withdrawn:
                continue
            known = self._shelf(attempt.armed.shop, item).known
            knew = event.knew.get(item, known)
            if knew and knew.frozen:
                self._broke_ice(event, attempt.armed)
            attempt.target_at_release = knew.target if knew else None
            attempt.took_at_release = known.took if known else 0
            attempt.released_at = event.at
            attempt.sends += 1
            attempt.looked = dict(self._looked)
            units = self._goods.behind(attempt.armed.shop, item)
            attempt.counted_at_release = {(shop, unit): self._counted.get((shop, unit), 0) for shop in self._shops for unit in units}

    def _broke_ice(self, event: Released, armed: Armed) -> None:
        before = armed.target - armed.delta
        if len(self.harms) < HARMS_MAX:
            self.harms.append(Harm(HarmClass.FROZEN, event.at, armed.shop, armed.item, before, armed.target, before, 0, armed.key))

    def _changed(self, event: Changed) -> None:
        change = event.change
        item = self._goods.item(event.shop, change.sku, change.location)
        shelf = self._shelf(event.shop, item)
        shelf.shows = change.after
        moved = change.after - change.before
        if change.cause in ("sale", "restore"):
            shelf.took -= moved
            self.truth.took(event.at, event.shop, change.order or "", item, -moved)
        elif change.cause == "edit":
            shelf.edited += moved
        elif moved > 0:
            self._judge(event, item, shelf)
        self._forget_edits(shelf)

    @staticmethod
    def _forget_edits(shelf: _Shelf) -> None:
        """Book, shop and orders agree: nothing of an edit is left to hide a sale."""
        if shelf.edited and shelf.known and shelf.known.book == shelf.shows and shelf.known.took == shelf.took:
            shelf.edited = 0

    # -- the judgement -----------------------------------------------------------------------------------------------------------------------

    def _judge(self, event: Changed, item: str, shelf: _Shelf) -> None:
        self.raises += 1
        change = event.change
        limit = self._goods.most(event.shop, item, self.truth.left)
        shown = change.after - change.withheld
        if shown <= limit or len(self.harms) >= HARMS_MAX:
            return
        units = min(change.after - change.before, shown - limit)
        kind = self._classify(event, item, shelf, limit)
        self.harms.append(Harm(kind, event.at, event.shop, item, change.before, change.after, limit, units, change.write))

    def _classify(self, event: Changed, item: str, shelf: _Shelf, limit: int) -> HarmClass:
        change = event.change
        attempt = self._calls.get(change.write or "", {}).get(item)
        if attempt is None:
            return HarmClass.UNACCOUNTED
        excess = change.after - (attempt.armed.target - (shelf.took - attempt.took))
        if excess > 0:
            return self._own(event, item, shelf, attempt, excess)
        target = shelf.known.target if shelf.known else None
        if target is not None and target < attempt.armed.target:
            knew = attempt.target_at_release is not None and attempt.target_at_release < attempt.armed.target
            return HarmClass.SUPERSEDED_KNOWABLE if knew else HarmClass.SUPERSEDED_WINDOW
        shown, restored = change.after - change.withheld, attempt.took_at_release - shelf.took
        if shown - restored <= limit and shown <= self._goods.there(event.shop, item, self.truth.left):
            return HarmClass.RESTORED
        return self._cross(event, item, attempt)

    def _own(self, event: Changed, item: str, shelf: _Shelf, attempt: _Attempt, excess: int) -> HarmClass:
        if shelf.edited:
            return HarmClass.EDIT
        facts = self._shops[event.shop]
        if shelf.took <= attempt.took:
            return HarmClass.BOOKKEEPING
        since = attempt.looked.get(event.shop, 0.0) - facts.lag
        if self.truth.least_taken(event.shop, item, since, attempt.released_at) > attempt.took_at_release:
            return HarmClass.OWN_KNOWABLE
        opened = attempt.armed.seen_at if attempt.sends <= 1 else attempt.released_at  # a repeat rests on nothing newer
        if not facts.exclusive and excess <= self.truth.taken_since(event.shop, item, opened):
            return HarmClass.OWN_WINDOW
        return HarmClass.OWN_LAG

    def _cross(self, event: Changed, item: str, attempt: _Attempt) -> HarmClass:
        """Units the ledger had not seen: of other shops and other items, of the item itself where its shop does not lower its number at once,
        and what has just gone at the stock authority.
        """
        behind, recipe = sorted(self._goods.behind(event.shop, item)), self._goods.recipe(event.shop, item)
        unseen = any(event.at - self._went.get(unit, float("-inf")) <= self._reading_within for unit in behind)
        for unit in behind:
            count = recipe.get(unit, 0)
            for shop, facts in self._shops.items():
                own = item if shop == event.shop else None
                known = attempt.counted_at_release.get((shop, unit), 0) - (attempt.took_at_release * count if own else 0)
                unseen = unseen or self.truth.promised(shop, unit, untaken=own) > known
                must_have_looked = max(attempt.looked.get(shop, 0.0), attempt.due_since if attempt.armed.delta > 0 else 0.0)
                if self.truth.least(shop, unit, must_have_looked - facts.lag, attempt.released_at, untaken=own) > known:
                    return HarmClass.CROSS_KNOWABLE
        return HarmClass.CROSS_WINDOW if unseen else HarmClass.BOOKKEEPING


def _wants_more(known: Known | None) -> bool:
    return known is not None and known.target is not None and known.book is not None and known.target > known.book
