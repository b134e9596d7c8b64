"""Which commit of this code runs, for whoever reads a figure or a failure later."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """Of the checkout that this file is in, "+" behind it if something differs from it; "unknown" outside of one."""
    try:
        asked = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return "unknown"
    return asked.stdout.strip() or "unknown"
