"""The fuzz rig: recorded answers of a shop, spoiled in ever new ways, and proof that a parser lets nothing but declared errors out.

A `Target` is one parser with its recordings; `run` feeds it spoiled ones and counts what came of them. The same seed makes the same inputs.
"""

from channelsync.testing.fuzz.door import Exchange, NotRecorded, Recorder, Recording, Replay, drive
from channelsync.testing.fuzz.rig import Broken, Tally, Target, run
from channelsync.testing.fuzz.sound import Unsound

__all__ = ["Broken", "Exchange", "NotRecorded", "Recorder", "Recording", "Replay", "Tally", "Target", "Unsound", "drive", "run"]
