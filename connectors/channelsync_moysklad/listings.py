"""What the account keeps: products, variants, bundles and services as Listings. A listing's ref is the id that the stock reports use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from channelsync.contract import Cursor, Listing, Page
from channelsync.errors import Misunderstood
from channelsync_moysklad.api import ARCHIVED_TOO, Api, any_of, chunks
from channelsync_moysklad.settings import Settings
from channelsync_moysklad.shapes import Raw, from_msk, id_of, linked_in, text, to_msk

BETA = "assortmentWithoutStock"
COUNTED = ("product", "variant")
BUNDLE = "a bundle: availability comes from its components; define it here"
RAW_MAX = 20_000


def listing(raw: Raw, sku_field: str, locations: tuple[str, ...]) -> Listing | None:
    """None for a batch, whose units its good already counts. Raises Misunderstood."""
    kind, ref = kind_of(raw), id_of(raw)
    if kind == "consignment":
        return None
    if kind not in (*COUNTED, "bundle", "service"):
        raise Misunderstood(f"an assortment of the unknown type {kind[:40]!r}")
    problem = BUNDLE if kind == "bundle" else "archived in Moysklad" if raw.get("archived") is True else None
    return Listing(
        ref=ref,
        sku=text(raw.get(sku_field)).strip() or None,
        title=text(raw.get("name")),
        tracked=kind in COUNTED,
        problem=problem,
        locations=locations,
        barcode=_barcode(raw),
    )


def kind_of(raw: Raw) -> str:
    meta = raw.get("meta")
    return text(meta.get("type")) if isinstance(meta, dict) else ""


def _barcode(raw: Raw) -> str | None:
    barcodes = raw.get("barcodes")
    for barcode in barcodes if isinstance(barcodes, list) else ():
        for value in barcode.values() if isinstance(barcode, dict) else ():
            if isinstance(value, str) and value:
                return value
    return None


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a run stands. since: changed from then on ("": everything). began: the shop's clock at the first page. size: of the list then."""

    since: str = ""
    offset: int = 0
    size: int = 0
    began: str = ""

    @staticmethod
    def decode(mark: str) -> _Run:
        try:
            run = _Run(**json.loads(mark))
            run.since and from_msk(run.since, "since")
            return _Run(str(run.since), int(run.offset), int(run.size), str(run.began))
        except (ValueError, TypeError):
            raise Misunderstood(f"this is no cursor of Moysklad listings: {mark[:80]!r}") from None


class Listings:
    """The assortment of one account. keeps: whether its listings have shelves (not where Moysklad owns the stock)."""

    def __init__(self, api: Api, settings: Settings, *, keeps: bool) -> None:
        self._api, self._settings, self._keeps = api, settings, keeps

    async def stream(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        locations = await self._locations()
        run = _Run.decode(cursor.resume) if cursor.resume else _Run(self._since(cursor.high_water))
        while True:
            answer = await self._api.get("/entity/assortment", self._params(run), beta=BETA)
            rows = answer.rows()
            moved_up = max(0, run.size - answer.size)  # rows that left the list shift the others forward
            began = run.began or to_msk(self._api.time_of(answer))
            run = _Run(run.since, run.offset + len(rows) - moved_up, answer.size, began)
            items, refused = self._read(rows, locations)
            if not rows or run.offset >= answer.size:
                yield Page(items, high_water=began, refused=refused)
                return
            yield Page(items, resume=json.dumps(asdict(run), separators=(",", ":")), refused=refused)

    def _since(self, high_water: str | None) -> str:
        if not high_water:
            return ""
        return to_msk(from_msk(high_water, "high_water") - timedelta(minutes=self._settings.overlap_minutes))

    def _params(self, run: _Run) -> dict[str, str]:
        """Later runs also tell what was archived; the first one leaves it out."""
        changed = {"filter": f"updated>={run.since};{ARCHIVED_TOO}"} if run.since else {}
        return {**changed, "limit": str(self._settings.listings_per_page), "offset": str(run.offset)}

    async def _locations(self) -> tuple[str, ...]:
        if not self._keeps:
            return ()
        return tuple(self._settings.stores or [id_of(row) for row in await self._api.all("/entity/store", {})])

    def _read(self, rows: list[Raw], locations: tuple[str, ...]) -> tuple[tuple[Listing, ...], tuple[tuple[str, str, str], ...]]:
        items: list[Listing] = []
        refused: list[tuple[str, str, str]] = []
        for row in rows:
            try:
                found = listing(row, self._settings.sku_field, locations)
            except Misunderstood as error:
                refused.append((str(row.get("id", "?")), str(error), json.dumps(row)[:RAW_MAX]))
            else:
                items += [found] if found else []
        return tuple(items), tuple(refused)


async def kinds(api: Api, refs: list[str]) -> dict[str, str]:
    """What these ids are ("product", "variant", ...), archived ones included; an id that the account does not know is absent."""
    found: dict[str, str] = {}
    for some in chunks(refs):
        params = {"filter": f"{any_of('id', some)};{ARCHIVED_TOO}", "limit": "1000"}
        answer = await api.get("/entity/assortment", params, beta=BETA)
        found |= {id_of(row): _kind_by_link(row) for row in answer.rows()}
    return found


def _kind_by_link(row: Any) -> str:
    target = linked_in(row)
    return target[0] if target else ""
