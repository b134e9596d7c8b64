"""Deliberately broken variants of what documents do to stock."""

from __future__ import annotations

import pytest

from channelsync.ledger import targets
from channelsync.ledger.counts import judging
from channelsync.ledger.returns import told
from channelsync.ledger.schema import AVAILABLE, stock_levels
from channelsync.ledger.spelt import Spelt

Patch = pytest.MonkeyPatch


def counts_forget_what_went(patch: Patch) -> None:
    """A sheet that is applied says what was there when it was counted, whatever was sold since."""
    patch.setattr(judging, "since_each", lambda _conn, _wanted: {})


def counts_returns_twice(patch: Patch) -> None:
    """A piece that a return has received and its shop has put on sale is two pieces."""
    patch.setattr(told, "_moved", lambda _template, _change, _lying: ())


def sells_what_is_coming(patch: Patch) -> None:
    """What is ordered from a supplier, or in transit, is offered already."""
    patch.setattr(targets, "AVAILABLE", AVAILABLE + stock_levels.c.incoming)
    patch.setattr(targets, "_SHELVES", Spelt(targets._shelves()))
