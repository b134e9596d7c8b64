"""Where Moysklad owns the stock: what is read of it, and documents over several stores."""

from __future__ import annotations

import pytest

from channelsync.contract import Claim, ClaimedLine, ClaimLine, Cursor, Gone, Physical, Role
from channelsync.errors import ChannelError, Refused, Unavailable
from channelsync.testing.conformance import drain
from channelsync.testing.standins.base import Faults, Item
from channelsync.testing.standins.moysklad import MoyskladStandIn, books
from channelsync.testing.standins.moysklad.state import Position
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_moysklad import MoyskladConnector, note
from support.moysklad import tell

AUTHORITY = Role.AUTHORITY


async def full(ms: MoyskladConnector) -> dict[tuple[str, str], Physical]:
    rows, _ = await drain(lambda cursor: ms.physical(cursor, full=True))
    return {(row.listing, row.location): row for row in rows}


def reserved(shop: MoyskladStandIn, sku: str, store: str) -> float:
    return books.number(shop.state, "reserve", shop.good(sku).id, store)


def test_only_the_selected_stores_count_and_what_is_reserved_in_none_counts_at_the_first(
    virtual: VirtualClock, shop: MoyskladStandIn
) -> None:
    main, shown, hidden = shop.state.main_store, shop.add_store("Витрина"), shop.add_store("Брак")
    shop.receive("MUG", 3, store=shown)
    shop.receive("MUG", 50, store=hidden)
    shop.foreign_reserve("MUG", 1, store=None)
    shop.foreign_reserve("MUG", 2, store=main)
    shop.foreign_reserve("MUG", 4, store=hidden)
    mug = shop.good("MUG").id

    async def story(ms: MoyskladConnector) -> None:
        rows = {place: (row.units, row.reserved) for place, row in (await full(ms)).items() if row.listing == mug}
        assert rows == {(mug, main): (10, 3), (mug, shown): (3, 0)}

    tell(virtual, shop, story, AUTHORITY, stores=[main, shown])


def test_what_is_no_whole_number_is_floored_and_told_as_it_stood(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    shop.receive("MUG", 0.5)
    shop.unlinked_demand({"CUP": 7})

    async def story(ms: MoyskladConnector) -> None:
        rows = {row.listing: (row.units, row.read_as) for row in (await full(ms)).values()}
        assert rows == {shop.good("MUG").id: (10, "10.5"), shop.good("CUP").id: (0, "-2")}

    tell(virtual, shop, story, AUTHORITY)


def test_variants_have_rows_of_their_own_bundles_and_batches_none(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    red = shop.add_good("MUG-RED", "variant", parent=shop.good("MUG").id)
    shop.add_good("SET", "bundle", components={shop.good("MUG").id: 2})
    shop.add_good("BATCH", "consignment", parent=shop.good("MUG").id)
    shop.receive("MUG-RED", 4)

    async def story(ms: MoyskladConnector) -> None:
        assert (await full(ms))[red.id, shop.state.main_store].units == 4
        listings, _ = await drain(ms.listings)
        kinds = {listing.sku: (listing.tracked, listing.problem is None) for listing in listings}
        assert kinds == {"MUG": (True, True), "CUP": (True, True), "MUG-RED": (True, True), "SET": (False, False)}

    tell(virtual, shop, story, AUTHORITY)


def test_an_order_over_two_stores_is_two_documents_and_one_claim(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    main, shown = shop.state.main_store, shop.add_store("Витрина")
    mug, cup = shop.good("MUG").id, shop.good("CUP").id
    lines = (ClaimLine("1", mug, main, 2, 2), ClaimLine("2", cup, main, 1, 1), ClaimLine("3", mug, shown, 1, 1))

    async def story(ms: MoyskladConnector) -> None:
        told = await ms.export(Claim("o1", "#1", lines))
        assert len(told.document.split(",")) == 2
        assert {line.ref: line.held for line in told.lines} == {"1": 2, "2": 1, "3": 1}
        found, _ = await drain(ms.claims)
        assert found == [told]
        moved = (ClaimLine("1", mug, shown, 2, 2), *lines[1:])
        told = await ms.export(Claim("o1", "#1", moved, told.document))
        assert {line.ref: line.held for line in told.lines} == {"1": 2, "2": 1, "3": 1}
        assert (reserved(shop, "MUG", main), reserved(shop, "MUG", shown)) == (0, 3)

    tell(virtual, shop, story, AUTHORITY, stores=[main, shown])


def test_documents_in_the_bin_are_known_by_the_name_that_the_claim_had(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    main, shown = shop.state.main_store, shop.add_store("Витрина")
    mug = shop.good("MUG").id
    claim = Claim("o1", "#1", (ClaimLine("1", mug, main, 2, 2), ClaimLine("2", mug, shown, 1, 1)))

    async def story(ms: MoyskladConnector) -> None:
        told = await ms.export(claim)
        _, cursor = await drain(ms.claims)
        for ref, gone in zip(told.document.split(","), (False, True), strict=True):
            await virtual.sleep(3600)
            shop.trash(ref)
            found, cursor = await drain(ms.claims, cursor)
            assert {(each.document, each.gone) for each in found} == {(told.document, gone)}

    tell(virtual, shop, story, AUTHORITY, stores=[main, shown])


def test_positions_and_words_of_others_stay_as_they_are(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    mug, main = shop.good("MUG").id, shop.state.main_store

    async def story(ms: MoyskladConnector) -> None:
        told = await ms.export(Claim("o1", "#1", (ClaimLine("1", mug, main, 2, 2),)))
        document = shop.document(told.document)
        document.description = f"Позвонить!\n{document.description}\nХрупкое"
        shop.rest.state.documents[document.id].positions.append(_gift(shop))
        await ms.export(Claim("o1", "#1", (ClaimLine("1", mug, main, 1, 1),), told.document))
        assert [position.quantity for position in document.positions] == [1, 1]
        assert document.positions[1].reserve == 1
        assert document.description.startswith("Позвонить!")
        assert "Хрупкое" in document.description
        assert note.read(document.description, main) == note.note("o1", main, [("1", mug, 1)])

    tell(virtual, shop, story, AUTHORITY)


def _gift(shop: MoyskladStandIn) -> Position:
    return Position(shop.state.new_id(), shop.good("CUP").id, 1, 1)


def test_a_note_that_somebody_edited_is_set_aside_and_written_anew(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    claim = Claim("o1", "#1", (ClaimLine("1", shop.good("MUG").id, shop.state.main_store, 2, 2),))

    async def story(ms: MoyskladConnector) -> None:
        told = await ms.export(claim)
        for edited in ("", "channelsync: {oops"):
            shop.document(told.document).description = edited
            pages = [page async for page in ms.claims(Cursor())]
            assert [page.items for page in pages if page.items] == []
            ((ref, reason, _),) = [row for page in pages for row in page.refused]
            assert (ref, "note" in reason) == ("o1", True)
            await ms.export(claim)
            assert (await drain(ms.claims))[0] == [told]

    tell(virtual, shop, story, AUTHORITY)


def test_a_shipment_thrown_into_the_bin_is_seen_even_if_it_leaves_the_orders_own_time_alone(
    virtual: VirtualClock, shop: MoyskladStandIn
) -> None:
    shop.dials.shipment_updates = False
    claim = Claim("o1", "#1", (ClaimLine("1", shop.good("MUG").id, shop.state.main_store, 2, 2),))

    async def story(ms: MoyskladConnector) -> None:
        told = await ms.export(claim)
        demand = shop.demand(told.document, {"MUG": 2})
        (shipped,), cursor = await drain(ms.claims)
        assert shipped.lines == (ClaimedLine("1", 0, 2),)
        await virtual.sleep(3600)
        shop.trash(demand)
        found, _ = await drain(ms.claims, cursor)
        assert {claimed.lines for claimed in found} == {(ClaimedLine("1", 0, 0),)}

    tell(virtual, shop, story, AUTHORITY)


def test_an_order_of_fifty_lines_fits_one_document_and_one_of_five_hundred_is_refused(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    """Refs as the ledger makes them: the line, the good and the store."""
    shop.stock([Item(f"SKU-{number}", 100) for number in range(50)])
    goods, main = [shop.good(f"SKU-{number}").id for number in range(50)], shop.state.main_store

    def claim(key: str, count: int) -> Claim:
        lines = [(str(900_000_000_000 + number), goods[number % 50]) for number in range(count)]
        return Claim(key, f"#{key}", tuple(ClaimLine(f"{line}/{good}@{main}", good, main, 1, 1) for line, good in lines))

    async def story(ms: MoyskladConnector) -> None:
        told = await ms.export(claim("many", 50))
        assert {line.ref for line in told.lines} == {line.ref for line in claim("many", 50).lines}
        assert (await drain(ms.claims))[0] == [told]
        with pytest.raises(Refused, match="too many lines"):
            await ms.export(claim("far-too-many", 500))

    tell(virtual, shop, story, AUTHORITY)


def test_in_a_storm_nothing_is_held_twice_and_the_platform_never_cuts_us_off(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    """Ten minutes of a bad day, with everybody calling at once: what comes through is right, and the ban is never near."""
    shop.stock([Item(f"SKU-{number}", 100) for number in range(8)])
    shop.dials.credential = "solution"
    shop.faults = Faults(throttle=0.3, server_error_before=0.1, server_error_after=0.1, drop_after=0.05, truncated=0.1, html=0.05)
    goods = [shop.good(f"SKU-{number}").id for number in range(8)]
    main = shop.state.main_store

    async def story(ms: MoyskladConnector) -> None:
        done: set[int] = set()
        until = virtual.monotonic() + 600.0
        while virtual.monotonic() < until:
            for number, good in enumerate(goods):
                try:
                    await ms.export(Claim(f"o{number}", f"#{number}", (ClaimLine("1", good, main, 3, 3),)))
                    done.add(number)
                except ChannelError:
                    await virtual.sleep(0.2)
            try:
                await drain(ms.physical)
                await drain(ms.claims)
            except ChannelError:
                await virtual.sleep(0.2)
        shop.faults = Faults()
        assert len(done) == len(goods)
        assert shop.switched_off == 0
        assert {reserved(shop, f"SKU-{number}", main) for number in range(8)} == {3}

    tell(virtual, shop, story, AUTHORITY)


def test_the_same_lost_question_is_not_asked_until_the_platform_bans_us(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    """Each answer is an error to the platform, and a published solution may ask often enough to be banned for it."""
    shop.dials.credential = "solution"
    lost = "00000000-0000-0000-0000-000000000001"

    async def story(ms: MoyskladConnector) -> None:
        held_back = 0
        until = virtual.monotonic() + 180.0
        while virtual.monotonic() < until:
            try:
                assert await ms.order(lost) == Gone(lost)
            except Unavailable:
                held_back += 1
                await virtual.sleep(1.0)
        assert held_back
        assert shop.switched_off == 0
        await ms.check()

    tell(virtual, shop, story)


def test_an_order_that_keeps_changing_is_not_written_until_the_platform_bans_us(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    shop.dials.credential = "solution"
    mug, main = shop.good("MUG").id, shop.state.main_store

    async def story(ms: MoyskladConnector) -> None:
        held_back, units = 0, 1
        until = virtual.monotonic() + 180.0
        while virtual.monotonic() < until:
            units = 5 - units  # 4, 1, 4, 1 ...
            try:
                await ms.export(Claim("o1", "#1", (ClaimLine("1", mug, main, 4, units),)))
            except Unavailable:
                held_back += 1
                await virtual.sleep(1.0)
        assert held_back
        assert shop.switched_off == 0
        await virtual.sleep(60.0)
        await ms.export(Claim("o1", "#1", (ClaimLine("1", mug, main, 4, 2),)))
        assert reserved(shop, "MUG", main) == 2

    tell(virtual, shop, story, AUTHORITY)
