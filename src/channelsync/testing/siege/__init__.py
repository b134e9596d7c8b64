"""The real daemon as a process of its own under the worst that a machine does to it, with shops that go on selling meanwhile.

figures    what every rig counts
town       stand-in shops on loopback, memory shops or platforms, which keep a list of every delivery that was answered 2xx
shoppers   who buys, cancels, ships and refunds, whatever the daemon does
process    `channelsync run` as a child: started, killed, stopped, frozen
proof      the ledger against the shops and against that list
scene      all of this together, with a config file and an applied first plan
serializable    the same daemon at an isolation level at which the database refuses a lot
kills, database_kills, stopping, full_disk, frozen_node, storm, daemons_in_a_storm, migration    the rigs: one function each that returns its figures

`python -m channelsync.testing.siege kills --count 500` runs one of them for longer than a test may.
"""
