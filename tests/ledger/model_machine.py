"""Tells the ledger and its model on paper the same things in the same order, and compares what they say after every step."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import select

from channelsync.contract import OrderSnapshot, OrderState
from channelsync.ledger import expiry, keys
from channelsync.ledger.audit import audit
from channelsync.ledger.expiry import Ending
from channelsync.ledger.reservations import Reserved
from channelsync.ledger.schema import idempotency_keys, locations, stock_levels
from channelsync.ledger.schema import reservations as reservation_table
from channelsync.ledger.schema import skus as sku_table
from channelsync.ledger.skus import Backorder
from ledger.model import GOODS, KIT, PLACES, Named, Paper
from ledger.model_requests import NOBODY, REQUESTS, said
from support.order_lives import STEPS, Life
from support.selling import Shop
from support.stock import NOW

AUDIT_EVERY = 10
ON_HAND = 4

some_skus = st.sampled_from(["A", "B"])
a_sku = st.sampled_from(["A", "A", "A", "A", "B", "B", "KIT", "KIT", "X"])
a_place = st.sampled_from(["main", "main", "main", "main", "annex", "annex", "nowhere"])
references = st.sampled_from(["one", "two"])
named: st.SearchStrategy[Named] = st.one_of(
    st.tuples(references, st.none(), st.none() | some_skus), st.tuples(st.none(), st.integers(0, 6), st.none())
)
few = st.sampled_from([1, 1, 2, 3, 5])
kinds = st.sampled_from(["soft", "soft", "hard"])
more_lines = st.lists(st.tuples(a_sku, a_place, few), max_size=2).map(lambda lines: tuple(lines) if len(lines) == 2 else ())
some_steps = st.lists(st.sampled_from(STEPS), min_size=1, max_size=3) | st.just(["pay", "ship"])
seldom = st.integers(0, 4).map(lambda drawn: drawn == 0)
Lines = tuple[tuple[str, str, int], ...]
how_keyed = st.sampled_from(["", "", "key", "kept"])


class LedgerMachine(RuleBasedStateMachine):
    """Asks both; what a run has done to the database is undone at its end."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop, self.conn, self.now = shop, shop.conn, NOW
        self.savepoint = shop.conn.begin_nested()
        self.paper = Paper(Counter({(sku, place): ON_HAND for sku in "AB" for place in PLACES.values()}))
        self.ids: list[int] = []
        self.sent: list[tuple[str, tuple[Any, ...], str, bool]] = []
        self.lives: dict[str, Life] = {}
        self.versions: dict[str, list[OrderSnapshot]] = {}
        self.reads = self.steps = 0

    def teardown(self) -> None:
        try:
            if self.savepoint.is_active:
                assert audit(self.conn) == []
        finally:
            self.savepoint.rollback()

    # -- what is asked ---------------------------------------------------------------------------------------------------------------------

    @rule(
        verb=st.sampled_from(["receive", "adjust", "count", "count", "take_back", "restock"]),
        sku=a_sku,
        place=a_place,
        claimed=st.booleans(),
        units=few,
        key=how_keyed,
    )
    def move_units(self, verb: str, sku: str, place: str, claimed: bool, units: int, key: str) -> None:
        """claimed: where somebody claims units."""
        spots = [claim.at for claim in self.paper.claims if claim.state == "open"]
        sku, place = spots[0] if claimed and spots else (sku, place)
        self._ask(verb, (sku, place, 2 - units or -4) if verb == "adjust" else (sku, place, units), key)

    @rule(
        reference=references,
        line=st.tuples(a_sku, a_place, few),
        more=more_lines,
        kind=kinds,
        minutes=st.sampled_from([10, 30]),
        key=how_keyed,
    )
    def reserve(self, reference: str, line: tuple[str, str, int], more: Lines, kind: str, minutes: int, key: str) -> None:
        self._ask("reserve", (reference, (line, *more), kind, minutes), key)

    @precondition(lambda self: self.ids)
    @rule(verb=st.sampled_from(["release", "fulfil"]), told=named, units=few, whole=st.booleans(), key=how_keyed)
    def end_claims(self, verb: str, told: Named, units: int, whole: bool, key: str) -> None:
        self._ask(verb, (self._known(told), None if whole else units), key)

    @precondition(lambda self: self.ids)
    @rule(told=named, minutes=st.sampled_from([5, 30, 60]), key=how_keyed)
    def extend(self, told: Named, minutes: int, key: str) -> None:
        self._ask("extend", (self._known(told), minutes), key)

    @precondition(lambda self: self.ids)
    @rule(told=named, key=how_keyed)
    def harden(self, told: Named, key: str) -> None:
        self._ask("harden", (self._known(told),), key)

    def _known(self, told: Named) -> Named:
        """Mostly what is open."""
        reference, number, sku = told
        if number is not None:
            still = [place for place, claim in enumerate(self.paper.claims) if claim.state == "open"]
            number = still[number % len(still)] if still and number < 5 else number if number < len(self.ids) else NOBODY
        return reference, number, sku

    @precondition(lambda self: self.steps % 8 == 7)
    @rule(sku=some_skus, policy=st.sampled_from([each.value for each in Backorder]), limit=st.none() | st.integers(0, 4), key=how_keyed)
    def set_backorder(self, sku: str, policy: str, limit: int | None, key: str) -> None:
        self._ask("set_backorder", (sku, policy, limit), key)

    @precondition(lambda self: self.sent and self.steps % 3 == 0)
    @rule(first=st.integers(0, 50), other=st.none() | st.integers(0, 50))
    def use_a_key_again(self, first: int, other: int | None) -> None:
        """For the same request, or for another one that was sent."""
        verb, args, key, keep = self.sent[first % len(self.sent)]
        if other is not None:
            alike = [sent for sent in self.sent if sent[0] == verb]
            verb, args, _, _ = (alike if other % 2 else self.sent)[other % len(alike)]
        self._both(verb, args, key, keep)

    def _ask(self, verb: str, args: tuple[Any, ...], keyed: str) -> None:
        key = f"key-{len(self.sent)}" if keyed else None
        if key is not None:
            self.sent.append((verb, args, key, keyed == "kept"))
        self._both(verb, args, key, keyed == "kept")

    def _both(self, verb: str, args: tuple[Any, ...], key: str | None, keep: bool) -> None:
        run, request = REQUESTS[verb]
        [answer] = run(self.conn, [request(self.ids, *args, key=key, keep_key=keep)], self.now)
        expected = self.paper.ask(verb, args, key, keep, self.now)
        assert (said(answer), getattr(answer, "repeat", False)) == expected, (verb, args)
        if isinstance(answer, Reserved) and not answer.repeat:
            self.ids += [claim.reservation for claim in answer.claims]
        self._same()

    # -- time ------------------------------------------------------------------------------------------------------------------------------

    @rule(to=st.sampled_from(["soon", "next end", "next end", "a moment after", "next week"]), swept=st.booleans())
    def time_passes(self, to: str, swept: bool) -> None:
        """swept: and what has ended is tidied up; a week later keys are forgotten, too."""
        ends = [end for end in self.paper.ends() if end > self.now]
        if "end" in to and ends:
            self.now = min(ends)
        else:
            self.now += {"a moment after": timedelta(seconds=30), "next week": timedelta(days=8)}.get(to, timedelta(minutes=10))
        if swept:
            expiry.end_holds(self.conn, [Ending(100)], self.now)
            self.paper.sweep(self.now)
        if to == "next week":
            keys.purge(self.conn, self.now)
            self.paper.forget(self.now)
        self._same()

    # -- orders ----------------------------------------------------------------------------------------------------------------------------

    @rule(
        steps=some_steps,
        same_second=seldom,
        back=st.sampled_from([0, 0, 0, 1, 2, 3]),
        direct=st.booleans(),
        late=st.integers(0, 3),
        data=st.data(),
    )
    def the_shop_tells(self, steps: list[str], same_second: bool, back: int, direct: bool, late: int, data: st.DataObject) -> None:
        """The order changes, and its newest version or an older one is told. late: by so many questions of ours its reading was overtaken."""
        ref = "101" if data.draw(seldom) else "100"
        if ref not in self.lives:
            self._is_placed(ref, data)
            steps = []
        told = self.versions[ref]
        self.lives[ref].draw = data.draw  # type: ignore[assignment]  # the same, but for its label
        for step in steps:
            self._changes(ref, step, same_second=same_second)
        self.reads += 1
        snapshot, seq = told[max(0, len(told) - 1 - back)], max(0, self.reads - late)
        result = self.shop.see(snapshot, direct=direct, read_seq=seq, at=self.now)
        assert result.verdict.value == self.paper.see(snapshot, seq, direct, self.now), result.reason
        self._same()

    the_shop_goes_on = the_shop_tells

    def _changes(self, ref: str, step: str, *, same_second: bool) -> None:
        life, told = self.lives[ref], self.versions[ref]
        before = life.at
        life.take(step)
        if same_second and len(told) > 1 and told[-1].modified_at > told[-2].modified_at:
            life.at = before  # of two changes in one second, not of three
        told.append(replace(life.version(), ref=ref, reservation_ref=told[0].reservation_ref))

    def _is_placed(self, ref: str, data: st.DataObject) -> None:
        """Often out of the oldest claim that is open: somebody had it in the cart."""
        state = data.draw(st.sampled_from([OrderState.PENDING, OrderState.OPEN]))
        life = self.lives[ref] = Life(data.draw, state, sold=tuple(GOODS))  # type: ignore[arg-type]
        life.take("add")
        cart = next((claim for claim in self.paper.claims if claim.state == "open"), None)
        reference = data.draw(st.none() | references)
        if cart is not None and data.draw(st.booleans()):
            reference, (sku, place) = cart.reference, cart.at
            location = next(location for location, code in PLACES.items() if code == place)
            life.lines = [replace(line, listing=sku.lower(), location=location) for line in life.lines]
        self.versions[ref] = [replace(life.version(), ref=ref, reservation_ref=reference)]

    # -- what both say ---------------------------------------------------------------------------------------------------------------------

    def _same(self) -> None:
        self._same_levels()
        self._same_claims()
        assert set(self.conn.scalars(select(idempotency_keys.c.key))) == set(self.paper.keys)
        if self.paper.orders:
            shelves = [(listing, place) for listing in GOODS for place in PLACES]
            assert {at: self.shop.book(*at) for at in shelves} == {at: self.paper.shows(*at) for at in shelves}
        self.steps += 1
        if self.steps % AUDIT_EVERY == 0:
            assert audit(self.conn) == []

    def _same_levels(self) -> None:
        query = (
            select(stock_levels, sku_table.c.sku, locations.c.code)
            .join(sku_table, sku_table.c.id == stock_levels.c.sku_id)
            .join(locations, locations.c.id == stock_levels.c.location_id)
        )
        found = {(row.sku, row.code): (row.on_hand, row.soft, row.hard, row.quarantined) for row in self.conn.execute(query)}
        paper = self.paper
        assert found == {
            at: (paper.on_hand[at], paper.claimed("soft", at), paper.claimed("hard", at), paper.quarantined[at]) for at in found
        }
        assert len(found) == len(PLACES) * len(KIT)

    def _same_claims(self) -> None:
        rows = self.conn.execute(select(reservation_table).order_by(reservation_table.c.id)).all()
        found = [(row.id, row.reference, row.kind, row.open, row.state, row.expires_at) for row in rows]
        paper = [(claim.reference, claim.kind, claim.open, claim.state, claim.expires_at) for claim in self.paper.claims]
        assert found == [(id_, *claim) for id_, claim in zip(self.ids, paper, strict=True)]
