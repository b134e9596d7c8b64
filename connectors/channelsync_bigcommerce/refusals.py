"""What a refused adjustment says, in words: which items it names, and what that means for each of them.

The store names items in free text only ("Items with identity: [product_id 113] requires absolute adjustment before relative"), and not every
sentence is on record. A name that is not understood is nobody's.
"""

from __future__ import annotations

import re
from enum import Enum

NAMED = re.compile(r"\b(product_id|variant_id)\s*[:=]?\s*(\d{1,19})", re.ASCII)
FEW = re.compile(r"safety|insufficient|not enough|below|out of stock|negative", re.IGNORECASE)


class Why(Enum):
    NO_NUMBER_YET = "no number yet"  # it needs an absolute adjustment first
    TOO_FEW = "too few"  # it would fall below the store's own safety stock
    LOCATION = "location"  # the whole location takes none
    ITEM = "item"  # this item is not accepted


def why(title: str) -> Why:
    if "requires absolute adjustment" in title:
        return Why.NO_NUMBER_YET
    if title.lower().startswith("location"):
        return Why.LOCATION
    return Why.TOO_FEW if FEW.search(title) else Why.ITEM


def named(title: str) -> set[tuple[str, int]]:
    """(identifier, number) of each item that the text names."""
    return {(found[1], int(found[2])) for found in NAMED.finditer(title)}
