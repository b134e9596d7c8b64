"""What every platform that sells is asked."""

from __future__ import annotations

from channelsync.testing.fuzz import Target
from fuzz import verbs
from fuzz.scene import Scene, Sign


def usual(scene: Scene, orders: Scene, signed: Sign) -> list[Target]:
    """orders: a life with orders worth reading, and their deliveries. signed: makes a spoilt delivery genuine again."""
    return [
        orders.verify(),
        orders.verify(signed),
        orders.parse(),
        scene.target("check", verbs.check),
        scene.target("first_orders", verbs.first_orders),
        scene.target("changed_orders", verbs.changed_orders),
        orders.target("order", verbs.order, lambda facts: facts.orders),
        scene.target("listings", verbs.all_listings),
        scene.target("changed_listings", verbs.changed_listings),
        scene.target("stock", verbs.stock),
        scene.target("push", verbs.push),
        scene.target("subscriptions", verbs.subscriptions, before=verbs.subscribe),
        scene.target("subscribe", verbs.subscribe),
        scene.target("diagnose", verbs.diagnose),
    ]
