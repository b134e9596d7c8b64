"""The promises as figures that one command regenerates: `python -m channelsync.testing.proof`, or `make prove`.

profile  how much of everything
worlds   simulated worlds, many at a time
places   small worlds whose daemon is hit at every place of its life
crashes  the real daemon and its database, killed
report   the page of figures
"""
