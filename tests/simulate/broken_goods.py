"""Deliberately broken variants of what a number is made of: packs, bundles, places, shares, freezes, and writes that are applied later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection

from channelsync.engine.channel import Channel
from channelsync.ledger import due, outbox, rules, targets
from channelsync.ledger.order_mapping import ChannelRow, Place, Source, Target
from channelsync.ledger.schema import listings
from channelsync.ledger.spelt import Spelt, one_of
from simulate.broken import due_by

Patch = pytest.MonkeyPatch


def forgets_packs(patch: Patch) -> None:
    """A six-pack is offered as often as there are units."""
    plain = rules.target

    def unpacked(available: int | None, applied: Any, *, pack: int, withheld: int) -> int | None:
        return plain(available, applied, pack=min(pack, 1), withheld=withheld)

    patch.setattr(rules, "target", unpacked)


def takes_parts_twice(patch: Patch) -> None:
    """A bundle that is sold takes each of its parts twice."""
    plain = Target.sources

    def twice(self: Target, place: Place) -> tuple[Source, ...]:
        return tuple(replace(source, pack=source.pack * 2) if self.parts else source for source in plain(self, place))

    patch.setattr(Target, "sources", twice)


def forgets_bundles(patch: Patch) -> None:
    """When a part moves, the bundles that it is in keep their targets."""

    def only_itself() -> ColumnElement[bool]:
        return one_of(listings.c.sku_id, "skus")

    patch.setattr(targets, "_sells", only_itself)
    patch.setattr(targets, "_SHELVES", Spelt(targets._shelves()))


def takes_from_the_default(patch: Patch) -> None:
    """A line is taken from the channel's default place, whatever place it names."""

    def anywhere(self: Target, channel: ChannelRow, _location: str | None) -> Place | None:
        return self._default(channel)

    patch.setattr(Target, "at", anywhere)


def rounds_shares_up(patch: Patch) -> None:
    """Half of three is two: two shops that share the stock offer more than there is."""
    patch.setattr(rules, "_share", lambda units, share: -(-units * share // rules.WHOLE) if units > 0 else units)


def melts_on_the_way(patch: Patch) -> None:
    """A freeze stops what would be computed; what is armed already, or repeated, goes out."""
    rows = outbox.open_rows

    def thawed(conn: Connection, key: str) -> list[dict[str, Any]]:
        return [row | {"frozen": False} for row in rows(conn, key)]

    patch.setattr(outbox, "open_rows", thawed)


def believes_acceptance(patch: Patch) -> None:
    """A shop that applies its writes later has said 200, so the number is there (F16)."""
    traits = Channel.traits.fget  # type: ignore[attr-defined]
    patch.setattr(Channel, "traits", property(lambda self: replace(traits(self), write_visible_after=timedelta(0))))


def writes_over_open_attempts(patch: Patch) -> None:
    """A second write is computed while the first one is not visible yet."""
    plain = due.sendable

    def impatient(**habits: Any) -> list[Any]:
        return [clause for clause in plain(**habits) if not _about_attempts(clause)]

    due_by(patch, impatient)


def _about_attempts(clause: Any) -> bool:
    return "attempts" in str(clause) and "EXISTS" in str(clause)
