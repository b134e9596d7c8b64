"""The engine: reads shops, applies what they say, decides what to push and when to look. It owns time, order and retries; it stores nothing.

Async, on an injected clock and random source; everything that must survive is a row of the ledger.
"""
