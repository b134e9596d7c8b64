"""What one snapshot is about to change, gathered while its lines are applied. `order_posting` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from channelsync.contract import OrderLine, OrderSnapshot
from channelsync.ledger.book import BookEntry
from channelsync.ledger.levels import Entry, LevelKey, MovementType
from channelsync.ledger.order_mapping import ChannelRow, Target
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.routing.board import Board

REST_OF_SECOND = timedelta(microseconds=999_999)


@dataclass(frozen=True, slots=True)
class Known:
    """What a batch of snapshots is applied with. owned: locations where an authority counts. board: those that routing may choose."""

    channels: Mapping[int, ChannelRow]
    targets: Mapping[tuple[int, str], Target]
    owned: frozenset[int]
    board: Board


@dataclass(frozen=True, slots=True)
class Effects:
    """What decides which of the shop's own effects are news. rows: all that the order had. known_at: change time of the snapshot applied before.
    sold: lines with their rows as they were, and the shelf whose number the shop moves for them now. withdrawn: rows of lines that are not in the
    order any more.
    """

    rows: Sequence[LineRow]
    known_at: datetime | None
    sold: list[tuple[OrderLine, Sequence[LineRow], int | None]] = field(default_factory=list)
    withdrawn: list[LineRow] = field(default_factory=list)


@dataclass
class OrderWork:
    """shop_now: the shop's own clock, which its holds end by; None: those that the sweep has ended have. documents: by row, what an authority's documents have shipped of it by now.
    routes: by line, the location that it is shipped from, where routing has decided. again: the snapshot is the stored one, which does not say where the order goes. actor, reason: of the movements.
    """

    conn: Connection
    snapshot: OrderSnapshot
    channel: ChannelRow
    known: Known
    now: datetime
    shop_now: datetime | None
    documents: Mapping[int, int]
    order_id: int
    effects: Effects
    again: bool = False
    actor: str = "channel"
    reason: str = ""
    routes: Mapping[str, int] = field(default_factory=dict)
    rows: list[LineRow] = field(default_factory=list)
    """The lines' parts as they are now."""
    entries: list[Entry] = field(default_factory=list)
    books: list[BookEntry] = field(default_factory=list)
    shelves: set[int] = field(default_factory=set)
    applied: list[str] = field(default_factory=list)
    """The names of the lines that wait for nothing."""
    swallowed: list[tuple[int, int]] = field(default_factory=list)
    """Shelves, and of the shop's own effects what the last replacement of their books had seen already."""
    remembered: set[int] = field(default_factory=set)
    """SKUs of which units were told as restocked before the opening."""
    disturbed: set[int] = field(default_factory=set)
    """Shelves without a book whose number the shop has moved: no reading from before can open it."""

    @property
    def changed_at(self) -> datetime:
        """The latest instant that the snapshot's time can mean: shops cut theirs to the second."""
        return self.snapshot.modified_at + REST_OF_SECOND

    def target(self, listing: str | None) -> Target | None:
        return None if listing is None else self.known.targets.get((self.channel.id, listing))

    def template(self, key: LevelKey) -> Entry:
        """A movement of this order, to be filled in."""
        return Entry(
            *key,
            MovementType.RESERVE,
            reference=self.snapshot.ref,
            reason=self.reason,
            actor=self.actor,
            channel_id=self.channel.id,
            occurred_at=self.snapshot.modified_at,
        )
