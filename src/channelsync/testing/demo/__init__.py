"""The demo: two stand-in shops and the real daemon on this machine, over real HTTP, with shoppers who buy; and a judge who counts the harm.

options   what can be asked for, and the result
shoppers  who buys, cancels, ships, refunds, restocks and (with faults) edits
measure   what came of it, from the shops' memory and the ledger
run       the whole of it, in order
"""

from channelsync.testing.demo.options import Options, Summary
from channelsync.testing.demo.run import View, play

__all__ = ["Options", "Summary", "View", "play"]
