from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from channelsync.errors import Misunderstood, NotReached, RateLimited, Unavailable
from channelsync.shell.circuit import Circuit, CircuitOpen
from channelsync.testing.virtual_clock import VirtualClock


@pytest.fixture(autouse=True)
def _plain_structlog() -> None:
    structlog.reset_defaults()


def _fail(circuit: Circuit, error: Exception) -> None:
    with pytest.raises(type(error)), circuit.watch():
        raise error


def _open(clock: VirtualClock) -> Circuit:
    circuit = Circuit("shop", clock, threshold=3, pause=5, pause_max=20)
    for _ in range(3):
        _fail(circuit, Unavailable("time-out"))
    return circuit


def test_it_opens_only_after_failures_in_a_row() -> None:
    circuit = Circuit("shop", VirtualClock(), threshold=3)
    for _ in range(5):
        _fail(circuit, Unavailable("x"))
        _fail(circuit, Unavailable("x"))
        with circuit.watch():
            pass
    assert not circuit.open


@pytest.mark.parametrize("error", [RateLimited("429"), Misunderstood("html")])
def test_an_answer_of_any_kind_is_no_outage(error: Exception) -> None:
    circuit = Circuit("shop", VirtualClock(), threshold=3)
    for _ in range(10):
        _fail(circuit, error)
    assert not circuit.open


def test_open_means_not_sent() -> None:
    circuit = _open(VirtualClock())
    with pytest.raises(CircuitOpen) as refusal:
        circuit.check()
    assert isinstance(refusal.value, NotReached)
    assert refusal.value.retry_after == 5


def test_one_probe_at_a_time_and_growing_pauses() -> None:
    clock = VirtualClock()
    circuit = _open(clock)
    pauses: list[float] = []
    for _ in range(4):
        with pytest.raises(CircuitOpen) as refusal:
            circuit.check()
        assert refusal.value.retry_after is not None
        pauses.append(refusal.value.retry_after)
        clock.jump(pauses[-1])
        with pytest.raises(Unavailable), circuit.watch():
            with pytest.raises(CircuitOpen):
                circuit.check()
            raise Unavailable("still down")
    assert pauses == [5, 10, 20, 20]


def test_an_answered_probe_closes_and_the_next_outage_starts_small() -> None:
    clock = VirtualClock()
    circuit = _open(clock)
    clock.jump(5)
    _fail(circuit, Unavailable("still"))
    clock.jump(10)
    _fail(circuit, Misunderstood("but it answers"))
    circuit.check()
    for _ in range(3):
        _fail(circuit, Unavailable("again"))
    with pytest.raises(CircuitOpen) as refusal:
        circuit.check()
    assert refusal.value.retry_after == 5


def test_a_probe_that_was_cancelled_leaves_room_for_the_next() -> None:
    clock = VirtualClock()
    circuit = _open(clock)
    clock.jump(5)
    with pytest.raises(KeyboardInterrupt), circuit.watch():
        raise KeyboardInterrupt
    circuit.check()


def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends() -> None:
    clock = VirtualClock()
    with capture_logs() as lines:
        circuit = _open(clock)
        for pause in (5, 10, 20):
            clock.jump(pause)
            _fail(circuit, Unavailable("still"))
        clock.jump(20)
        with circuit.watch():
            pass
        with circuit.watch():
            pass
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "channel does not answer"),
        ("info", "channel answers again"),
    ]
    assert lines[1]["outage_seconds"] == 55
