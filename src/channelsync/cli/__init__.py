"""The command line. Thin: it asks, it shows, and it says in a sentence what went wrong. What is done is done in the ledger, engine and shell."""

from channelsync.cli.app import main

__all__ = ["main"]
