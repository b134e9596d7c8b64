"""For people who write connectors, and for our own proofs: the conformance kit, stateful stand-ins of the platforms, the simulator's parts."""
