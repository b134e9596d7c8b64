"""Where a run over a list stands: the pinned search, the page to go on with, and the mark it will leave. Times are the shop's."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from channelsync.errors import Misunderstood
from channelsync_shopify.shapes import PageInfo


@dataclass(frozen=True, slots=True)
class Run:
    """query: the search of every page of this run. after: Shopify's cursor, None on the first page. mark: ISO time, or None so far."""

    query: str
    after: str | None = None
    mark: str | None = None

    @classmethod
    def resumed(cls, token: str) -> Run:
        """Raises Misunderstood for a token that no run of ours left."""
        try:
            return cls(**json.loads(token))
        except (ValueError, TypeError) as error:
            raise Misunderstood(f"this is no place to go on reading: {token[:80]!r}") from error

    def token(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    def seen(self, moment: datetime) -> Run:
        """The mark moves forward to `moment`, never back."""
        return self if self.mark and datetime.fromisoformat(self.mark) >= moment else replace(self, mark=moment.isoformat())

    def turned(self, page: PageInfo) -> Run:
        """The run one page further. Raises Misunderstood if the list says there is more but does not move."""
        if not page.end_cursor or page.end_cursor == self.after:
            raise Misunderstood("the shop says that there are more pages but gives no way on")
        return replace(self, after=page.end_cursor)


def changed_since(high_water: str, back: timedelta) -> str:
    """The search for what changed since `back` before the mark: a closed lower bound. Quoted because of the colons."""
    try:
        since = datetime.fromisoformat(high_water) - back
    except (ValueError, OverflowError) as error:
        raise Misunderstood(f"this is no mark of ours: {high_water[:80]!r}") from error
    return f"updated_at:>='{since.isoformat(timespec='seconds').replace('+00:00', 'Z')}'"
