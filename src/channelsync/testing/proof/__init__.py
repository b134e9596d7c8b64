"""The promises as figures that one command regenerates: `python -m channelsync.testing.proof`, or `make prove`.

profile  how much of everything
worlds   simulated worlds, many at a time
report   the page of figures
"""
