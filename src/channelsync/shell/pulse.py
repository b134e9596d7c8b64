"""Whether this process is alive (its loops advance, its database answers) and ready (it could also do its work now)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text

from channelsync.engine.loops import Engine
from channelsync.errors import ChannelsyncError
from channelsync.ledger import upgrade
from channelsync.shell.within import within

DATABASE_SECONDS = 5.0
STUCK_SECONDS = {"housekeeping": 30.0, "intake": 300.0}
"""How long a loop may take for one round. Loops that wait for a shop are not among them: an outage there is not ours."""


def _ping(conn: Connection) -> int:
    return int(conn.execute(text("SELECT 1")).scalar_one())


class Pulse:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._clock = engine, engine.store.clock
        self._started = self._clock.monotonic()

    async def problems(self) -> list[str]:
        """What is wrong with this process, in words; empty: it is alive. Shops that do not answer are not among it."""
        found = [*self._stuck()]
        try:
            await within(self._clock, DATABASE_SECONDS, self._engine.store.ledger.read(_ping))
        except TimeoutError:
            found.append(f"the database did not answer within {DATABASE_SECONDS:g} s")
        except (ChannelsyncError, OSError) as error:
            found.append(f"the database cannot be read: {error}")
        except Exception as error:
            found.append(f"the database cannot be read: {type(error).__name__}")
        return found

    def _stuck(self) -> list[str]:
        now, progress, work = self._clock.monotonic(), self._engine.progress, self._engine.store.work
        since = {name: now - work.counts_from(progress.get(name, self._started), limit) for name, limit in STUCK_SECONDS.items()}
        return [f"{name} has not moved for {since[name]:.0f} s" for name, limit in STUCK_SECONDS.items() if since[name] > limit]


class Readiness:
    """Whether an alive process can also take work now. revision: the schema that this program needs. full: channels whose inbox takes no more."""

    def __init__(self, engine: Engine, revision: str, full: Callable[[], Sequence[str]]) -> None:
        self._ledger, self._clock = engine.store.ledger, engine.store.clock
        self._revision, self._full = revision, full

    async def problems(self) -> list[str]:
        """Another program may have upgraded the database beneath this one; a full inbox turns its shop's webhooks away."""
        found = [f"the inbox of {channel} is full: its webhooks are answered 503" for channel in self._full()]
        try:
            there = await within(self._clock, DATABASE_SECONDS, self._ledger.read(upgrade.revision))
        except Exception as error:
            return [*found, f"the schema cannot be read: {type(error).__name__}"]
        if there != self._revision:
            found.append(
                f"the database is at revision {there}, this program is made for {self._revision}: restart it, or install the newer one"
            )
        return found
