"""A stock authority as the simulator sees it, whatever its dialect: what lies there, what it keeps for our orders and for others, and what its people
can do. Each kind of warehouse says in its own words what these mean; here is the memory warehouse's, a Moysklad account's is in `moysklad_house`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from channelsync.testing.standins.base import StandIn
from channelsync.testing.standins.memory import MemoryWarehouse
from channelsync.testing.standins.memory.warehouse import Document

Shipped = Mapping[str, Mapping[str, int]]
"""Our order's key -> SKU -> units that documents say have left, those of deleted orders too."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One SKU of one of our orders, as its document there stands."""

    key: str
    sku: str
    held: int
    shipped: int


class House(Protocol):
    """place: its own location, as its readings name it."""

    @property
    def standin(self) -> StandIn: ...

    @property
    def place(self) -> str: ...

    @property
    def skus(self) -> Sequence[str]: ...

    def units(self, sku: str) -> int: ...

    def foreign(self, sku: str) -> int:
        """Held for others."""

    def ours(self, sku: str) -> int:
        """Held for our orders."""

    def shipped(self) -> Shipped: ...

    def lines(self) -> list[Kept]:
        """Of all documents that are there."""

    def untouched(self) -> list[str]:
        """Keys of documents that nothing was shipped for."""

    def troubles(self) -> Iterator[str]:
        """What it holds against its clients."""

    # -- what its people do: none of it is told to us but by readings, documents and webhooks

    def receive(self, sku: str, units: int) -> None: ...

    def lose(self, sku: str) -> None: ...

    def reserve(self, sku: str) -> None:
        """For somebody else."""

    def release(self, sku: str) -> None: ...

    def demand(self, line: Kept, units: int) -> None:
        """Our order leaves, whole or in part."""

    def give_back(self, sku: str) -> None:
        """A sales return: it lies there again."""

    def take_back(self, line: Kept) -> None:
        """A shipment is deleted; what it had taken lies there again, kept as before."""

    def delete(self, key: str) -> None: ...

    def recalculate(self, sku: str, seconds: float, *, silent: bool) -> None:
        """For so long it tells no number. silent: its row does not come at all, if there is a difference."""

    def lose_answer(self) -> None:
        """The next write is done, and nobody hears of it."""


class MemoryHouse:
    """A memory warehouse with one location."""

    def __init__(self, standin: MemoryWarehouse) -> None:
        self.standin: MemoryWarehouse = standin

    @property
    def place(self) -> str:
        [own] = self.standin.dials.locations
        return own

    @property
    def skus(self) -> Sequence[str]:
        return list(self.standin.items.values())

    def units(self, sku: str) -> int:
        return self.standin.shows(sku)

    def foreign(self, sku: str) -> int:
        return self.standin.place(sku).foreign

    def ours(self, sku: str) -> int:
        return self.standin.ours(sku)

    def shipped(self) -> Shipped:
        found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for document in self.standin.documents.values():
            for line in document.lines.values():
                found[document.key][self.standin.items[line.item]] += line.shipped
        return found

    def lines(self) -> list[Kept]:
        items = self.standin.items
        return [
            Kept(document.key, items[line.item], line.held, line.shipped)
            for document in self._documents()
            for line in document.lines.values()
        ]

    def untouched(self) -> list[str]:
        return [document.key for document in self._documents() if not any(line.shipped for line in document.lines.values())]

    def troubles(self) -> Iterator[str]:
        yield from ()

    def receive(self, sku: str, units: int) -> None:
        self.standin.receive(sku, units)

    def lose(self, sku: str) -> None:
        self.standin.receive(sku, -1)

    def reserve(self, sku: str) -> None:
        self.standin.reserve(sku, 1)

    def release(self, sku: str) -> None:
        self.standin.reserve(sku, -1)

    def demand(self, line: Kept, units: int) -> None:
        self.standin.demand(line.key, line.sku, units)

    def give_back(self, sku: str) -> None:
        self.standin.receive(sku, 1)

    def take_back(self, line: Kept) -> None:
        self.standin.take_back(line.key, line.sku, 1)

    def delete(self, key: str) -> None:
        self.standin.delete_document(key)

    def recalculate(self, sku: str, seconds: float, *, silent: bool) -> None:
        self.standin.recalculate(sku, seconds, silent=silent)

    def lose_answer(self) -> None:
        self.standin.lose_answers(1)

    def _documents(self) -> list[Document]:
        return [document for document in self.standin.documents.values() if not document.gone]
