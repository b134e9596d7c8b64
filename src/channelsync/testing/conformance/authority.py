"""Promises of a stock authority: what it says of its stock is what lies there, and what it is told about our sales it holds, once.

    class TestMine(AuthoritySuite):
        @pytest.fixture
        def world(self) -> World:
            return build_world(connector, make_stand_in, wrong={"token": "x"}, role=Role.AUTHORITY)

The stand-in has the moves of a `Warehouse` besides those of a shop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

import pytest

from channelsync.contract import Claim, Claimed, ClaimedLine, ClaimLine, Cursor, HasLocations, Physical, ShelfRef, StockAuthority
from channelsync.errors import ChannelError, Refused, Unauthorized
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import World, drain, unknown

IN_DOUBT = (Break.LOST_ANSWER, Break.RESET, Break.ERROR_AFTER, Break.HTML, Break.TRUNCATED, Break.EMPTY, Break.STRANGE, Break.LOST_REQUEST)
HOUR, DAY = 3600.0, 86_400.0


class Warehouse(Protocol):
    """What happens in a warehouse. `document` is the ref that an export answered."""

    def receive(self, sku: str, units: float) -> str: ...

    def demand(self, document: str, lines: Mapping[str, float]) -> str:
        """Its people ship an order of ours."""

    def foreign_reserve(self, sku: str, units: float) -> str:
        """Somebody else reserves; a ref to release it by."""

    def release(self, order: str) -> None: ...

    def recalculate(self, sku: str, seconds: float) -> None:
        """For so long it cannot tell this good's numbers."""

    def trash(self, document: str) -> None: ...

    def hard_delete(self, document: str) -> None: ...


class Scene:
    """The small moves that these promises are made of."""

    def __init__(self, world: World) -> None:
        assert isinstance(world.connector, StockAuthority)
        self.world, self.authority = world, world.connector
        self.warehouse = cast("Warehouse", world.shop)
        self.place, self.refs = "", dict[str, str]()

    async def sell(self, *skus: str, shows: int = 10) -> None:
        self.world.sell(*skus, shows=shows)
        connector = self.world.connector
        if isinstance(connector, HasLocations):
            self.place = next(location.ref for location in await connector.locations() if location.active)
        self.refs = {listing.sku or "": listing.ref for listing in await self.world.listings()}

    async def run(self, cursor: Cursor | None = None, *, full: bool = False) -> tuple[dict[str, Physical], Cursor]:
        """What a complete run says, by SKU; of a good that comes twice the last word counts."""
        rows, mark = await drain(lambda at: self.authority.physical(at, full=full), cursor)
        names = {ref: sku for sku, ref in self.refs.items()}
        return {names[row.listing]: row for row in rows if row.location == self.place}, mark

    async def now(self, sku: str) -> Physical:
        (row,) = await self.authority.physical_of([self.shelf(sku)])
        return row

    def shelf(self, sku: str) -> ShelfRef:
        return ShelfRef(self.refs[sku], self.place)

    def claim(self, key: str, held: Mapping[str, int], *, ordered: Mapping[str, int] | None = None, document: str | None = None) -> Claim:
        """One line per SKU; it holds all that was ordered unless told otherwise."""
        lines = [ClaimLine(f"line-{sku}", self.refs[sku], self.place, (ordered or held)[sku], units) for sku, units in held.items()]
        return Claim(key, f"#{key}", tuple(lines), document)

    async def claims(self, cursor: Cursor | None = None) -> tuple[dict[str, Claimed], Cursor]:
        found, mark = await drain(self.authority.claims, cursor)
        return {claimed.key: claimed for claimed in found}, mark


class PhysicalPromises:
    @promise
    async def test_a_full_run_brings_every_number_zeros_too(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("EMPTY", shows=0)
        await scene.sell("MUG", "TEE", shows=7)
        rows, _ = await scene.run(full=True)
        assert {sku: row.units for sku, row in rows.items()} == {"EMPTY": 0, "MUG": 7, "TEE": 7}
        assert (await scene.run())[0] == rows, "an empty cursor means everything"

    @promise
    async def test_a_later_run_brings_what_moved_and_a_row_that_does_not_come_is_no_zero(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        await world.clock.sleep(HOUR)
        _, cursor = await scene.run()
        await world.clock.sleep(HOUR)
        scene.warehouse.receive("MUG", 5)
        rows, _ = await scene.run(cursor)
        assert rows["MUG"].units == 15
        assert "TEE" not in rows or rows["TEE"].units == 10

    @promise
    async def test_what_moves_between_two_runs_is_never_missed(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", shows=100)
        seen, cursor = await scene.run()
        for step in range(8):
            await world.clock.sleep(0.3 * 7**step)
            scene.warehouse.receive("MUG", 1)
            rows, cursor = await scene.run(cursor)
            seen |= rows
            assert seen["MUG"].units == 101 + step

    @promise
    async def test_an_old_cursor_reads_everything(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        _, cursor = await scene.run()
        await world.clock.sleep(3 * DAY)
        rows, _ = await scene.run(cursor)
        assert rows.keys() == {"MUG", "TEE"}

    @promise
    async def test_what_is_being_recalculated_has_no_number_until_it_has(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        scene.warehouse.recalculate("MUG", 60.0)
        rows, _ = await scene.run(full=True)
        assert rows["TEE"].units == 10
        assert "MUG" not in rows or rows["MUG"].units is None
        assert [row.units for row in await scene.authority.physical_of([scene.shelf("MUG")])] in ([], [None])
        await world.clock.sleep(61.0)
        assert (await scene.now("MUG")).units == 10

    @promise
    async def test_by_name_what_cannot_be_told_is_absent(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        known = scene.shelf("MUG")
        strange = (ShelfRef(unknown(known.listing), known.location), ShelfRef(known.listing, unknown(known.location)))
        assert [(row.listing, row.units) for row in await scene.authority.physical_of([*strange, known])] == [(known.listing, 10)]
        assert list(await scene.authority.physical_of([])) == []

    @promise
    async def test_what_others_reserve_is_told_and_lowers_no_stock(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        await world.clock.sleep(HOUR)
        _, cursor = await scene.run()
        await world.clock.sleep(HOUR)
        order = scene.warehouse.foreign_reserve("MUG", 4)
        rows, cursor = await scene.run(cursor)
        assert (rows["MUG"].units, rows["MUG"].reserved) == (10, 4), "a reserve that changes alone is news"
        scene.warehouse.release(order)
        rows, _ = await scene.run(cursor)
        assert (rows["MUG"].units, rows["MUG"].reserved) == (10, 0)

    @promise
    async def test_a_reading_that_was_cut_short_never_looks_complete(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        for how in (Break.TRUNCATED, Break.HTML, Break.EMPTY, Break.STRANGE, Break.NOT_FOUND):
            for skip in (0, 1):
                await world.recover()
                with world.wire.broken(how, skip=skip, times=ALWAYS), pytest.raises(ChannelError):
                    await scene.run()

    @promise
    async def test_it_sells_nothing_and_has_no_shelves(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        await scene.authority.export(scene.claim("o1", {"MUG": 2}))
        assert [listing.locations for listing in await world.listings()] == [()]
        assert (await world.orders())[0] == []

    @promise
    async def test_a_stranger_learns_and_writes_nothing(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        stranger = world.stranger
        assert isinstance(stranger, StockAuthority)
        with pytest.raises(Unauthorized):
            await drain(stranger.physical)
        with pytest.raises(Unauthorized):
            await drain(stranger.claims)
        with pytest.raises(Unauthorized):
            await stranger.export(scene.claim("o1", {"MUG": 2}))
        assert (await scene.now("MUG")).reserved == 0


class ExportPromises:
    @promise
    async def test_what_is_claimed_is_held_and_nothing_leaves(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        told = await scene.authority.export(scene.claim("o1", {"MUG": 3, "TEE": 1}))
        assert (told.key, told.gone) == ("o1", False)
        assert told.document
        assert set(told.lines) == {ClaimedLine("line-MUG", 3, 0), ClaimedLine("line-TEE", 1, 0)}
        assert (await scene.now("MUG")).reserved == 3
        assert (await scene.now("MUG")).units == 10

    @promise
    async def test_a_repeat_changes_nothing(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        first = await scene.authority.export(scene.claim("o1", {"MUG": 3}))
        assert await scene.authority.export(scene.claim("o1", {"MUG": 3})) == first, "with the answer lost, its ref is not known"
        assert await scene.authority.export(scene.claim("o1", {"MUG": 3}, document=first.document)) == first
        assert (await scene.now("MUG")).reserved == 3

    @promise
    async def test_after_a_lost_answer_the_same_call_brings_the_same_end(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", shows=100)
        held = 0
        for how in IN_DOUBT:
            await world.recover()
            claim = scene.claim(f"o-{how}", {"MUG": 2})
            with world.wire.broken(how, kind="write", times=ALWAYS), pytest.raises(ChannelError):
                await scene.authority.export(claim)
            await world.recover()
            told = await scene.authority.export(claim)
            held += 2
            assert told.lines == (ClaimedLine("line-MUG", 2, 0),)
            assert (await scene.now("MUG")).reserved == held, f"{how}: held twice, or not at all"

    @promise
    async def test_a_claim_can_grow_shrink_and_get_another_line(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG", "TEE")
        told = await scene.authority.export(scene.claim("o1", {"MUG": 3}))
        for held in ({"MUG": 5}, {"MUG": 1}, {"MUG": 1, "TEE": 4}, {"MUG": 2, "TEE": 0}):
            ordered = {sku: max(1, units) for sku, units in held.items()}
            told = await scene.authority.export(scene.claim("o1", held, ordered=ordered, document=told.document))
            assert {line.ref.removeprefix("line-"): line.held for line in told.lines} == held
            assert {sku: (await scene.now(sku)).reserved for sku in held} == held

    @promise
    async def test_a_cancelled_claim_holds_nothing(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        told = await scene.authority.export(scene.claim("o1", {"MUG": 3}))
        again = await scene.authority.export(scene.claim("o1", {"MUG": 0}, ordered={"MUG": 3}, document=told.document))
        assert again.lines == (ClaimedLine("line-MUG", 0, 0),)
        assert (await scene.now("MUG")).reserved == 0

    @promise
    async def test_two_lines_of_one_good_are_told_apart(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        lines = tuple(ClaimLine(ref, scene.refs["MUG"], scene.place, units, units) for ref, units in (("a", 2), ("b", 3)))
        told = await scene.authority.export(Claim("o1", "#1", lines))
        assert set(told.lines) == {ClaimedLine("a", 2, 0), ClaimedLine("b", 3, 0)}
        assert (await scene.now("MUG")).reserved == 5

    @promise
    async def test_an_unknown_good_is_refused(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        scene.refs["LOST"] = unknown(scene.refs["MUG"])
        with pytest.raises(Refused):
            await scene.authority.export(scene.claim("o1", {"LOST": 1}))

    @promise
    async def test_what_the_warehouse_shipped_is_seen(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        told = await scene.authority.export(scene.claim("o1", {"MUG": 3}))
        _, cursor = await scene.claims()
        await world.clock.sleep(HOUR)
        for parcel, shipped, rest in ((2, 2, 1), (1, 3, 0)):
            scene.warehouse.demand(told.document, {"MUG": parcel})
            await world.visible()
            found, cursor = await scene.claims(cursor)
            assert found["o1"] == Claimed("o1", told.document, (ClaimedLine("line-MUG", rest, shipped),))
            row = await scene.now("MUG")
            assert (row.units, row.reserved) == (10 - shipped, rest)

    @promise
    async def test_what_was_shipped_is_not_held_again(self, world: World) -> None:
        """Our own ledger may learn of the shipment later than the warehouse makes it."""
        scene = Scene(world)
        await scene.sell("MUG")
        told = await scene.authority.export(scene.claim("o1", {"MUG": 3}))
        scene.warehouse.demand(told.document, {"MUG": 3})
        told = await scene.authority.export(scene.claim("o1", {"MUG": 3}, document=told.document))
        assert told.lines == (ClaimedLine("line-MUG", 0, 3),)
        assert (await scene.now("MUG")).reserved == 0

    @promise
    async def test_a_document_that_was_deleted_is_seen_and_made_anew_when_it_is_asked_for(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        told = {key: await scene.authority.export(scene.claim(key, {"MUG": 2})) for key in ("bin", "gone")}
        _, cursor = await scene.claims()
        await world.clock.sleep(HOUR)
        scene.warehouse.trash(told["bin"].document)
        scene.warehouse.hard_delete(told["gone"].document)
        await world.visible()
        found, _ = await scene.claims(cursor)
        for key, claimed in told.items():
            assert (found[key].document, found[key].gone) == (claimed.document, True)
        assert (await scene.now("MUG")).reserved == 0
        for held, key in ((2, "bin"), (4, "gone")):
            claim = scene.claim(key, {"MUG": 2}, document=told[key].document)
            anew = await scene.authority.export(claim)
            assert anew.document not in {"", told[key].document}
            assert (anew.lines, anew.gone) == ((ClaimedLine("line-MUG", 2, 0),), False)
            assert await scene.authority.export(claim) == anew, "the answer may have been lost"
            assert (await scene.now("MUG")).reserved == held

    @promise
    async def test_a_document_that_was_made_anew_is_missed_again_when_it_too_is_deleted(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        told = await scene.authority.export(scene.claim("o1", {"MUG": 2}))
        _, cursor = await scene.claims()
        for throw_away in (scene.warehouse.trash, scene.warehouse.trash, scene.warehouse.hard_delete):
            await world.clock.sleep(HOUR)
            throw_away(told.document)
            await world.visible()
            found, cursor = await scene.claims(cursor)
            assert (found["o1"].document, found["o1"].gone) == (told.document, True)
            told = await scene.authority.export(scene.claim("o1", {"MUG": 2}, document=told.document))

    @promise
    async def test_a_claim_that_holds_nothing_makes_no_document(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        told = await scene.authority.export(scene.claim("o1", {"MUG": 2}))
        scene.warehouse.hard_delete(told.document)
        for document in (told.document, None):
            again = await scene.authority.export(scene.claim("o1", {"MUG": 0}, ordered={"MUG": 2}, document=document))
            assert all(line.held == 0 for line in again.lines)
        assert (await scene.claims())[0] == {}
        assert (await scene.now("MUG")).reserved == 0

    @promise
    async def test_claims_tell_of_our_documents_alone(self, world: World) -> None:
        scene = Scene(world)
        await scene.sell("MUG")
        scene.warehouse.foreign_reserve("MUG", 1)
        await scene.authority.export(scene.claim("o1", {"MUG": 2}))
        await world.clock.sleep(HOUR)
        found, cursor = await scene.claims()
        assert found.keys() == {"o1"}
        await world.clock.sleep(HOUR)
        later, _ = await scene.claims(cursor)
        assert later == {}


class AuthoritySuite(PhysicalPromises, ExportPromises):
    """Needs one fixture, `world`, made with `role=Role.AUTHORITY`."""
