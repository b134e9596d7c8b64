"""Whom a channel's calls may reach, and until when a write may leave (`only_while`): https on the public internet, and nobody else unless its config says `allow_private_hosts`.

The address is judged when the connection stands and before a byte has left, so a name that resolves to something else the second time, or a
file's address that a shop makes up, leads to nobody inside our own network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

import httpx

from channelsync.errors import NotReached

TRANSLATED = IPv6Network("64:ff9b::/96")
REMEDY = "if the shop is in your own network, set allow_private_hosts = true for this channel"

FIRST_BYTE = "send_request_headers.started"
"""How the events of httpx's `trace` end that come before the first byte, in both versions of HTTP."""

Trace = Callable[[str, dict[str, Any]], Awaitable[None]]


class OutOfReach(NotReached):
    """Not a host that this channel may call. Asking again cannot help."""


def require_https(where: str, url: str) -> None:
    if httpx.URL(url).scheme != "https":
        raise OutOfReach(f"{where}: not https, so anybody on the way could read our credentials; {REMEDY}")


def public_only(where: str) -> Trace:
    """For httpx's `trace` extension: ends a connection to an address that is not public. Raises OutOfReach."""

    async def trace(event: str, info: dict[str, Any]) -> None:
        if event != "connection.connect_tcp.complete":
            return
        stream = info["return_value"]
        peer = stream.get_extra_info("server_addr")
        address = str(peer[0]) if peer else "an unknown address"
        if not peer or not is_public(address):
            await stream.aclose()
            raise OutOfReach(f"{where}: leads to {address}, which is not on the public internet; {REMEDY}")

    return trace


def only_while(may_leave: Callable[[], bool], where: str) -> Trace:
    """For `trace`: nothing of a request leaves once that is False. Raises NotReached. A connection may be made before; it says nothing."""

    async def trace(event: str, _info: dict[str, Any]) -> None:
        if event.endswith(FIRST_BYTE) and not may_leave():
            raise NotReached(f"{where}: not sent, the right to write to this channel is about to end")

    return trace


def all_of(traces: Sequence[Trace]) -> Trace:
    async def trace(event: str, info: dict[str, Any]) -> None:
        for each in traces:
            await each(event, info)

    return trace


def is_public(address: str) -> bool:
    """Of an IPv6 address that stands for an IPv4 one, the latter counts."""
    found: IPv4Address | IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or _translated(found) or found
    return found.is_global and not found.is_multicast


def _translated(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in TRANSLATED else None
