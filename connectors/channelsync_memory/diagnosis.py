"""What is wrong with a memory shop's set-up, as far as it can be seen from outside. Pure: the shop was asked before."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from channelsync.contract import Diagnosis, Listing, Setup, Severity, Subscription


def judge(setup: Setup, topics: Collection[str], hooks: Sequence[Subscription], items: Sequence[Listing]) -> list[Diagnosis]:
    """topics: those we need. items: the first page of the shop's goods."""
    return [*_webhooks(setup.webhook_url, topics, hooks), *_locations(setup.locations, items), *_goods(items)]


def refused(error: str) -> Diagnosis:
    return Diagnosis("token-refused", Severity.ERROR, f"the shop does not take our token: {error}", "put the shop's token into the config")


def _webhooks(url: str | None, topics: Collection[str], hooks: Sequence[Subscription]) -> list[Diagnosis]:
    if url is None:
        return []
    ours = {hook.topic: hook for hook in hooks if hook.url == url}
    missing = sorted(topic for topic in topics if topic not in ours)
    off = sorted(topic for topic, hook in ours.items() if not hook.active)
    remedy = "start the daemon, which registers them; it needs to be reachable at that address"
    found = []
    if missing:
        found.append(Diagnosis("webhooks-missing", Severity.WARNING, f"not delivered to us: {', '.join(missing)}", remedy, url))
    if off:
        found.append(Diagnosis("webhooks-off", Severity.WARNING, f"switched off by the shop: {', '.join(off)}", remedy, url))
    return found


def _locations(mapped: Sequence[str], items: Sequence[Listing]) -> list[Diagnosis]:
    known = {place for item in items for place in item.locations}
    strange = sorted(place for place in mapped if items and place not in known)
    remedy = f"correct `locations` in the config; the shop has: {', '.join(sorted(known)) or 'none'}"
    return [Diagnosis("location-unknown", Severity.ERROR, f"the shop has no location {place!r}", remedy, place) for place in strange]


def _goods(items: Sequence[Listing]) -> list[Diagnosis]:
    uncounted = [item.ref for item in items if not item.tracked]
    if not uncounted:
        return []
    what = f"{len(uncounted)} goods are not counted by the shop, {uncounted[0]} first; their numbers are not written"
    return [Diagnosis("untracked", Severity.NOTE, what, "let the shop count them, if they are to be synced", uncounted[0])]
