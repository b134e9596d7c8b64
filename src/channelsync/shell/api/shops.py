"""GET /channels, POST /channels/{name}/pause|resume|sync: how the shops stand, and what a person tells them to do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from channelsync.ledger import channels
from channelsync.ledger.authority_view import AuthorityView
from channelsync.ledger.overview import ChannelView
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, Repeatable
from channelsync.shell.api.models import Model
from channelsync.shell.api.problems import Problem
from channelsync.shell.standing import standing

router = APIRouter(prefix="/channels", tags=["channels"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Admin = Annotated[Call, Depends(needs(Scope.ADMIN))]
Name = Annotated[str, Path(description="The channel's name in the config.", examples=["webshop"], max_length=64)]


class RateOut(Model):
    """The shop's own budget of calls, points or units."""

    left: float
    of: float
    per_second: Annotated[float, Field(description="How fast it refills.")]


class LiveOut(Model):
    """What the running process knows of a channel."""

    trouble: Annotated[str | None, Field(description="What went wrong last; null if nothing is wrong.", examples=["connection refused"])]
    read: Annotated[dict[str, int], Field(description="Listings, numbers and orders that came since the start.", examples=[{"orders": 12}])]
    introduced: Annotated[bool, Field(description="The shop has said who it is since the start.")]
    circuit_open: Annotated[bool, Field(description="It did not answer several times in a row, and is asked seldom.")]
    rate: RateOut


class ChannelOut(Model):
    """As `channelsync status` tells it. Shelves are counted in numbers that customers see; ages are instants."""

    name: Annotated[str, Field(examples=["webshop"])]
    state: Annotated[str, Field(description="live, shadow (only looked at), paused or unopened.", examples=["live"])]
    mode: Annotated[str, Field(description="As configured: live or shadow; gone: not in the config any more.", examples=["live"])]
    role: Annotated[str, Field(description="As configured: channel or authority; gone: not in the config any more.", examples=["channel"])]
    last_look: Annotated[datetime | None, Field(description="When its orders were last looked for.")]
    backlog: Annotated[int, Field(description="Shelves that do not show their number and may be written.", examples=[0])]
    unmapped: Annotated[list[str], Field(description="Places of the shop that nobody has mapped: not written.", examples=[["Berlin"]])]
    status: ChannelView
    authority: Annotated[AuthorityView | None, Field(description="Of a channel that owns on hand.")]
    live: Annotated[LiveOut | None, Field(description="Null for a channel that is not in the config any more.")]


class ChannelsOut(Model):
    items: list[ChannelOut]
    findings: Annotated[dict[str, int], Field(description="Open ones, by kind: oversell, shortage, drift, ...", examples=[{"oversell": 1}])]


class PauseIn(Model):
    reason: Annotated[str, Field(max_length=255, description="For whoever looks at the status.", examples=["stock-taking"])] = ""


class ResumeIn(Model):
    accept: Annotated[bool, Field(description="Let through what the guard has stopped, exactly as it stands now.")] = False


class ChangedOut(Model):
    channel: Annotated[str, Field(examples=["webshop"])]
    changed: Annotated[bool, Field(description="false: it was so already.")]


class SyncOut(Model):
    trouble: Annotated[str | None, Field(description="Why the shop could not be read; null if it was.")]
    still_due: Annotated[int, Field(description="Shelves that still wait for their number.", examples=[0])]


@router.get("", summary="How every channel stands", operation_id="list_channels")
async def list_channels(call: Reader) -> ChannelsOut:
    """State, backlog, rates, last reads, webhooks, what was set aside and why."""
    desk = call.backend.desk
    whole = await call.read(standing, desk.assembly.config, call.backend.store.clock.now())
    live: dict[str, Any] = desk.live()["channels"]
    items = [
        ChannelOut(
            name=name,
            state=each.state,
            mode=each.mode,
            role=each.role,
            last_look=each.view.last_look,
            backlog=each.view.freshness.backlog,
            unmapped=list(each.unmapped),
            status=each.view,
            authority=each.authority,
            live=LiveOut(**live[name]) if name in live else None,
        )
        for name, each in whole.channels.items()
    ]
    return ChannelsOut(items=items, findings=dict(whole.findings))


@router.post("/{name}/pause", summary="Stop writing to a channel", operation_id="pause_channel")
async def pause(call: Admin, name: Name, asked: PauseIn, _key: Repeatable = None) -> ChangedOut:
    """Orders are still read and counted. It lasts until `resume`, also over restarts."""
    await configured(call, name)
    done = await call.ask("pause", {"channel": name, "reason": asked.reason or f"paused by {call.actor}"})
    return ChangedOut(channel=name, changed=done[name])


@router.post("/{name}/resume", summary="Go on writing to a channel", operation_id="resume_channel")
async def resume(call: Admin, name: Name, asked: ResumeIn, _key: Repeatable = None) -> ChangedOut:
    """What the guard has stopped goes on only with `accept`, or once it is harmless; until then 422 says what it would do."""
    await configured(call, name)
    done = await call.ask("resume", {"channel": name, "accept": asked.accept})
    return ChangedOut(channel=name, changed=done[name])


@router.post("/{name}/sync", summary="Look at a channel now", operation_id="sync_channel")
async def sync(call: Admin, name: Name, _key: Repeatable = None) -> SyncOut:
    """Reads listings, orders and numbers, and sends what is due. Waits for it, half a minute at most for the sending."""
    await configured(call, name)
    done = await call.ask("sync", {"channel": name})
    return SyncOut(trouble=done["troubles"].get(name), still_due=done["still_due"][name])


async def configured(call: Call, name: str) -> None:
    """Raises the 404 of a channel that is not in the config."""
    known = sorted(channel.name for channel in call.backend.store.channels.values())
    if name not in known:
        raise Problem(404, "unknown_channel", f"the config has no channel {name!r}; known: {', '.join(known) or 'none'}")


async def channel_ids(call: Call, name: str | None) -> list[int]:
    """Of the channel with this name, or of all, also those from before; for filters. Raises the 404."""
    states = await call.read(channels.every)
    if name is not None and name not in {state.name for state in states}:
        raise Problem(404, "unknown_channel", f"there is no channel {name!r}; known: {', '.join(sorted(s.name for s in states)) or 'none'}")
    return sorted(state.id for state in states if name in (None, state.name))
