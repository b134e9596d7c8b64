"""How many requests one token may make: so many a second, after a burst. Counted when a request is let in, whatever it asks for.

Each process counts for itself. Only tokens that were let in are counted, so a stranger can neither use one up nor fill the memory.
"""

from __future__ import annotations

import math
from collections import OrderedDict

from channelsync.clock import Clock
from channelsync.ledger.tokens import Token
from channelsync.shell.api.problems import Problem
from channelsync.shell.limiter import OverBudget, RateBudget

TOKENS_MAX = 1_000
"""Tokens remembered. The one that was used longest ago is forgotten first, and begins with a full burst again."""


class Rates:
    """per_second: more than 0. burst: requests that a token which was idle may make at once."""

    def __init__(self, clock: Clock, per_second: float, burst: int, tokens_max: int = TOKENS_MAX) -> None:
        self._clock, self._per_second, self._burst, self._tokens_max = clock, per_second, burst, tokens_max
        self._budgets: OrderedDict[str, RateBudget] = OrderedDict()

    def __len__(self) -> int:
        return len(self._budgets)

    async def take(self, token: Token) -> None:
        """Room for one request. Never waits; raises the Problem that says when to come again."""
        budget = self._budgets.pop(token.public_id, None)
        if budget is None:
            budget = RateBudget(self._clock, maximum=self._burst, per_second=self._per_second)
        self._budgets[token.public_id] = budget
        if len(self._budgets) > self._tokens_max:
            self._budgets.popitem(last=False)
        try:
            await budget.take(1.0, write=True, wait_max=0.0)
        except OverBudget as over:
            raise Problem(
                429,
                "rate_limited",
                f"the token {token.name!r} may make {self._per_second:g} requests a second, and {self._burst} after a pause; come again "
                "after `Retry-After`, or send many lines in one batch",
                headers={"retry-after": str(max(1, math.ceil(over.retry_after or 0.0)))},
            ) from None
