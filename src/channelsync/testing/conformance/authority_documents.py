"""Promises of a stock authority about documents: what it is told about our sales it holds, once, and it tells what became of it."""

from __future__ import annotations

import pytest

from channelsync.contract import Claim, Claimed, ClaimedLine, ClaimLine
from channelsync.errors import ChannelError, Refused
from channelsync.testing.conformance.authority_scene import Scene
from channelsync.testing.conformance.promises import promise
from channelsync.testing.conformance.wire import ALWAYS, Break
from channelsync.testing.conformance.world import World, unknown

IN_DOUBT = (Break.LOST_ANSWER, Break.RESET, Break.ERROR_AFTER, Break.HTML, Break.TRUNCATED, Break.EMPTY, Break.STRANGE, Break.LOST_REQUEST)
HOUR = 3600.0


class DocumentPromises:
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
