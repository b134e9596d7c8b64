"""The stand-in answers the recorded story of 83 steps to the letter as a real WooCommerce 10.0.2 did."""

from __future__ import annotations

import subprocess
import sys

from channelsync.clock import SystemClock
from support.woocommerce import served, shared, shop


def test_every_step_of_the_story_is_answered_as_the_real_shop_answered() -> None:
    script, answers = shared("checks/woo_story.py"), shared("checks/woo_story.real.jsonl")
    standin = shop(SystemClock())
    with served(standin.app) as url:
        command = [
            sys.executable,
            str(script),
            "--url",
            f"{url}/wp-json/wc/v3",
            "--key",
            standin.state.key,
            "--secret",
            standin.state.secret,
        ]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    real = answers.read_text(encoding="utf-8").splitlines()
    assert told.stdout.splitlines() == real
    assert len(real) == 83
