"""Deterministic simulation: the real ledger and engine against stand-in shops in virtual time, with faults and crashes drawn from a seed.

`judge` decides whether a push ever did harm; it is also what the demo is judged by. `python -m channelsync.testing.simulation --seed N` replays one.
"""
