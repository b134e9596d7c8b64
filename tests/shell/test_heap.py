"""What lives as long as the daemon is no concern of the garbage collector while it runs, and is afterwards."""

from __future__ import annotations

import gc

import pytest

from channelsync.shell.heap import kept_from_the_collector


def test_the_collector_leaves_alone_what_is_there_until_the_block_ends() -> None:
    with kept_from_the_collector():
        assert gc.get_freeze_count() > 1_000
    assert gc.get_freeze_count() == 0


def test_an_error_gives_it_back_too() -> None:
    with pytest.raises(RuntimeError), kept_from_the_collector():
        raise RuntimeError
    assert gc.get_freeze_count() == 0
