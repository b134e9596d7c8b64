"""`docs/routing-cases.md` read: each case is what is asked and what has to be answered, in one indented block."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from channelsync.contract import ShipTo
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.routing.chooser import choose
from channelsync.ledger.routing.model import Candidate, Line, Request

PAGE = Path(__file__).parents[2] / "docs" / "routing-cases.md"
TITLE = re.compile(r"^### (?P<number>\d+)\. (?P<title>.+)$")


@dataclass(frozen=True, slots=True)
class Case:
    number: int
    title: str
    asked: tuple[str, ...]
    answered: tuple[str, ...]


def cases(text: str) -> list[Case]:
    """Every case of the page. A block's lines up to the empty one ask, the others answer."""
    found: list[Case] = []
    for row in text.splitlines():
        if title := TITLE.match(row):
            found.append(Case(int(title["number"]), title["title"], (), ()))
        elif row.startswith("    ") and found:
            last, said = found[-1], row.strip()
            asks = not last.answered and not said.startswith("=>")
            part = replace(last, asked=(*last.asked, said)) if asks else replace(last, answered=(*last.answered, said))
            found[-1] = part
    return found


def request(asked: tuple[str, ...]) -> Request:
    told = [row.split(None, 1) for row in asked]
    return Request(
        to=_to(*(rest for word, rest in told if word == "to")),
        lines=tuple(_line(rest) for word, rest in told if word == "line"),
        candidates=tuple(_candidate(rest) for word, rest in told if word == "from"),
        home=next((rest for word, rest in told if word == "home"), "main"),
        used=frozenset(code for word, rest in told if word == "used" for code in rest.split()),
    )


def answer(asked: tuple[str, ...]) -> tuple[str, ...]:
    """What the program says, as the page has it."""
    choice = choose(request(asked))
    lines = (f"{each.line} -> {each.location}: {each.why}" for each in choice.lines)
    places = (f"{'+' if each.chosen else '-'} {each.location}: {each.why}" for each in choice.considered)
    return (f"=> {choice.summary}", *lines, *places)


def _to(text: str) -> ShipTo:
    said = dict(part.strip().split(None, 1) for part in text.split(",") if part.strip() != "unknown")
    north, east = _point(said.get("at")) or (None, None)
    return ShipTo(said.get("country", ""), said.get("region", ""), said.get("postcode", ""), north, east)


def _candidate(text: str) -> Candidate:
    """`berlin: 5 MUG-01, 1 TEE-S | at 52.52 13.40 | priority 5 | countries DE AT | regions US-CA | postcodes DE-10`"""
    head, *parts = (part.strip() for part in text.split("|"))
    code, _, stock = head.partition(":")
    said = dict(part.split(None, 1) for part in parts)
    areas = Areas(*(tuple(said.get(name, "").split()) for name in ("countries", "regions", "postcodes")))
    return Candidate(code, _units(stock), int(said.get("priority", "0")), _point(said.get("at")), areas)


def _line(text: str) -> Line:
    ref, _, parts = text.partition(":")
    return Line(ref, _units(parts))


def _units(text: str) -> dict[str, int]:
    pairs = [part.split() for part in text.split(",") if part.strip()]
    return {sku: int(units) for units, sku in pairs}


def _point(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    north, east = text.split()
    return float(north), float(east)
