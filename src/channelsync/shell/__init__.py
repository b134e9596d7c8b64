"""Everything that touches the outside: sockets, signals, logs, timers. Nothing here knows stock."""
