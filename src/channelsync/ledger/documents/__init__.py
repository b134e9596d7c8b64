"""What purchase orders, transfers, returns and count sheets have in common: states that only their own verbs change. What each verb does to stock
is in the package of its document.
"""
