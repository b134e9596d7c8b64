"""The states of a kind of document, and which verb leads from which to which. `docs/back-room.md` draws the same; a test compares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from channelsync.ledger.refusals import Refusal


class UnknownDocument(Refusal):
    code = "unknown_document"

    def __init__(self, kind: str, number: int) -> None:
        super().__init__(f"there is no {kind} {number}")
        self.kind, self.number = kind, number


class WrongState(Refusal):
    """The document is in a state that the verb does not start from."""

    code: ClassVar[str] = "wrong_state"

    def __init__(self, kind: str, number: int, state: str, verb: str, allowed: Sequence[str]) -> None:
        can = f"what can be done with it: {', '.join(allowed)}" if allowed else "nothing can be done with it any more"
        super().__init__(f"{kind} {number} is {state.replace('_', ' ')}: it cannot {verb.replace('_', ' ')}; {can}")
        self.kind, self.number, self.state, self.verb = kind, number, state, verb


class Stated(Protocol):
    state: str


D = TypeVar("D", bound=Stated)


@dataclass(frozen=True, slots=True)
class Machine:
    """kind: the document's name in a sentence. steps: verb -> state before -> the states it can end in. `start` is where a new one begins."""

    kind: str
    start: str
    steps: Mapping[str, Mapping[str, frozenset[str]]]

    def find(self, among: Mapping[int, D], number: int, verb: str) -> D | Refusal:
        """The document, if it is there and the verb may be done with it now."""
        if number not in among:
            return UnknownDocument(self.kind, number)
        return self.refuses(number, among[number].state, verb) or among[number]

    def refuses(self, number: int, state: str, verb: str) -> WrongState | None:
        """None: the verb may be done."""
        if state in self.steps[verb]:
            return None
        return WrongState(self.kind, number, state, verb, [name for name, starts in self.steps.items() if state in starts])

    def step(self, before: str, verb: str, after: str) -> str:
        """The state after a verb that was done. A step that is not drawn is a bug."""
        if after not in self.steps[verb][before]:
            raise AssertionError(f"{self.kind}: {verb} leads from {before} to {self.steps[verb][before]}, not to {after}")
        return after

    @property
    def states(self) -> frozenset[str]:
        after = {state for starts in self.steps.values() for ends in starts.values() for state in ends}
        return frozenset({self.start, *after, *(state for starts in self.steps.values() for state in starts)})
