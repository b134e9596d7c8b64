"""The demo: three stand-in shops, a stand-in Moysklad that owns the stock, and the real daemon on this machine, over real HTTP, with shoppers who buy; and a judge who counts the harm.

options   what can be asked for, and the result
shoppers  who buys, cancels, ships, refunds and (with faults) edits
warehouse who receives, writes shipments and returns down, and reserves for others
measure   what came of it, from the shops' memory and the ledger
run       the whole of it, in order
"""

from channelsync.testing.demo.options import Options, Summary
from channelsync.testing.demo.run import View, play

__all__ = ["Options", "Summary", "View", "play"]
