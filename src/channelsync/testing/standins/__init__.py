"""Stand-ins: small ASGI apps that behave as the real platforms do, faults included. Used by `demo`, the conformance kit and the simulator."""
