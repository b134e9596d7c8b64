"""Where a connector's words enter the daemon: they are stored, shown and told to whoever asks for the status, so they may tell no secret."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from channelsync.contract import (
    Connector,
    Diagnoses,
    Diagnosis,
    HasLocations,
    ReceivesWebhooks,
    RegistersWebhooks,
    StockAuthority,
    SwitchResult,
    TurnsSwitches,
    WriteResult,
)
from channelsync.errors import ChannelError
from channelsync.shell.redact import Redactor

T = TypeVar("T")

PROTOCOLS = (Connector, ReceivesWebhooks, RegistersWebhooks, StockAuthority, HasLocations, TurnsSwitches, Diagnoses)
VERBS = sorted(name for protocol in PROTOCOLS for name, verb in vars(protocol).items() if inspect.isfunction(verb) and name[0] != "_")


def hushed(connector: Connector, redactor: Redactor) -> Connector:
    """The same connector. What its verbs raise on purpose, then or on a later page, and what they say to people is cleaned of every secret
    that `redactor` knows.
    """
    for name in VERBS:
        verb = getattr(connector, name, None)
        if verb is not None:
            with suppress(AttributeError):  # an object that takes no attributes: its log lines are cleaned all the same
                object.__setattr__(connector, name, _hushed(verb, redactor))
    return connector


def _hushed(verb: Callable[..., Any], redactor: Redactor) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with _hushing(redactor):
            result = verb(*args, **kwargs)
        if isinstance(result, AsyncGenerator):
            return _pages(result, redactor)
        return _awaited(result, redactor) if inspect.isawaitable(result) else result

    return call


async def _pages(pages: AsyncGenerator[T, None], redactor: Redactor) -> AsyncIterator[T]:
    with _hushing(redactor):
        async with aclosing(pages):
            async for page in pages:
                yield page


async def _awaited(result: Awaitable[Any], redactor: Redactor) -> Any:
    with _hushing(redactor):
        value = await result
    return [_worded(each, redactor) for each in value] if isinstance(value, (list, tuple)) else value


def _worded(value: Any, redactor: Redactor) -> Any:
    """What a result says in words for people may quote the shop as an error does."""
    if isinstance(value, (WriteResult, SwitchResult)):
        return replace(value, reason=redactor.text(value.reason)) if value.reason else value
    return replace(value, what=redactor.text(value.what)) if isinstance(value, Diagnosis) else value


@contextmanager
def _hushing(redactor: Redactor) -> Iterator[None]:
    try:
        yield
    except ChannelError as error:
        error.args = tuple(redactor.text(part) if isinstance(part, str) else part for part in error.args)
        raise
