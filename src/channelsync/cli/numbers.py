"""Numbers of documents as people write them: 7, or PO-7 as lists and the log have it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import typer


def number_argument(prefix: str, metavar: str, example: int) -> Any:
    return typer.Argument(metavar=metavar, parser=_reader(prefix, example), help=f"Its number: {example} or {prefix}-{example}.")


def _reader(prefix: str, example: int) -> Callable[[str], int]:
    form = re.compile(rf"(?:{prefix}-)?([0-9]{{1,18}})", re.IGNORECASE | re.ASCII)

    def number(text: str) -> int:
        match = form.fullmatch(text.strip())
        if match is None:
            raise typer.BadParameter(f"{text!r} is no number of this kind; write {example} or {prefix}-{example}")
        return int(match[1])

    return number
