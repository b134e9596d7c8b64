"""The store itself: its clock, its name, its stock settings and its hooks."""

from __future__ import annotations

from urllib.parse import urlsplit

from channelsync.testing.standins.bigcommerce.query import ApiError, Reply, Request, paged
from channelsync.testing.standins.bigcommerce.render import hook_json
from channelsync.testing.standins.bigcommerce.state import Hook, State

HOOKS_PER_SCOPE = 10
OWN_PORT = (None, 443)


def time(state: State, _request: Request) -> Reply:
    return Reply({"time": int(state.now().timestamp())})


def store(state: State, _request: Request) -> Reply:
    return Reply(
        {
            "id": state.store_hash,
            "domain": state.dials.domain,
            "secure_url": f"https://{state.dials.domain}",
            "status": "live",
            "name": "BigCommerce",
            "plan_name": "Pro Store",
            "timezone": {"name": "America/Chicago"},
        }
    )


def inventory_settings(state: State, request: Request) -> Reply:
    """With a channel: its own settings, null where it inherits, which all of these do."""
    dials = state.dials
    shown: dict[str, object] = {
        "update_stock_behavior": dials.update_stock_behavior,
        "edit_order_stock_adjustment": dials.edit_order_stock_adjustment,
        "refund_order_stock_adjustment": dials.refund_order_stock_adjustment,
        "stock_level_display": "dont_show",
    }
    if "channel_id" in request.params:
        shown = dict.fromkeys(shown)
    return Reply({"data": shown, "meta": {}})


def list_hooks(state: State, request: Request) -> Reply:
    wanted = {name: request.params[name] for name in ("scope", "destination") if name in request.params}
    active = request.params.get("is_active")
    rows = [
        hook
        for hook in state.hooks.values()
        if all(getattr(hook, name) == value for name, value in wanted.items()) and active in (None, str(hook.is_active).lower())
    ]
    return paged(request, rows, lambda hook: hook_json(state, hook))


def create_hook(state: State, request: Request) -> Reply:
    scope, destination = _named(request, "scope"), _named(request, "destination")
    _check_destination(state, destination)
    same = [hook for hook in state.hooks.values() if hook.scope == scope]
    if any(hook.destination == destination for hook in same):
        raise ApiError(422, "There is already a webhook subscription with the same destination and scope", destination="duplicate")
    if len(same) >= HOOKS_PER_SCOPE:
        raise ApiError(422, f"No more than {HOOKS_PER_SCOPE} webhooks per scope", scope="limit")
    created = int(state.now().timestamp())
    active = bool(request.body.get("is_active", False))
    hook = Hook(state.next_id("hook"), scope, destination, _headers(request), created, active)
    state.hooks[hook.id] = hook
    return Reply({"data": hook_json(state, hook), "meta": {}})


def put_hook(state: State, request: Request) -> Reply:
    hook = _hook(state, request)
    if "destination" in request.body:
        _check_destination(state, _named(request, "destination"))
        hook.destination = _named(request, "destination")
    if "headers" in request.body:
        hook.headers = _headers(request)
    hook.is_active = bool(request.body.get("is_active", hook.is_active))
    return Reply({"data": hook_json(state, hook), "meta": {}})


def get_hook(state: State, request: Request) -> Reply:
    return Reply({"data": hook_json(state, _hook(state, request)), "meta": {}})


def delete_hook(state: State, request: Request) -> Reply:
    hook = _hook(state, request)
    del state.hooks[hook.id]
    return Reply({"data": hook_json(state, hook), "meta": {}})


def hooks_admin(state: State, _request: Request) -> Reply:
    now = state.clock.monotonic()
    blocked = [
        {"destination": domain, "time_left": int(until - now), "reasons": ["success rate below 90 %"]}
        for domain, until in state.blocked.items()
        if until > now
    ]
    listed = [{**hook_json(state, hook), "status": "active" if hook.is_active else "deactivated"} for hook in state.hooks.values()]
    return Reply({"data": {"emails": [], "hooks_list": listed, "blocked_domains": blocked}, "meta": {}})


def _hook(state: State, request: Request) -> Hook:
    hook = state.hooks.get(request.ids[0])
    if hook is None:
        raise ApiError(404, "Hook not found")
    return hook


def _named(request: Request, name: str) -> str:
    value = request.body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(422, "JSON data is missing or invalid", **{name: "error.path.missing."})
    return value


def _headers(request: Request) -> dict[str, str]:
    return {str(name): str(value) for name, value in (request.body.get("headers") or {}).items()}


def _check_destination(state: State, destination: str) -> None:
    parts = urlsplit(destination)
    if not state.dials.any_destination and (parts.scheme != "https" or parts.port not in OWN_PORT):
        raise ApiError(422, "Destination must be https on port 443", destination="invalid")
