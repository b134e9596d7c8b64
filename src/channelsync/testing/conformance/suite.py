"""All promises in one class, for a connector's test file to inherit. Each group may also be inherited alone."""

from __future__ import annotations

from channelsync.testing.conformance.carriers import CarrierPromises, KeyPromises
from channelsync.testing.conformance.diagnoses import DiagnosisPromises
from channelsync.testing.conformance.listings import IdentityPromises, ListingPromises
from channelsync.testing.conformance.locations import LocationPromises
from channelsync.testing.conformance.pushes import PushPromises
from channelsync.testing.conformance.readings import ReadingPromises
from channelsync.testing.conformance.snapshots import DestinationPromises, HabitPromises, SnapshotPromises
from channelsync.testing.conformance.streams import OrderStreamPromises, SingleOrderPromises
from channelsync.testing.conformance.switches import SwitchPromises
from channelsync.testing.conformance.troubles import TroublePromises
from channelsync.testing.conformance.webhooks import SubscriptionPromises, WebhookPromises


class ConnectorSuite(
    IdentityPromises,
    ListingPromises,
    OrderStreamPromises,
    SingleOrderPromises,
    SnapshotPromises,
    HabitPromises,
    DestinationPromises,
    ReadingPromises,
    PushPromises,
    CarrierPromises,
    KeyPromises,
    WebhookPromises,
    SubscriptionPromises,
    LocationPromises,
    SwitchPromises,
    DiagnosisPromises,
    TroublePromises,
):
    """Needs one fixture, `world`, that returns a fresh `World` each time."""
