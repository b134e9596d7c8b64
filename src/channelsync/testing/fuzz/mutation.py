"""Spoiling a recording: single mutations that are drawn, applied one after the other, and can be undone one by one."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from channelsync.contract import HttpResponse
from channelsync.testing.fuzz.door import Exchange, Recording
from channelsync.testing.fuzz.junk import BYTES, HEADER_TEXTS, STATUSES, WHOLE, Literal, instead_of

Path = tuple[Any, ...]
MORE = 0.3
"""How often one mutation is followed by another."""
MUTATIONS_MAX = 6


class Kind(StrEnum):
    # of the content
    PUT = "put"
    DROP = "drop"
    SWAP = "swap with"
    ADD = "add"
    # of the text
    CUT = "cut at"
    FLIP = "flip at"
    INSERT = "insert at"
    # of the answer
    WHOLE = "whole body"
    HEADER = "header"
    STATUS = "status"


OF_CONTENT = (*[Kind.PUT] * 30, *[Kind.DROP] * 5, *[Kind.SWAP] * 4, Kind.ADD)
OF_TEXT = (Kind.CUT, *[Kind.FLIP] * 3, *[Kind.INSERT] * 2)
OF_ANSWER = (Kind.WHOLE, Kind.WHOLE, Kind.HEADER, Kind.HEADER, Kind.STATUS)


@dataclass(frozen=True, slots=True)
class Mutation:
    """answer: which one of the recording. path: into its content, or how far into its text as a fraction."""

    answer: int
    kind: Kind
    path: Path
    value: Any = None

    def __str__(self) -> str:
        place = "/".join(map(str, self.path))
        return f"answer {self.answer}: {self.kind} {place or '(all)'}: {repr(self.value)[:200]}"


class Sample:
    """One recorded answer, looked at once. lines: its body is JSON line by line."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.lines = False
        self.content = self._decoded(exchange.answer.body)
        self.places = list(places(self.content))
        self.headers = sorted(exchange.answer.headers)

    def _decoded(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            pass
        try:
            found = [json.loads(line) for line in body.split(b"\n")]
        except ValueError:
            return None
        self.lines = True
        return found

    def spoiled(self, mutations: Sequence[Mutation]) -> Exchange:
        if not mutations:
            return self.exchange
        answer, content = self.exchange.answer, self.content
        changes = [change for change in mutations if change.kind in OF_CONTENT]
        for change in changes:
            content = _changed(content, change)
        if changes:
            answer = replace(answer, body=self._encoded(content))
        for change in mutations:
            if change.kind in OF_TEXT:
                answer = replace(answer, body=_damaged(answer.body, change))
            elif change.kind in OF_ANSWER:
                answer = _another(answer, change)
        return replace(self.exchange, answer=answer)

    def _encoded(self, content: Any) -> bytes:
        if self.lines and isinstance(content, list):
            return b"\n".join(map(encoded, content))
        return encoded(content)


def encoded(content: Any) -> bytes:
    literals: list[str] = []

    def mark(value: Any) -> str:
        assert isinstance(value, Literal)
        literals.append(value.text)
        return f"@literal {len(literals) - 1}@"

    text = json.dumps(content, default=mark)
    for number, literal in enumerate(literals):
        text = text.replace(f'"@literal {number}@"', literal, 1)
    return text.encode()


def places(content: Any, path: Path = ()) -> Iterator[Path]:
    """Every place of a document, the whole first."""
    yield path
    keys: Any = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield from places(content[key], (*path, key))


class Original:
    """A recording, all its answers looked at."""

    def __init__(self, recording: Recording) -> None:
        self.subject = recording.subject
        self.samples = [Sample(exchange) for exchange in recording.exchanges]

    def spoiled(self, mutations: Sequence[Mutation]) -> Recording:
        parts = [sample.spoiled([each for each in mutations if each.answer == number]) for number, sample in enumerate(self.samples)]
        return Recording(tuple(parts), self.subject)


def draw(samples: Sequence[Sample], source: random.Random) -> tuple[Mutation, ...]:
    """One mutation, now and then a few, mostly of the same answer."""
    answer = source.randrange(len(samples))
    found = [_one(answer, samples[answer], source)]
    while len(found) < MUTATIONS_MAX and source.random() < MORE:
        answer = answer if source.random() < 0.7 else source.randrange(len(samples))
        found.append(_one(answer, samples[answer], source))
    return tuple(found)


def _one(answer: int, sample: Sample, source: random.Random) -> Mutation:
    draw = source.random()
    if draw < 0.88 and sample.content is not None:
        return _of_content(answer, sample, source)
    if draw < 0.95 and sample.exchange.answer.body:
        kind = source.choice(OF_TEXT)
        value: Any = {Kind.CUT: None, Kind.FLIP: 1 << source.randrange(8), Kind.INSERT: source.choice(BYTES)}[kind]
        return Mutation(answer, kind, (source.random(),), value)
    kind = source.choice(OF_ANSWER)
    if kind is Kind.HEADER:
        name = source.choice((*sample.headers, "date", "retry-after", "content-type"))
        return Mutation(answer, kind, (name,), source.choice((None, *HEADER_TEXTS)))
    return Mutation(answer, kind, (), source.choice(WHOLE if kind is Kind.WHOLE else STATUSES))


def _of_content(answer: int, sample: Sample, source: random.Random) -> Mutation:
    kind, path = source.choice(OF_CONTENT), source.choice(sample.places)
    value = at(sample.content, path)
    if kind is Kind.SWAP:
        return Mutation(answer, Kind.SWAP, path, at(sample.content, namesake(sample, path, source)))
    if kind is Kind.ADD:
        return Mutation(answer, Kind.ADD, path, (source.choice(("id", "deleted", "x", "", "levels", "status")), instead_of(None, source)))
    return Mutation(answer, kind, path, instead_of(value, source) if kind is Kind.PUT else None)


def namesake(sample: Sample, path: Path, source: random.Random) -> Path:
    """Another place of the same name, so that an id of one thing becomes another's; any place where there is none."""
    same = [place for place in sample.places if place and path and place[-1] == path[-1] and place != path]
    return source.choice(same or sample.places)


def at(content: Any, path: Path) -> Any:
    for key in path:
        content = content[key]
    return content


def _changed(content: Any, change: Mutation) -> Any:
    """A copy along the path. Where an earlier mutation took the place away, nothing happens."""
    return _along(content, change.path, change)


def _along(content: Any, path: Path, change: Mutation) -> Any:
    if not path:
        return _at_its_place(content, change)
    key = path[0]
    if not (isinstance(content, dict) and key in content) and not (
        isinstance(content, list) and isinstance(key, int) and key < len(content)
    ):
        return content
    copy = content.copy()
    if change.kind is Kind.DROP and len(path) == 1:
        del copy[key]
    else:
        copy[key] = _along(content[key], path[1:], change)
    return copy


def _at_its_place(content: Any, change: Mutation) -> Any:
    if change.kind is Kind.ADD:
        name, value = change.value
        return {**content, name: value} if isinstance(content, dict) else content
    return change.value


def _damaged(body: bytes, change: Mutation) -> bytes:
    place, value = int(change.path[0] * len(body)), change.value
    if change.kind is Kind.CUT:
        return body[:place]
    if change.kind is Kind.INSERT:
        return body[:place] + bytes(value) + body[place:]
    return body[:place] + bytes([body[place] ^ value]) + body[place + 1 :] if body else body


def _another(answer: HttpResponse, change: Mutation) -> HttpResponse:
    match change.kind:
        case Kind.WHOLE:
            return replace(answer, body=change.value)
        case Kind.STATUS:
            return replace(answer, status=change.value)
    headers = {name: value for name, value in answer.headers.items() if name != change.path[0]}
    return replace(answer, headers=headers if change.value is None else {**headers, change.path[0]: change.value})
