"""The ledger against a system that owns on hand: its physical stock as it is now, number by number, against ours at its locations.

Two passes, as for a shop (`engine.auditing`): what does not fit at first sight is asked for by name, between two runs of the ordinary reading, because
goods move while we compare. What the authority is recalculating proves nothing. A number that is wrong is marked, so that the next round asks for it
by name: the ordinary way puts it right, and nothing here does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from channelsync.contract import Cursor, Physical, ShelfRef, StockAuthority
from channelsync.engine.channel import Channel
from channelsync.engine.introduce import introduce
from channelsync.engine.loops import Engine
from channelsync.engine.shop_difference import Compared, ShopDifference
from channelsync.errors import Misunderstood
from channelsync.ledger import authority_audit, channels
from channelsync.ledger.authority_audit import Doubt, Standing
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.levels import LevelKey

SKUS_PER_PAGE = 500
TOLD_PER_PAGE = 500
ASKED_MAX = 200
"""Numbers that are asked for by name; with more differences than that it is not the single number that is wrong."""

PAGES_MAX = 100_000
Told = Mapping[ShelfRef, Physical]


@dataclass(frozen=True, slots=True)
class _Live:
    """One level as the authority has it. units None: a number of it is being recalculated. absent: shelves that it does not list."""

    units: int | None
    absent: tuple[ShelfRef, ...]


class OneOwner:
    def __init__(self, engine: Engine, channel: Channel) -> None:
        self._store, self._channel = engine.store, channel
        self._authority = engine.authorities[channel.id]

    async def audit(self) -> tuple[Compared, list[ShopDifference]]:
        await introduce(self._store, self._channel)
        await self._authority.read()
        told = await self._everything()
        compared, busy, doubtful = await self._levels(told)
        asked, unasked = doubtful[:ASKED_MAX], max(0, len(doubtful) - ASKED_MAX)
        found = [*await self._levels_again(asked), *await self._never_heard(told)]
        return Compared(self._channel.name, compared, busy, 0, unasked, owns=True), found

    async def _everything(self) -> Told:
        """Its whole list, as it is now."""
        told: dict[ShelfRef, Physical] = {}
        pages = 0
        async for page in self._connector.physical(Cursor(), full=True):
            told |= {ShelfRef(each.listing, each.location): each for each in page.items}
            pages += 1
            if page.high_water is not None:
                return told
            if pages >= PAGES_MAX:
                break
        raise Misunderstood(f"the stream of numbers ended after {pages} pages without a high-water mark")

    # -- levels ------------------------------------------------------------------------------------------------------------------------------

    async def _levels(self, told: Told) -> tuple[int, int, list[LevelKey]]:
        """How many were compared, how many could not be, and those that do not fit at first sight."""
        compared, busy, after = 0, 0, 0
        doubtful: list[LevelKey] = []
        while page := await self._store.ledger.read(authority_audit.standing_after, self._channel.id, after, SKUS_PER_PAGE):
            after = page[-1].key[0]
            for each in page:
                live = _live(each, told)
                busy += live.units is None
                compared += live.units is not None
                if live.absent or live.units not in (None, each.on_hand):
                    doubtful.append(each.key)
        return compared, busy, doubtful

    async def _levels_again(self, keys: Sequence[LevelKey]) -> list[ShopDifference]:
        if not keys:
            return []
        before = await self._standing(keys)
        told = await self._by_name(row.shelf for each in before.values() for row in each.rows)
        lives = {key: _live(each, told) for key, each in before.items()}
        if not any(_differs(lives[key], each, each) for key, each in before.items()):
            return []
        await self._store.clock.sleep(self._channel.traits.visibility_lag.total_seconds())
        await self._authority.read()
        after = await self._standing(keys)
        wrong = [key for key in after.keys() & lives.keys() if _differs(lives[key], before[key], after[key])]
        await self._ask_for([after[key] for key in wrong])
        return [await self._difference(after[key], lives[key]) for key in sorted(wrong)]

    async def _standing(self, keys: Sequence[LevelKey]) -> dict[LevelKey, Standing]:
        found = await self._store.ledger.read(authority_audit.standing_named, self._channel.id, keys)
        return {each.key: each for each in found}

    async def _by_name(self, shelves: Iterable[ShelfRef]) -> Told:
        wanted = list(dict.fromkeys(shelves))
        told = await self._connector.physical_of(wanted) if wanted else ()
        return {ShelfRef(each.listing, each.location): each for each in told}

    async def _ask_for(self, wrong: Sequence[Standing]) -> None:
        rows = tuple((row.listing_id, row.shelf.location) for each in wrong for row in each.rows if not row.gone)
        if rows:
            await self._store.ledger.run(authority_audit.doubt, Doubt(self._channel.id, rows))
            self._channel.pull.set()

    async def _difference(self, each: Standing, live: _Live) -> ShopDifference:
        shown = "not listed" if live.units is None or live.absent else str(live.units)
        cause, remedy = await self._why(each, live)
        return ShopDifference(
            self._channel.name, "physical", f"{each.sku}, location {each.location}", str(each.on_hand), shown, cause, remedy
        )

    async def _why(self, each: Standing, live: _Live) -> tuple[str, str]:
        name = self._channel.name
        if not each.rows:
            return (
                "it has told no number of this: counted here before it owned the location, or its listing is not linked",
                f"channelsync listings match {name}",
            )
        if (await self._store.ledger.read(channels.state_of, self._channel.id)).paused_kind is PauseKind.GUARD:
            return "the guard stopped its readings", f"compare with its own reports, then `channelsync resume {name} --accept`"
        refs = {row.shelf.listing for row in each.rows}
        if reason := await self._store.ledger.read(authority_audit.refused_because, self._channel.id, refs):
            return reason, f"put it right there, then `channelsync aside retry {name}`"
        if live.absent:
            return (
                "it lists the number no more, and has not said that the item was deleted: the last one stands",
                "archived or merged there? Zero it there first, or `channelsync listings unlink`",
            )
        if each.told != each.on_hand:
            return "the level was changed past its readings", "it is read again by itself; `channelsync audit` again in a few minutes"
        return (
            "it changed there, and no run of ours has brought it",
            "it is asked for by name by itself; `channelsync audit` again in a few minutes",
        )

    # -- what was never heard ----------------------------------------------------------------------------------------------------------------

    async def _never_heard(self, told: Told) -> list[ShopDifference]:
        places = {place: fed[0] for place, fed in self._channel.settings.places.items() if fed}
        counted = [shelf for shelf, each in told.items() if each.units]
        found: list[ShopDifference] = []
        for start in range(0, len(counted), TOLD_PER_PAGE):
            page = counted[start : start + TOLD_PER_PAGE]
            for shelf, sku in await self._store.ledger.read(authority_audit.never_heard, self._channel.id, page, places):
                what = f"{sku}, {shelf.listing}@{shelf.location}"
                units = str(told[shelf].units)
                cause, remedy = (
                    "no run of ours has brought its first number",
                    "the next full reading brings it (full_every_hours of the channel)",
                )
                found.append(ShopDifference(self._channel.name, "physical", what, "nothing", units, cause, remedy))
        return found

    @property
    def _connector(self) -> StockAuthority:
        connector = self._channel.connector
        assert isinstance(connector, StockAuthority), "the config check has seen to it"
        return connector


def _live(each: Standing, told: Told) -> _Live:
    """Every number as the import would post it. A listing that was deleted there keeps its last number, held for nobody."""
    units: int | None = 0
    absent: list[ShelfRef] = []
    for row in each.rows:
        number = told.get(row.shelf)
        if number is None and not row.gone:
            absent.append(row.shelf)
        if number is not None and number.units is None:
            units = None
        elif units is not None:
            units += row.on_hand if number is None or number.units is None else max(0, number.units) * row.pack
    return _Live(units, tuple(absent))


def _differs(live: _Live, before: Standing, after: Standing) -> bool:
    """Goods may have moved between the two: anything in between was true for a moment."""
    if live.units is None:
        return False
    low, high = sorted((before.on_hand, after.on_hand))
    return bool(live.absent and after.on_hand) or not low <= live.units <= high
