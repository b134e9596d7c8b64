"""No parameter of an address is ignored: a misspelt filter would answer with everything."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.models import Dependant

from channelsync.shell.api.problems import Problem

NAMED_MAX = 10
NAME_SHOWN = 40


def known_only(request: Request) -> None:
    """Raises Problem 422 if the query names what the request's route does not take."""
    known = sorted(set(_names(request.scope["route"].dependant)))
    unknown = [name for name in request.query_params if name not in known]
    if not unknown:
        return
    takes = f"it takes {', '.join(known)}" if known else "it takes none"
    errors = [{"where": f"query.{name[:NAME_SHOWN]}", "message": _message(name, known)} for name in unknown[:NAMED_MAX]]
    first = errors[0]
    raise Problem(422, "malformed", f"{first['where']}: {first['message']}; {takes}", errors=errors)


def _message(name: str, known: list[str]) -> str:
    meant = get_close_matches(name[:NAME_SHOWN], known, 1)
    return "this address takes no such parameter" + (f" (meant {meant[0]}?)" if meant else "")


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _names(each)
