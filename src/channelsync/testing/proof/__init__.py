"""The promises as figures that one command regenerates: `python -m channelsync.testing.proof`, or `make prove`.

profile   how much of everything
worlds    simulated worlds, many at a time
crashes   the real daemon and its database, killed
progress  how far it is
report    the page of figures
"""
