"""Tells Moysklad about our sales: one customer order per claim and store, holding by `reserve` what the claim holds. Never a shipment of ours.

Each export finds what is there, makes what is missing and changes only what differs, so that repeating it after a lost answer is safe.
"""

from __future__ import annotations

from dataclasses import dataclass

from channelsync.contract import Claim, Claimed, ClaimedLine
from channelsync.errors import Misunderstood, Refused
from channelsync_moysklad import note
from channelsync_moysklad.api import Api, link
from channelsync_moysklad.corrections import external_code, sync_id
from channelsync_moysklad.documents import BETWEEN, KIND, Document, claimed, find, whole
from channelsync_moysklad.listings import COUNTED, kinds
from channelsync_moysklad.shapes import Raw, id_of, linked_id, number


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one document should say: (quantity, held) per good, and the note that names our lines."""

    goods: dict[str, tuple[int, int]]
    note: note.Note


class Exports:
    """Exports claims to one account."""

    def __init__(self, api: Api) -> None:
        self._api, self._settings = api, api.settings

    async def export(self, claim: Claim) -> Claimed:
        """A document in the bin, or deleted for good, is made anew if the claim still holds something."""
        wanted = _by_store(claim)
        found = await self._find(claim, wanted)
        live = {document.store: document for document in found if not document.dead}
        for store, document in live.items():
            await self._amend(document, wanted.get(store, _Wanted({}, note.note(claim.key, store, []))), claim.number)
        if _holds(claim):
            before = _dead(claim, found)
            found += [await self._create(claim, store, wanted[store], before) for store in wanted if store not in live]
        if found:
            return claimed(found)
        unheld = tuple(ClaimedLine(line.ref, 0, 0) for line in claim.lines)
        return Claimed(claim.key, claim.document or "", () if claim.document else unheld, gone=claim.document is not None)

    async def _find(self, claim: Claim, wanted: dict[str, _Wanted]) -> list[Document]:
        """By its code, by the ids we know, and by syncId, which nobody can edit: a document whose answer was lost is known by these alone."""
        found = {document.ref: document for document in await find(self._api, "externalCode", [external_code(claim.key)])}
        refs = set(claim.document.split(BETWEEN) if claim.document else ()) - found.keys()
        found |= {document.ref: document for document in (await find(self._api, "id", sorted(refs)) if refs else [])}
        if not found:
            found = {
                document.ref: document for document in await find(self._api, "syncId", [sync_id(claim.key, store) for store in wanted])
            }
        return list(found.values())

    async def _create(self, claim: Claim, store: str, wanted: _Wanted, before: int) -> Document:
        """before: how many documents of this claim are dead. A syncId that lies in the bin may not be used again."""
        known = await self._kinds(wanted.goods)
        settings = self._settings
        if settings.organization is None or settings.agent is None:
            raise Refused("organization and agent must be set to tell Moysklad about orders")
        body: Raw = {
            "organization": link("organization", settings.organization),
            "agent": link("counterparty", settings.agent),
            "store": link("store", store),
            "applicable": True,
            "syncId": sync_id(claim.key, store, *([str(before)] if before else [])),
            "externalCode": external_code(claim.key),
            "description": note.within("", wanted.note, claim.number),
            "positions": [_position(known[good], good, *numbers) for good, numbers in wanted.goods.items()],
        }
        if settings.sales_channel:
            body["salesChannel"] = link("saleschannel", settings.sales_channel)
        made = await self._api.send("POST", f"/entity/{KIND}", body, lambda answer: answer.entity(), expand="positions")
        document = await whole(self._api, made)
        await self._amend(document, wanted, claim.number)  # a repeated syncId brings back what was made before
        return document

    async def _amend(self, document: Document, wanted: _Wanted, number_: str) -> None:
        """Position by position: positions that are not ours, and their numbers, stay as they are."""
        entity = f"{KIND}/{document.ref}"
        noted = _note_of(document)
        released = {good for good in _goods(document) if noted and any(good == line.good for line in noted.lines)} - wanted.goods.keys()
        for good, (quantity, held) in {**dict.fromkeys(released, (0, 0)), **wanted.goods}.items():
            row = next((row for row in document.positions if linked_id(row, "assortment") == good), None)
            change = _change(row, quantity, held) if row else None
            if row is not None and change:
                answer = await self._api.send(
                    "PUT", f"/entity/{entity}/positions/{id_of(row)}", change, lambda a: a.entity(), entity=entity
                )
                row.pop("reserve", None)  # a reserve of 0 is not printed
                row.update(answer)
        missing = {good: numbers for good, numbers in wanted.goods.items() if good not in _goods(document) and numbers[0]}
        if missing:
            await self._add(document, missing)
        if wanted.goods and noted != wanted.note:
            comment = note.within(document.comment, wanted.note, number_)
            document.raw |= await self._api.send(
                "PUT", f"/entity/{entity}", {"description": comment}, lambda answer: answer.entity(), entity=entity
            )

    async def _add(self, document: Document, missing: dict[str, tuple[int, int]]) -> None:
        known = await self._kinds(missing)
        body = [_position(known[good], good, *numbers) for good, numbers in missing.items()]
        document.positions += await self._api.send("POST", f"/entity/{KIND}/{document.ref}/positions", body, lambda answer: answer.array())

    async def _kinds(self, goods: dict[str, tuple[int, int]]) -> dict[str, str]:
        known = await kinds(self._api, sorted(goods))
        strange = sorted(good for good in goods if known.get(good) not in COUNTED)
        if strange:
            raise Refused(f"Moysklad knows no good with stock of its own under {', '.join(strange[:5])}")
        return known


def _by_store(claim: Claim) -> dict[str, _Wanted]:
    stores = dict.fromkeys(line.location for line in claim.lines)
    return {store: _wanted(claim, store) for store in stores}


def _wanted(claim: Claim, store: str) -> _Wanted:
    """Lines of one good share a position."""
    lines = [line for line in claim.lines if line.location == store and line.quantity > 0]
    goods: dict[str, tuple[int, int]] = {}
    for line in lines:
        quantity, held = goods.get(line.listing, (0, 0))
        goods[line.listing] = (quantity + line.quantity, held + line.held)
    return _Wanted(goods, note.note(claim.key, store, [(line.ref, line.listing, line.quantity) for line in lines]))


def _dead(claim: Claim, found: list[Document]) -> int:
    """Documents of this claim in the bin, and those we knew and that are no more."""
    known = set(claim.document.split(BETWEEN)) if claim.document else set[str]()
    return sum(document.dead for document in found) + len(known - {document.ref for document in found})


def _holds(claim: Claim) -> bool:
    return any(line.held for line in claim.lines)


def _goods(document: Document) -> set[str]:
    return {linked_id(row, "assortment") for row in document.positions}


def _note_of(document: Document) -> note.Note | None:
    try:
        return note.read(document.comment, document.store)
    except Misunderstood:
        return None


def _position(kind: str, good: str, quantity: int, held: int) -> Raw:
    return {"assortment": link(kind, good), "quantity": quantity, "reserve": min(held, quantity)}


def _change(row: Raw, quantity: int, held: int) -> Raw:
    """What differs. What was shipped needs no reserve any more, and an order never says less than was shipped; 0 is no quantity there."""
    shipped = number(row.get("shipped"), "shipped")
    stands, reserve = number(row.get("quantity"), "quantity"), number(row.get("reserve"), "reserve")
    ordered = max(float(quantity), shipped) or stands
    keep = min(float(held), max(0.0, ordered - shipped))
    return {} if (stands, reserve) == (ordered, keep) else {"quantity": ordered, "reserve": keep}
