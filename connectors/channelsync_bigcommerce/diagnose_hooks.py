"""What `doctor` finds about webhooks: missing, switched off, pointing elsewhere, without our secret, to a blocked domain."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from channelsync.contract import Diagnosis, Setup, Severity
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.settings import Settings
from channelsync_bigcommerce.shapes import objects, text
from channelsync_bigcommerce.subscriptions import SCOPES, Hook, deliverable, hooks

REPAIR = "run the daemon: it makes and repairs its hooks on a timer"


async def diagnose(api: Api, settings: Settings, setup: Setup) -> list[Diagnosis]:
    url = setup.webhook_url
    if url is None:
        return []
    found = _configured(settings)
    if not deliverable(url):
        remedy = "give the daemon a public https address on port 443"
        found.append(Diagnosis("webhook-url", Severity.ERROR, f"BigCommerce delivers to https on port 443 only, not to {url}", remedy, url))
    existing = await hooks(api)
    secrets = settings.header_secrets
    found += _ours({hook.subscription.topic: hook for hook in existing if hook.subscription.url == url}, secrets, url)
    found += _elsewhere([hook for hook in existing if hook.subscription.url != url], secrets)
    return found + await _blocked(api, url)


def _configured(settings: Settings) -> list[Diagnosis]:
    if not settings.webhook_secrets:
        what = "webhook_secrets is empty: no delivery can be accepted"
        return [Diagnosis("webhook-secret-missing", Severity.ERROR, what, "set one, a long random text")]
    if settings.client_secret is None:
        what = "client_secret is missing: deliveries that the store signs cannot be checked and are refused"
        return [Diagnosis("signature-unchecked", Severity.WARNING, what, "copy it from the API account")]
    return []


def _ours(ours: dict[str, Hook], secrets: Sequence[str], url: str) -> list[Diagnosis]:
    missing = [scope for scope in SCOPES if scope not in ours]
    found = []
    if missing:
        what = f"{len(missing)} of {len(SCOPES)} hooks to {url} are missing: {', '.join(missing)}"
        found.append(Diagnosis("webhook-missing", Severity.WARNING, what, REPAIR, missing[0]))
    for scope in SCOPES:
        hook = ours.get(scope)
        if hook and not hook.subscription.active:
            what = f"the store has switched off its hook for {scope} (failures for two days, or no event for 90)"
            found.append(Diagnosis("webhook-off", Severity.ERROR, what, REPAIR, scope))
        if hook and hook.secret not in secrets:
            what = f"the hook for {scope} carries none of webhook_secrets: its deliveries are refused"
            found.append(Diagnosis("webhook-secret", Severity.ERROR, what, REPAIR, scope))
    return found


def _elsewhere(others: list[Hook], secrets: Sequence[str]) -> list[Diagnosis]:
    """Hooks with our secret were made by us, for an address that is no longer ours."""
    strays = sorted({hook.subscription.url for hook in others if hook.secret in secrets})
    remedy = "delete them at the store if that address is not in use any more"
    return [Diagnosis("webhook-elsewhere", Severity.WARNING, f"hooks with our secret deliver to {url}", remedy, url) for url in strays]


async def _blocked(api: Api, url: str) -> list[Diagnosis]:
    """All hooks of a domain are blocked together, for minutes."""
    host = urlsplit(url).hostname or ""
    told = (await api.get("/v3/hooks/admin")).data_object()
    found = []
    for row in objects(told, "blocked_domains"):
        domain = text(row.get("destination"))
        if domain and host in (domain, _host(domain)):
            what = f"the store has blocked {domain}: too many deliveries failed; {text(row.get('time_left'))} s left"
            found.append(Diagnosis("webhook-blocked", Severity.ERROR, what, "find out why deliveries failed: see the daemon's log", domain))
    return found


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
