"""Instants as people write them: ISO dates and times, in the store's time zone unless they say another."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from channelsync.errors import ChannelsyncError


class NoTime(ChannelsyncError):
    """It cannot be read as an instant, or it lies ahead."""

    code = "malformed"


def instant(text: str, zone: str, now: datetime) -> datetime:
    """A day alone means its end, or now if it is today. Raises NoTime."""
    here = ZoneInfo(zone)
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            start, after = (datetime.combine(each, time(), here).astimezone(UTC) for each in (day, day + timedelta(days=1)))
            return now if start <= now < after else _past(after - timedelta(microseconds=1), text, now)
        told = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise NoTime(f"{text!r} is no date or time; write 2026-01-31, 2026-01-31T14:05 or 2026-01-31T14:05+02:00") from error
    return _past(told if told.tzinfo else told.replace(tzinfo=here), text, now)


def shown(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _past(at: datetime, text: str, now: datetime) -> datetime:
    if at > now:
        raise NoTime(f"{text!r} has not been yet")
    return at.astimezone(UTC)
