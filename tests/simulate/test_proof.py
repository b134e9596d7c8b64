"""The proof adds up what its worlds tell, and fails with the command that shows a failure again."""

from __future__ import annotations

from channelsync.testing.proof.profile import PROFILES, Profile
from channelsync.testing.proof.report import Proof
from channelsync.testing.proof.worlds import DENSE, SPARSE, Outcome, Worlds, live, seeds


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


def test_every_seed_of_a_profile_is_run_once() -> None:
    wanted = seeds(Profile("some", dense=3, sparse=2, first=5))
    assert sorted(wanted) == [(DENSE, 5), (DENSE, 6), (DENSE, 7), (SPARSE, 5), (SPARSE, 6)]
    ci = PROFILES["ci"]
    assert (ci.dense >= 280, ci.sparse >= 20) == (True, True)
