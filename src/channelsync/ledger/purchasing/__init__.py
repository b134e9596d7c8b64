"""Buying: suppliers, purchase orders, what arrives of them, and what should be ordered. A level's `incoming` is the sum of what is still to come."""
