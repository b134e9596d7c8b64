"""The forms all answers share, and the one way to make a typed value of a raw one. What the answers say is in `answers`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from channelsync.errors import Misunderstood

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
YEARS = range(1990, 9000)


class Malformed(Misunderstood):
    """One object of an answer that does not fit, though the answer itself is a genuine one: a bad row, not a bad connection."""


def _moment(told: datetime) -> datetime:
    try:
        at = told.astimezone(UTC)
    except OverflowError:
        at = None
    if at is None or at.year not in YEARS:
        raise ValueError("no time that a shop can mean")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
"""An instant, as UTC."""


UNITS_MAX = 10**12
Units = Annotated[int, Field(ge=-UNITS_MAX, le=UNITS_MAX)]
"""More is a fault of the shop, and cannot be reckoned with."""

Gid = Annotated[str, StringConstraints(min_length=1)]


class Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


def shaped(model: type[M], raw: Any, what: str) -> M:
    """raw as a model. Raises Malformed naming the first place that does not fit."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise Malformed(f"{what}: {place}: {first['msg']}") from error


class PageInfo(Shape):
    has_next_page: bool
    end_cursor: str | None = None


class Connection(Shape, Generic[T]):
    page_info: PageInfo
    nodes: tuple[T, ...]

    @property
    def cut(self) -> bool:
        return self.page_info.has_next_page


class Ref(Shape):
    id: Gid


class UserError(Shape):
    message: str
    code: str | None = None
    field: tuple[str, ...] | None = None


class RawPage(Shape):
    """A page whose nodes are looked at one by one, so that a bad one does not spoil the others."""

    page_info: PageInfo
    nodes: tuple[dict[str, Any], ...]
