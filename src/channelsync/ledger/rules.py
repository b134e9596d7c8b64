"""From available to the number a shelf should show: pure arithmetic, with every step kept for `explain`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What applies to one shelf. safety_stock: SKU units kept back from this shelf. skip: never written."""

    safety_stock: int = 0
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One term of the number: what it is called, and the value after it."""

    name: str
    change: int
    value: int


def steps(available: int, rules: Rules, *, pack: int, withheld: int) -> list[Step]:
    """available (SKU units) -> target (listing units), step by step. The last step's value is the target; it is never negative."""
    path = [Step("available", available, available)]

    def then(name: str, value: int) -> None:
        if value != path[-1].value:
            path.append(Step(name, value - path[-1].value, value))

    then("safety stock", path[-1].value - rules.safety_stock)
    then("not below zero", max(0, path[-1].value))
    then(f"packs of {pack}", path[-1].value // pack)
    then("withheld by the shop itself", path[-1].value + withheld)
    return path


def target(available: int, rules: Rules, *, pack: int, withheld: int) -> int:
    return max(0, available - rules.safety_stock) // pack + withheld
