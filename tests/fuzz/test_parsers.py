"""Every parser, fed ever new spoiled answers: nothing but what it declares comes out. A failure names seed and number, and what was needed for it.

CHANNELSYNC_FUZZ_INPUTS and CHANNELSYNC_FUZZ_SEED make a longer or another run; CHANNELSYNC_FUZZ_FIRST begins at a later input.
"""

from __future__ import annotations

import os

import pytest

from channelsync.testing.fuzz import run
from fuzz.parsers import PARSERS

INPUTS = int(os.environ.get("CHANNELSYNC_FUZZ_INPUTS", "3000"))
SEED = int(os.environ.get("CHANNELSYNC_FUZZ_SEED", "1"))
FIRST = int(os.environ.get("CHANNELSYNC_FUZZ_FIRST", "0"))


@pytest.mark.timeout(60 + INPUTS // 100)
@pytest.mark.parametrize("name", PARSERS)
def test_nothing_undeclared_comes_out(name: str) -> None:
    tally = run(PARSERS[name], INPUTS, SEED, first=FIRST)
    assert tally.inputs == INPUTS
    assert sum(tally.errors.values()) + tally.parsed == INPUTS
