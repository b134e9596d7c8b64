"""The ledger: the single source of truth for stock. Synchronous, pure of network and clock; every verb is a plain function of an open connection.

Nothing in here calls anyone: time comes in as an argument, and the async shell reaches it through one door (`ledger.door`).
"""
