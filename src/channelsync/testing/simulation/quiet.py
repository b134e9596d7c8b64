"""Silences the daemon's log for a while: a simulation has thousands of outages to tell of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger


@contextmanager
def quiet(*, on: bool = True) -> Iterator[None]:
    before = structlog.get_config()
    if on:
        structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: WrappedLogger, _name: str, _event: EventDict) -> Any:
    raise structlog.DropEvent
