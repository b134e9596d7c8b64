"""The promises as figures that one command regenerates: `python -m channelsync.testing.proof`, or `make prove`.

profile   how much of everything
running   all of it, as many at a time as there are processors, within a time if one is set
worlds    simulated worlds, and the sum of what came of them
places    small worlds whose daemon is hit at every place of its life
crashes   the real daemon and its database, killed
progress  how far it is
report    the page of figures
"""
