"""From what an order line names to where its units come from: listing refs to SKUs and packs, channel locations to ledger locations and shelves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from channelsync.ledger import bundles, fitting, order_policy
from channelsync.ledger.dialects import by_keys, keys_of
from channelsync.ledger.order_policy import AS_THE_SHOP_SAYS, OrderPolicy
from channelsync.ledger.schema import channel_locations, channels, listing_aliases, listings, locations, shelf_feeds, shelves
from channelsync.ledger.spelt import Spelt, one_of

CHUNK = 400


@dataclass(frozen=True, slots=True)
class Source:
    """Where units of one SKU come from. pack: SKU units in one unit of the listing. shelf_id: whose number the shop moved by itself.

    bundle_id: the SKU that the listing stands for, where that is a bundle and this is one of its parts.
    """

    sku_id: int
    location_id: int
    pack: int
    shelf_id: int | None
    bundle_id: int | None = None

    @property
    def item(self) -> tuple[int, int]:
        """What is sold, and where: the sources of one line's present mapping have it in common."""
        return self.bundle_id or self.sku_id, self.location_id


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """places: the channel's own locations -> the ledger location behind each, None where nobody has mapped it."""

    id: int
    location_id: int | None
    opened_at: datetime | None
    policy: OrderPolicy = AS_THE_SHOP_SAYS
    places: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A ledger location, and the shelf whose number the shop moves when it sells from there."""

    shelf_id: int | None
    location_id: int


@dataclass(frozen=True, slots=True)
class Target:
    """What a listing ref of a channel stands for: the SKU and pack, and its shelves by channel location with the ledger locations that feed each.

    parts: of a bundle, (sku_id, units in one of it), by sku_id.
    """

    sku_id: int | None
    pack: int
    shelves: Mapping[str, tuple[int, tuple[int, ...]]]
    parts: tuple[tuple[int, int], ...] = ()

    def at(self, channel: ChannelRow, location: str | None) -> Place | None:
        """Where a line at a channel location is taken from; None: nobody has said (for a line that names no location, no default)."""
        if not location:
            return self._default(channel)
        shelf_id, feeds = self.shelves.get(location) or (self._only_shelf, ())
        place = _one_of(feeds, channel)
        place = place if place is not None else channel.places.get(location)
        return None if place is None else Place(shelf_id, place)

    @property
    def _only_shelf(self) -> int | None:
        """Where a shop keeps one number per listing, it moves that one wherever it sells."""
        return self.shelves[""][0] if "" in self.shelves else None

    def _default(self, channel: ChannelRow) -> Place | None:
        """The shelf that the channel's own location feeds, else the first one."""
        fed = [each for each in self.shelves.values() if channel.location_id in each[1]]
        shelf_id, feeds = next(iter(fed or self.shelves.values()), (None, ()))
        place = _one_of(feeds, channel)
        place = place if place is not None else channel.location_id
        return None if place is None else Place(shelf_id, place)

    def sources(self, place: Place) -> tuple[Source, ...]:
        """What one unit of the listing takes there. The shop moved one number, so one of them carries the shelf."""
        if self.sku_id is None:
            return ()
        if not self.parts:
            return (Source(self.sku_id, place.location_id, self.pack, place.shelf_id),)
        return tuple(
            Source(sku_id, place.location_id, self.pack * units, None if number else place.shelf_id, self.sku_id)
            for number, (sku_id, units) in enumerate(self.parts)
        )


def _one_of(feeds: Sequence[int], channel: ChannelRow) -> int | None:
    """Of several locations that feed a shelf, the channel's own or the one that ships first; which one it was the shop does not say."""
    return channel.location_id if channel.location_id in feeds else next(iter(feeds), None)


_CHANNELS = Spelt(
    select(*(channels.c[name] for name in ("id", "location_id", "opened_at", "restock", "unpaid", "unpaid_minutes"))).where(
        one_of(channels.c.id, "ids")
    )
)
_CHANNEL_PLACES = Spelt(
    select(channel_locations.c.channel_id, channel_locations.c.ref, channel_locations.c.location_id).where(
        one_of(channel_locations.c.channel_id, "ids")
    )
)


def channel_rows(conn: Connection, ids: Iterable[int]) -> dict[int, ChannelRow]:
    wanted = set(ids)
    places: dict[int, dict[str, int | None]] = {}
    for channel_id, ref, location_id in _CHANNEL_PLACES.rows(conn, ids=wanted):
        places.setdefault(channel_id, {})[ref] = location_id
    return {
        id_: ChannelRow(id_, location_id, opened_at, order_policy.of_row(*policy), places.get(id_, {}))
        for id_, location_id, opened_at, *policy in _CHANNELS.rows(conn, ids=wanted)
    }


_OWNED = Spelt(select(locations.c.id).where(locations.c.authority_id.is_not(None)))


def owned_locations(conn: Connection) -> frozenset[int]:
    """The locations where an authority owns on hand."""
    return frozenset(_OWNED.scalars(conn))


def resolve(conn: Connection, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Target]:
    """(channel_id, listing ref or alias) -> what it stands for. A listing on its parent's stock resolves to the parent."""
    keys = sorted({(channel_id, ref) for channel_id, ref in wanted if fitting.storable(ref) == ref})  # no other can be ours
    rows = _listing_rows(conn, keys)
    parents = {key: (row["channel_id"], row["stock_ref"]) for key, row in rows.items() if row["stock_ref"]}
    parent_rows = _listing_rows(conn, sorted(set(parents.values())))
    rows |= {key: parent_rows[parent] for key, parent in parents.items() if parent in parent_rows}
    places = _shelves_of(conn, {row["id"] for row in rows.values()})
    recipes = bundles.recipes(conn, {row["sku_id"] for row in rows.values() if row["sku_id"] is not None})
    return {key: Target(row["sku_id"], row["pack"], places.get(row["id"], {}), recipes.get(row["sku_id"], ())) for key, row in rows.items()}


_LISTING = listings.c.id, listings.c.channel_id, listings.c.sku_id, listings.c.pack, listings.c.stock_ref
_ALIASED = select(*_LISTING, listing_aliases.c.alias.label("name")).join(listing_aliases, listing_aliases.c.listing_id == listings.c.id)
_REFERRED = select(*_LISTING, listings.c.ref.label("name"))
_BY_ALIAS = Spelt({name: _ALIASED.where(these) for name, these in by_keys((listing_aliases.c.channel_id, listing_aliases.c.alias)).items()})
_BY_REF = Spelt({name: _REFERRED.where(these) for name, these in by_keys((listings.c.channel_id, listings.c.ref)).items()})


def _listing_rows(conn: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Any]:
    found: dict[tuple[int, str], Any] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys_of(keys[start : start + CHUNK])
        for query in (_BY_ALIAS, _BY_REF):  # the ref wins over another listing's alias
            for row in query.mappings(conn, **chunk):
                found[row["channel_id"], row["name"]] = row
    return found


_SHELVES = Spelt(
    select(shelves.c.id, shelves.c.listing_id, shelves.c.location, shelf_feeds.c.location_id)
    .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
    .outerjoin(locations, locations.c.id == shelf_feeds.c.location_id)
    .where(one_of(shelves.c.listing_id, "listings"))
    .order_by(shelves.c.id, locations.c.priority, locations.c.id)
)


def _shelves_of(conn: Connection, listing_ids: Iterable[int]) -> dict[int, dict[str, tuple[int, tuple[int, ...]]]]:
    places: dict[int, dict[str, tuple[int, tuple[int, ...]]]] = {}
    for id_, listing_id, location, location_id in _SHELVES.rows(conn, listings=set(listing_ids)):
        of_listing = places.setdefault(listing_id, {})
        fed = of_listing.get(location, (id_, ()))[1]
        of_listing[location] = id_, (*fed, location_id) if location_id is not None else fed
    return places
