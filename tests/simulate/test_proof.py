"""The proof adds up what its worlds tell, and fails with the command that shows a failure again."""

from __future__ import annotations

import pytest

from channelsync.testing.proof import running, worlds
from channelsync.testing.proof.crashes import Crashes
from channelsync.testing.proof.places import Places, points
from channelsync.testing.proof.profile import PROFILES, Profile
from channelsync.testing.proof.report import Proof
from channelsync.testing.proof.running import Piece, in_turn
from channelsync.testing.proof.worlds import DENSE, SPARSE, Outcome, Worlds, live, seeds
from channelsync.testing.siege.database_kills import DatabaseKills
from channelsync.testing.siege.figures import Outcome as Siege
from channelsync.testing.siege.kills import Kills
from channelsync.testing.simulation.every_step import Hit, Point
from channelsync.testing.simulation.points import Kind


def outcome(number: int, problems: tuple[str, ...] = ()) -> Outcome:
    return Outcome((DENSE, number), 0.5, 10, 2, 3, 1, {"crash": 2}, {"bought": 4}, problems, "replay it")


def test_a_world_tells_its_figures() -> None:
    told = live((DENSE, 1))
    assert told.problems == ()
    assert told.hours > 0
    assert told.events > 50
    assert told.acted["bought"] > 0


def test_sums_and_the_verdict() -> None:
    worlds = Worlds()
    for number in (1, 2):
        worlds.add(outcome(number))
    proof = Proof("abc", "ci", 60.0, worlds)
    told = proof.as_json()
    assert (told["events"], told["faults"], told["simulated_hours"][DENSE], told["holds"]) == (20, {"crash": 4}, 1.0, True)
    assert "every rule held" in proof.page()


def test_a_world_that_broke_a_rule_fails_the_proof_and_says_how_to_see_it() -> None:
    worlds = Worlds()
    worlds.add(outcome(7, ("shop shows 2, its target is 1",)))
    proof = Proof("abc", "ci", 60.0, worlds)
    assert not proof.holds
    assert "shop shows 2, its target is 1" in proof.page()
    assert "replay it" in proof.page()
    assert proof.as_json()["violations"][0]["seed"] == [DENSE, 7]


@pytest.mark.parametrize(
    ("lost", "differences", "settled", "holds"),
    [(0, (), 3.0, True), (1, (), 3.0, False), (0, ("shop shows 2",), 3.0, False), (0, (), None, False)],
)
def test_what_a_kill_has_lost_or_changed_fails_the_proof(
    lost: int, differences: tuple[str, ...], settled: float | None, holds: bool
) -> None:
    crashes = Crashes((Kills("sqlite", ("east",), 26, 5, 2.0, Siege(90, 700, lost, differences, settled)),), None)
    proof = Proof("abc", "ci", 60.0, Worlds(), crashes)
    assert proof.holds is holds
    assert "deliveries answered 2xx meanwhile | 700 |" in proof.page()
    assert f"lost or done twice | {lost} |" in proof.page()
    assert proof.as_json()["crashes"]["kills"][0]["cycles"] == 26


def test_a_daemon_that_did_not_survive_its_database_fails_the_proof() -> None:
    whole = Siege(90, 700, 0, (), 3.0)
    assert not Proof("abc", "ci", 60.0, Worlds(), Crashes((), DatabaseKills(5, 5, False, 40, 0.3, whole))).holds


def test_a_place_at_which_a_rule_was_broken_fails_the_proof_and_says_how_to_see_it() -> None:
    hits = Places()
    for kind, problems in ((Kind.DEATH, ()), (Kind.ERROR, ("shop shows 2, its target is 1",))):
        hits.add(Hit(Point("shops", kind, 7), "at the commit", problems))
    hits.add(Hit(Point("shops", Kind.DEATH, 8), "", ()))
    assert (hits.deaths, hits.errors) == (1, 1), "nothing failed at the third"
    proof = Proof("abc", "ci", 60.0, Worlds(), places=hits)
    assert not proof.holds
    assert "| of these, places at which a rule was broken | 1 |" in proof.page()
    assert "--scenario shops --kind error --first 7 --count 1" in proof.page()
    assert proof.as_json()["places"]["broken"][0]["problems"] == ["shop shows 2, its target is 1"]


def test_every_seed_of_a_profile_is_run_once() -> None:
    wanted = seeds(Profile("some", dense=3, sparse=2, first=5))
    assert sorted(wanted) == [(DENSE, 5), (DENSE, 6), (DENSE, 7), (SPARSE, 5), (SPARSE, 6)]
    ci = PROFILES["ci"]
    assert points(Profile("some", dense=3, sparse=2)) == []
    assert (PROFILES["night"].stride, 0 < ci.stride < 200) == (1, True)
    assert (ci.dense >= 280, ci.sparse >= 20, ci.cycles * 2 >= 50, ci.restarts >= 10) == (True, True, True, True)


def test_where_the_time_is_short_every_kind_gets_its_share() -> None:
    kinds = {kind: [Piece(kind, worlds.live, number) for number in range(count)] for kind, count in {"few": 2, "many": 10}.items()}
    dealt = [piece.kind for piece in in_turn(kinds)]
    assert (len(dealt), dealt[:6].count("few"), dealt[6:].count("few")) == (12, 1, 1)


def test_nothing_new_is_begun_after_its_time() -> None:
    ran = running.run(Profile("none", dense=50, sparse=0, minutes=0))
    assert ran.worlds.seeds[DENSE] == 0


def test_a_rig_that_breaks_off_fails_the_proof_and_keeps_the_rest_of_the_page() -> None:
    proof = Proof("abc", "ci", 60.0, Worlds(), Crashes((), None, ("restarts of the database broke off: TimeoutError\nTraceback ...",)))
    assert not proof.holds
    assert "restarts of the database broke off: TimeoutError" in proof.page()
