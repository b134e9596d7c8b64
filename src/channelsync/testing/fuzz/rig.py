"""Running a parser over spoiled recordings, and the smallest account of what went wrong."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from channelsync.contract import Page
from channelsync.errors import ChannelError
from channelsync.testing.fuzz.door import Recording
from channelsync.testing.fuzz.mutation import Mutation, Original, draw
from channelsync.testing.fuzz.sound import look, look_at_error

BODY_SHOWN = 1500
FRAMES_SHOWN = 6


class Broken(AssertionError):
    """A parser let something out that it has not declared. The text is what a person needs to see it again."""


@dataclass
class Target:
    """One parser. record: makes its recordings, when they are first needed. read: runs the parser on one, and returns what came of it.

    declared: what it may raise.
    """

    name: str
    record: Callable[[], Sequence[Recording]]
    read: Callable[[Recording], Sequence[Any]]
    declared: tuple[type[Exception], ...] = (ChannelError,)

    @cached_property
    def originals(self) -> list[Original]:
        """What is recorded must be understood as it is."""
        found = [recording for recording in self.record() if recording.exchanges]
        assert found, f"{self.name} has no recordings"
        for recording in found:
            for thing in self.read(recording):
                look(thing)
                assert not isinstance(thing, Page) or not thing.refused, f"{self.name} refuses a sound item: {thing.refused[0]}"
        return [Original(recording) for recording in found]


@dataclass
class Tally:
    """inputs: spoiled recordings. parsed: those that ended without an error. refused: items set aside on their pages. errors: by type."""

    inputs: int = 0
    parsed: int = 0
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        errors = ", ".join(f"{name} {count}" for name, count in self.errors.most_common())
        return f"{self.inputs} inputs: {self.parsed} parsed with {self.refused} items refused; errors: {errors or 'none'}"


def run(target: Target, inputs: int, seed: int, *, first: int = 0, heard: Callable[[Sequence[Any]], None] | None = None) -> Tally:
    """Inputs `first` up to `first + inputs` of this seed. heard: is told what each one brought. Raises Broken at the first that breaks it."""
    tally = Tally()
    for number in range(first, first + inputs):
        source = random.Random(f"{seed}/{target.name}/{number}")
        original = source.choice(target.originals)
        mutations = draw(original.samples, source)
        tally.inputs += 1
        try:
            found = judged(target, original.spoiled(mutations))
        except target.declared as error:
            tally.errors[type(error).__name__] += 1
            continue
        except Exception as error:
            raise Broken(_account(target, original, mutations, error, f"seed {seed}, input {number}")) from error
        tally.parsed += 1
        tally.refused += sum(len(thing.refused) for thing in found if isinstance(thing, Page))
        if heard is not None:
            heard(found)
    return tally


def judged(target: Target, recording: Recording) -> Sequence[Any]:
    try:
        found = target.read(recording)
    except target.declared as error:
        look_at_error(error)
        raise
    for thing in found:
        look(thing)
    return found


def _account(target: Target, original: Original, mutations: Sequence[Mutation], error: Exception, which: str) -> str:
    needed = shrunk(target, original, mutations, type(error))
    exchanges = original.spoiled(needed).exchanges
    shown = [
        f"answer {number} then: {exchanges[number].answer.body[:BODY_SHOWN]!r}" for number in sorted({change.answer for change in needed})
    ]
    frames = traceback.format_tb(error.__traceback__)[-FRAMES_SHOWN:]
    parts = [f"{target.name}, {which}: {repr(error)[:1000]}", *map(str, needed), *shown, "".join(frames)]
    return "\n".join(parts)


def shrunk(target: Target, original: Original, mutations: Sequence[Mutation], kind: type[Exception]) -> tuple[Mutation, ...]:
    """The mutations less those that can be undone with the same end."""
    needed = list(mutations)
    for change in mutations:
        fewer = [each for each in needed if each is not change]
        if fewer and _breaks(target, original.spoiled(fewer), kind):
            needed = fewer
    return tuple(needed)


def _breaks(target: Target, recording: Recording, kind: type[Exception]) -> bool:
    try:
        judged(target, recording)
    except target.declared:
        return False
    except kind:
        return True
    except Exception:
        return False
    return False
