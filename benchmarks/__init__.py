"""How fast the daemon's parts are, as ratios to what the machine and its databases can do at the same moment. `python -m benchmarks`."""
