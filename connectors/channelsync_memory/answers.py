"""How an answer of the memory shop is taken: its status becomes an error that says what happens next, its body a checked shape.

What the shapes are and what they mean stands in `shapes`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from channelsync.contract import HttpResponse
from channelsync.errors import Misunderstood, Unauthorized, Unavailable

T = TypeVar("T")
M = TypeVar("M", bound="Shape")


class Shape(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)  # more fields than we know are fine; other types are not


def fits(shape: type[M], content: str | bytes) -> M:
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        raise Misunderstood(f"{shape.__name__}: {_first(error)}") from error


def understood(meaning: Callable[[bytes], T]) -> Callable[[HttpResponse], T]:
    """A reader of answers: statuses become the errors that say what happens next, a 200 goes to `meaning`.

    A 429 never comes here: the door has turned it into RateLimited.
    """

    def understand(response: HttpResponse) -> T:
        if response.status == 200:
            return meaning(response.body)
        if response.status in {401, 403}:
            raise Unauthorized(f"the shop does not accept our token ({response.status}); check `token`")
        if response.status >= 500:
            raise Unavailable(f"the shop answered {response.status}")
        raise Misunderstood(f"the shop answered {response.status}: {response.body[:120]!r}")

    return understand


def moment(text: str) -> datetime:
    """A mark of ours back as a time. Raises Misunderstood if somebody else wrote it."""
    try:
        return TypeAdapter(AwareDatetime).validate_python(text)
    except ValidationError as error:
        raise Misunderstood(f"not a mark of this connector: {text!r}") from error


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'content'}: {problem['msg']}"
