"""What lives as long as the process is kept from the garbage collector: modules, statements, models, the assembled store. It would walk through all of
that again and again, whenever a large answer of a shop has been read, and find nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_from_the_collector() -> Iterator[None]:
    """Everything that is there now, while the block runs."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
