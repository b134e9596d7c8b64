"""channelsync: one stock ledger for all shops, and a push that cannot put a sold unit back on sale."""

__version__ = "0.1.0"
