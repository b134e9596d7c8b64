"""Our exported documents as Moysklad has them: found by syncId or id, and read as the part of a claim that they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from channelsync.contract import Claimed, ClaimedLine
from channelsync.errors import Misunderstood
from channelsync_moysklad import note
from channelsync_moysklad.api import EVERY_STATE, EXPANDED_LIMIT, Api, any_of, chunks
from channelsync_moysklad.shapes import Raw, id_of, linked_id, number, text
from channelsync_moysklad.snapshot import OURS

KIND = "customerorder"
BETWEEN = ","
LOST = "the document's comment lost our note; the next export writes it anew"
KEYS_PER_CALL = 20  # of up to 255 characters each


@dataclass(slots=True)
class Document:
    """One document and all its positions. dead: in the bin; it holds nothing."""

    raw: Raw
    positions: list[Raw]

    @property
    def ref(self) -> str:
        return id_of(self.raw)

    @property
    def store(self) -> str:
        return linked_id(self.raw, "store")

    @property
    def dead(self) -> bool:
        return bool(self.raw.get("deleted"))

    @property
    def created(self) -> str:
        """Such texts are in the order of their times."""
        return text(self.raw.get("created"))

    @property
    def comment(self) -> str:
        return text(self.raw.get("description"))


async def whole(api: Api, raw: Raw) -> Document:
    return Document(raw, list(await api.positions(KIND, raw)))


async def find(api: Api, field: str, values: Iterable[str], *, size: int = 100) -> list[Document]:
    """Documents by one field, those in the bin too."""
    found: list[Document] = []
    for some in chunks(list(values), size):
        params = {"filter": f"{any_of(field, some)};{EVERY_STATE}", "expand": "positions"}
        found += [await whole(api, raw) for raw in await api.all(f"/entity/{KIND}", params, limit=EXPANDED_LIMIT)]
    return found


def claimed(documents: list[Document]) -> Claimed:
    """One claim, from all its documents: one per store, and those in the bin, whose shipments left all the same. It is named by the newest of each
    store, in the bin or not: what was made anew and thrown away again is then known as what we knew last.

    Raises Misunderstood if a live document does not tell which claim it is.
    """
    documents = sorted(documents, key=lambda document: document.ref)
    key, lines = "", []
    for document in documents:
        noted = _noted(document)
        if noted is not None:
            key = noted.key
            lines += _lines(document, noted)
    if not key:
        raise Misunderstood(LOST)
    newest = {document.store: document.ref for document in sorted(documents, key=lambda each: (not each.dead, each.created, each.ref))}
    refs = BETWEEN.join(sorted(newest.values()))
    return Claimed(key, refs, tuple(_joined(lines)), gone=all(document.dead for document in documents))


def _noted(document: Document) -> note.Note | None:
    """None for a document in the bin that tells nothing any more."""
    try:
        found = note.read(document.comment, document.store)
        if found is None and not document.dead:
            raise Misunderstood(LOST)
    except Misunderstood:
        if document.dead:
            return None
        raise
    return found


def _lines(document: Document, noted: note.Note) -> list[ClaimedLine]:
    """What a position holds and has shipped is shared out among its lines in their order. Fractions count as a whole unit held, none shipped."""
    found: list[ClaimedLine] = []
    left = {linked_id(row, "assortment"): [0.0, 0.0] for row in document.positions}
    for row in document.positions:
        numbers = left[linked_id(row, "assortment")]
        numbers[0] += 0.0 if document.dead or document.raw.get("applicable") is False else number(row.get("reserve"), "reserve")
        numbers[1] += number(row.get("shipped"), "shipped")
    for line in noted.lines:
        numbers = next((numbers for good, numbers in left.items() if good == line.good), [0.0, 0.0])
        shipped = min(line.quantity, int(numbers[1]))
        held = min(line.quantity - shipped, -int(-numbers[0] // 1))
        numbers[0], numbers[1] = numbers[0] - held, numbers[1] - shipped
        found.append(ClaimedLine(line.ref, held, shipped))
    return found


def _joined(lines: list[ClaimedLine]) -> list[ClaimedLine]:
    """A line that moved to another store stands in two documents."""
    by_ref: dict[str, ClaimedLine] = {}
    for line in lines:
        known = by_ref.get(line.ref, ClaimedLine(line.ref, 0, 0))
        by_ref[line.ref] = ClaimedLine(line.ref, known.held + line.held, known.shipped + line.shipped)
    return list(by_ref.values())


def is_ours(external: str) -> bool:
    return external.startswith(OURS)
