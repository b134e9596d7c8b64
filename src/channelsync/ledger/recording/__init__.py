"""An anonymised recording of what befell one SKU: made from the ledger, read by the simulator (`testing.simulation.recordings`). Reads only.

`model` is the file, `names` takes every name away, `goods` and `events` read the ledger. Nothing that a person or a shop wrote gets in: no
field of the file holds text from outside. A recording is a list of numbers, times and words of our own.
"""

from __future__ import annotations

from channelsync.ledger.recording.making import Facts, record
from channelsync.ledger.recording.model import BadRecording, Recording, read

__all__ = ["BadRecording", "Facts", "Recording", "read", "record"]
