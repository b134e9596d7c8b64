"""A world in which people do what a script says, at the time it says."""

from __future__ import annotations

from dataclasses import replace

from channelsync.testing.simulation.plan import MAIN, Plan
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.recordings import NOBODY
from channelsync.testing.simulation.report import Report
from channelsync.testing.simulation.script import Buy, Cancel, Deed, Edit, Hold, LetGo, Lose, Move, Pay, Refund, Script, Ship
from channelsync.testing.simulation.world import World
from simulate.worlds import world

SKU = "SKU-0"


def played(*deeds: Deed, levels: dict[tuple[str, str], int] | None = None, **habits: object) -> Report:
    plan: Plan = replace(world(1, rates=NOBODY, stock=10, **habits), script=Script(deeds, levels))  # type: ignore[arg-type]
    with quiet():
        report = World(plan).run()
    assert report.problems == []
    return report


def test_every_kind_of_deed_is_done() -> None:
    report = played(
        Buy(1.0, "north", "a", {SKU: 3}),
        Buy(1.0, "south", "b", {SKU: 2}, heard=False),
        Refund(2.0, "north", "a", SKU, 1),
        Ship(3.0, "north", "a"),
        Cancel(4.0, "south", "b"),
        Move(5.0, SKU, MAIN, 4),
        Move(6.0, SKU, MAIN, -1),
        Hold(7.0, "cart", SKU, MAIN, 2),
        LetGo(9.0, "cart"),
        Edit(10.0, "south", SKU, 1),
        levels={(SKU, MAIN): 7},
    )
    assert report.played.missed == []
    assert report.left == {(SKU, MAIN): 7 - 2 + 4 - 1}
    assert report.acted == {"bought": 2, "refund": 1, "ship": 1, "cancel": 1, "move": 2, "hold": 1, "letgo": 1, "edited": 1}


def test_what_a_world_does_not_allow_is_missed_and_said() -> None:
    report = played(Buy(1.0, "north", "a", {SKU: 99}), Pay(2.0, "north", "a"), levels={(SKU, MAIN): 3})
    assert report.played.missed == ["1.0 s: buy north a: sold out: SKU-0", "2.0 s: pay north a: the order was never placed here"]
    assert report.played.turned_away == {("north", SKU): 99}


def test_orders_from_before_the_first_day_are_held() -> None:
    plan = replace(
        world(1, rates=NOBODY), script=Script((Buy(-5.0, "north", "old", {SKU: 2}), Ship(3.0, "north", "old")), {(SKU, MAIN): 5})
    )
    north, south = plan.shops
    with quiet():
        report = World(replace(plan, shops=(replace(north, shows={(SKU, ""): 5}), south))).run()
    assert report.problems == []
    assert report.played.missed == []
    assert report.left == {(SKU, MAIN): 3}


def test_a_single_write_is_lost_on_either_way_or_told_to_come_again() -> None:
    deeds: list[Deed] = []
    for number, what in enumerate(("request", "answer", "throttled")):
        at = 1.0 + 25.0 * number
        deeds += [Lose(at, "south", what), Buy(at + 0.5, "north", f"o-{number}", {SKU: 1})]  # type: ignore[arg-type]
    report = played(*deeds, levels={(SKU, MAIN): 9}, seconds=80.0)
    assert (report.faults["request lost"], report.faults["answer lost"], report.faults["throttled"]) == (1, 1, 1)
    assert report.left == {(SKU, MAIN): 6}


def test_a_script_goes_beside_a_world_that_opens_as_any_other() -> None:
    report = played(Buy(1.0, "north", "a", {SKU: 1}), Move(2.0, SKU, MAIN, 5))
    assert report.played.missed == []
    assert report.played.sold == {("north", SKU): 1}
