"""An incident that was recorded is replayed: the same sales, no harm by today's code, and the harm again where its bug is planted again.

Every file in `recordings/` is a test: `channelsync record SKU --out tests/simulate/recordings/NAME.json`.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from channelsync.ledger.recording import BadRecording, Recording, read
from channelsync.ledger.recording.model import OrderChange
from channelsync.testing.simulation.__main__ import main
from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.replaying import replay
from simulate import broken
from simulate.taping import taped
from simulate.worlds import DEAF, STORM, world

LOSSY = Weather(answer_lost=0.3, writes_only=True)
FOLDER = Path(__file__).parent / "recordings"
FILES = sorted(FOLDER.glob("*.json"))


def of(plan: Any, **how: Any) -> Recording:
    found, _ = taped(plan, **how)
    assert found is not None
    return found


def sold(recording: Recording) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for event in recording.events:
        if isinstance(event, OrderChange) and event.change == "placed":
            counted.update({(event.channel, line.item): line.pieces for line in event.lines})
    return counted


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_incident_does_no_harm_any_more(file: Path) -> None:
    replayed = replay(read(file))
    how = f"python -m channelsync.testing.simulation --recording {file} --events 100"
    assert not replayed.problems, "\n".join([how, *replayed.problems])


def test_there_is_a_recording() -> None:
    assert FILES


def test_what_was_sold_in_a_stormy_world_is_sold_again() -> None:
    """A replay is no tape: at most one shopper comes a moment before the number does."""
    recording = of(world(1, faults=STORM, weather=LOSSY))
    replayed = replay(recording)
    played = replayed.report.played
    assert replayed.problems == []
    assert played.sold + played.turned_away == sold(recording)
    assert (played.turned_away.total() <= 1, sold(recording).total() >= 8) == (True, True)
    assert replayed.same_end
    assert replayed.report.faults["answer lost"] > 0


@pytest.mark.parametrize("seed", [2, 3, 11, 23])
def test_drawn_worlds_replay(seed: int) -> None:
    """Two places and three shops; a warehouse that owns the stock; four platforms with packs; a Moysklad account that is written to."""
    replayed = replay(of(draw(seed)))
    assert replayed.problems == []


def test_sets_and_packs_are_recorded_with_what_they_are_made_of() -> None:
    recording = of(world(2, skus=2, bundle={"SKU-0": 1, "SKU-1": 2}, packs=3, stock=12))
    assert sorted(len(sku.parts) for sku in recording.skus) == [0, 0, 2]
    assert {item.pack for channel in recording.channels for item in channel.items} == {1, 3}
    replayed = replay(recording)
    assert replayed.problems == []
    assert replayed.report.played.sold + replayed.report.played.turned_away == sold(recording)


def test_the_bug_that_did_harm_does_it_again_and_without_it_there_is_none() -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken.raises_blindly(patch)
        recording, report = taped(world(2, faults=DEAF), patience=60.0)
        assert report.problems
        assert recording is not None
        again = replay(recording)
    assert any("cross-KNOWABLE" in problem for problem in again.problems)
    assert replay(recording).problems == []


def test_a_replay_is_the_same_every_time() -> None:
    recording = read(FILES[0])
    assert replay(recording).report.digest == replay(recording).report.digest


def test_a_file_says_all_that_a_recording_is(tmp_path: Path) -> None:
    recording = of(world(3))
    file = tmp_path / "incident.json"
    file.write_text(recording.text(), encoding="utf-8")
    assert read(file) == recording


# -- the command -------------------------------------------------------------------------------------------------------------------------------


def _run(file: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["simulation", "--recording", str(file)])
    return main()


def test_the_command_says_what_was_sold_and_what_became_of_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(FILES[0], monkeypatch) == 0
    told = capsys.readouterr().out
    assert "sold in the replay" in told
    assert "not promised at the end" in told
    assert "ok: the judge finds no harm" in told


def _with(**changes: Any) -> str:
    return json.dumps({**json.loads(FILES[0].read_text(encoding="utf-8")), **changes})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "it is no JSON"),
        ("[]", "document: Input should be an object"),
        (_with(version=9), "version: 9 is of a newer channelsync"),
        (_with(seconds="long"), "seconds: Input should be a valid number"),
        (_with(customer="Ann"), "customer: Extra inputs are not permitted"),
        (_with(sku="MUG 01, blue"), "sku: String should match pattern"),
        (_with(sku="SKU-9"), "sku: there is no SKU-9"),
        (_with(channels=[]), "there is no channel"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_place_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, what: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="utf-8")
    assert _run(file, monkeypatch) == 2
    told = capsys.readouterr().err
    assert f"{file}: " in told
    assert what in told
    assert "channelsync" in told


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=r"nothing\.json: it cannot be read"):
        read(tmp_path / "nothing.json")
