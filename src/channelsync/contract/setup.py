"""The words for a channel's set-up: its own locations, and what `doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ChannelLocation:
    """A place where the channel keeps numbers of its own. active False: it exists, and nothing is sold or shipped from it."""

    ref: str
    name: str = ""
    active: bool = True


class Severity(StrEnum):
    ERROR = "error"  # it does not work
    WARNING = "warning"  # it works, and will hurt
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that `doctor` found. code: stable, for programs ("scope-missing"). where: what it is about. remedy: what to do, in words."""

    code: str
    severity: Severity
    what: str
    remedy: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Setup:
    """How this channel is set up on our side. webhook_url: where the shop should deliver; None: it is not to. locations: the mapped ones.

    now: our clock, to compare with the shop's. turns_switches: its backorder switches are to be turned.
    """

    webhook_url: str | None
    locations: tuple[str, ...]
    now: datetime
    turns_switches: bool = False
