"""In which worlds goods move by documents. They have dice of their own, so that what is bought, shipped and broken elsewhere stays what it was."""

from __future__ import annotations

import random
from dataclasses import replace

from channelsync.testing.simulation.plan import BackRoomRates, Plan

SHARE = 0.4


def with_back_room(plan: Plan) -> Plan:
    if random.Random(f"back room {plan.seed}").random() >= SHARE:
        return plan
    return replace(plan, back_room=BackRoomRates())
