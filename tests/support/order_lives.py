"""Lives of an order as a shop would tell them, drawn by hypothesis: each version says everything, a minute after the one before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from hypothesis import strategies as st

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from support.selling import MINUTE
from support.stock import NOW

STEPS = ("pay", "more", "fewer", "ship", "take back", "add", "remove", "move", "cancel", "delete")
DEAD = (OrderState.CANCELLED, OrderState.DELETED)


@dataclass
class Life:
    """An order that lives: the shop lowers its number when it is paid. Removed is only what has not begun to ship.

    Moved is only what has left no trace at its place: what was shipped or waits in quarantine stays booked there, and the last version alone
    cannot tell where that was.
    """

    draw: st.DrawFn
    state: OrderState = OrderState.OPEN
    at: datetime = NOW
    lines: list[OrderLine] = field(default_factory=list)
    added: int = 0
    sold: tuple[str, ...] = ("a", "b", "six")
    test: bool = False

    def version(self) -> OrderSnapshot:
        hold = NOW + 60 * MINUTE if self.state is OrderState.PENDING else None
        return OrderSnapshot("100", self.state, self.at, NOW, tuple(self.lines), hold_until=hold, test=self.test)

    def take(self, step: str) -> None:
        self.at += MINUTE
        if self.state in DEAD and step != "take back":
            return
        match step:
            case "pay":
                self._pay()
            case "add":
                self._add()
            case "cancel" | "delete":
                self._end(OrderState.CANCELLED if step == "cancel" else OrderState.DELETED)
            case _ if self.lines:
                self._change(step, self.draw(st.integers(0, len(self.lines) - 1)))

    def _pay(self) -> None:
        if self.state is OrderState.PENDING:
            self.state = OrderState.OPEN
            self.lines = [self._took(replace(line, withheld=0), line.outstanding) for line in self.lines]

    def _add(self) -> None:
        self.added += 1
        fresh = OrderLine(str(self.added), self.draw(st.sampled_from(self.sold)), 0, location=self.draw(st.sampled_from(["here", "there"])))
        self.lines.append(self._more(fresh, self.draw(st.integers(1, 3))))

    def _end(self, state: OrderState) -> None:
        """The shop puts what it still owes back on sale, line by line or not at all."""
        for place, line in enumerate(self.lines):
            if line.outstanding and self.draw(st.booleans()):
                self.lines[place] = self._took(replace(line, cancelled=line.cancelled + line.outstanding), -self._taken(line))
        self.lines = [replace(line, withheld=0) for line in self.lines]
        self.state = state

    def _change(self, step: str, place: int) -> None:
        line, left = self.lines[place], self.lines[place].outstanding
        units = self.draw(st.integers(1, 3))
        match step:
            case "more":
                line = self._more(line, units)
            case "fewer" if left:
                line = self._fewer(line, min(units, left))
            case "ship" if self.state is OrderState.OPEN and left:
                line = replace(line, shipped=line.shipped + min(units, left))
            case "take back" if line.shipped > line.restocked:
                back = min(units, line.shipped - line.restocked)
                line = self._took(replace(line, restocked=line.restocked + back), -back)
            case "move" if not line.shipped and not line.quarantined:
                line = replace(line, location="there" if line.location == "here" else "here")
            case "remove" if not line.shipped:
                del self.lines[place]
                return
        self.lines[place] = line

    def _more(self, line: OrderLine, units: int) -> OrderLine:
        line = replace(line, quantity=line.quantity + units)
        return replace(line, withheld=line.outstanding) if self.state is OrderState.PENDING else self._took(line, units)

    def _fewer(self, line: OrderLine, units: int) -> OrderLine:
        if self.state is OrderState.PENDING:
            return replace(line, cancelled=line.cancelled + units, withheld=line.outstanding - units)
        if self.draw(st.booleans()):
            return self._took(replace(line, cancelled=line.cancelled + units), -units)
        return replace(line, quarantined=line.quarantined + units)

    def _taken(self, line: OrderLine) -> int:
        return line.outstanding if self.state is OrderState.OPEN else 0

    def _took(self, line: OrderLine, units: int) -> OrderLine:
        return replace(line, effects=(*line.effects, Effect(units, self.at))) if units else line


@st.composite
def lives(draw: st.DrawFn, sold: tuple[str, ...] = ("a", "b", "six"), *, tests: bool = False) -> list[OrderSnapshot]:
    """All versions of one order, oldest first. sold: the listings it may be about. tests: it may be a test order."""
    life = Life(draw, draw(st.sampled_from([OrderState.PENDING, OrderState.OPEN])), sold=sold)
    life.test = tests and draw(st.integers(0, 5)) == 0
    life.take("add")
    versions = [life.version()]
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8)):
        life.take(step)
        versions.append(life.version())
    return versions
