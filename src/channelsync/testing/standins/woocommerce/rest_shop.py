"""The shop's own facts and its webhooks over REST."""

from __future__ import annotations

from typing import Any

from channelsync.testing.standins.woocommerce.query import Reply, Request, RestError, invalid_param, paged, pick
from channelsync.testing.standins.woocommerce.render import webhook_json
from channelsync.testing.standins.woocommerce.state import State, Webhook

RESOURCES = ("order", "product", "coupon", "customer")
EVENTS = ("created", "updated", "deleted", "restored")


async def index(state: State, request: Request) -> Reply:
    """Readable by anybody."""
    hours = state.offset(state.now()).total_seconds() / 3600
    whole_hours = int(hours) if hours.is_integer() else hours
    facts: dict[str, Any] = {
        "name": "Stand-in",
        "description": "",
        "url": state.dials.home,
        "home": state.dials.home,
        "gmt_offset": whole_hours,
    }
    facts |= {"timezone_string": state.dials.timezone, "namespaces": ["wc/v3"]}
    return Reply(pick(facts, request.params.get("_fields")))


async def system_status(state: State, request: Request) -> Reply:
    dials = state.dials
    environment = {
        "home_url": dials.home,
        "site_url": dials.home,
        "version": dials.version,
        "wp_version": "6.8.8",
        "wp_cron": dials.wp_cron,
    }
    return Reply(pick({"environment": environment, "settings": {"HPOS_enabled": dials.hpos}}, request.params.get("_fields")))


async def manage_stock(state: State, request: Request) -> Reply:
    return Reply({"id": "woocommerce_manage_stock", "type": "checkbox", "value": "yes" if state.dials.manage_stock else "no"})


async def hold_stock_minutes(state: State, request: Request) -> Reply:
    return Reply({"id": "woocommerce_hold_stock_minutes", "type": "number", "value": str(state.dials.hold_stock_minutes)})


async def list_webhooks(state: State, request: Request) -> Reply:
    status = request.params.get("status", "all")
    rows = [webhook for webhook in state.webhooks.values() if status in ("all", webhook.status)]
    return paged(request, rows, lambda webhook: webhook_json(state, webhook))


async def get_webhook(state: State, request: Request) -> Reply:
    return Reply(webhook_json(state, _found(state, request.ids[0])))


async def create_webhook(state: State, request: Request) -> Reply:
    """Succeeds even if the ping that follows does not. Without a secret WooCommerce makes one that cannot be read back."""
    topic, url = str(request.body.get("topic", "")), str(request.body.get("delivery_url", ""))
    _check_topic(topic)
    if not url.startswith(("http://", "https://")):
        raise RestError(
            400,
            "woocommerce_rest_invalid_webhook_delivery_url",
            "Webhook delivery URL must be a valid URL starting with http:// or https://.",
        )
    secret = str(request.body.get("secret") or f"{state.random.getrandbits(200):050x}")
    name = str(request.body.get("name") or f"Webhook created on {state.now():%b %d, %Y}")
    webhook = Webhook(state.next_id("webhook"), name, topic, url, secret, state.now())
    state.webhooks[webhook.id] = webhook
    state.pings.append(webhook.id)
    return Reply(webhook_json(state, webhook), 201)


async def put_webhook(state: State, request: Request) -> Reply:
    """Arming again does not reset the count of failures: one more switches it off again (measured)."""
    webhook, body = _found(state, request.ids[0]), request.body
    status = str(body.get("status", webhook.status))
    if status not in ("active", "paused", "disabled"):
        raise invalid_param("status", "status is not one of active, paused, disabled.")
    if "topic" in body:
        _check_topic(str(body["topic"]))
    webhook.status, webhook.secret = status, str(body.get("secret", webhook.secret))
    webhook.topic, webhook.delivery_url = str(body.get("topic", webhook.topic)), str(body.get("delivery_url", webhook.delivery_url))
    if webhook.status == "active" and not webhook.pinged:
        state.pings.append(webhook.id)
    return Reply(webhook_json(state, webhook))


async def delete_webhook(state: State, request: Request) -> Reply:
    webhook = _found(state, request.ids[0])
    if not request.flag("force"):
        raise RestError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
    del state.webhooks[webhook.id]
    return Reply(webhook_json(state, webhook))


def _check_topic(topic: str) -> None:
    resource, _, event = topic.partition(".")
    if not (resource == "action" and event) and not (resource in RESOURCES and event in EVENTS):
        raise RestError(400, "woocommerce_rest_invalid_webhook_topic", "Webhook topic must be valid.")


def _found(state: State, number: int) -> Webhook:
    webhook = state.webhooks.get(number)
    if webhook is None:
        raise RestError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
    return webhook
