"""Processes that do something to one database at the same moment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def together(program: str, *asked: Sequence[str]) -> list[Any]:
    """What one process for each is answered, in no telling order. program: Python that prints "ready", waits for a line, and prints its answer as JSON."""
    processes = [
        subprocess.Popen([sys.executable, "-c", program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        for words in asked
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0] for process in processes]
    return sorted((json.loads(text) for text in told), key=str)
