"""POST /inventory/...: every verb of `stock_verbs`, for one request or for many at once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Depends
from pydantic import Field

from channelsync.ledger.refusals import Refusal
from channelsync.ledger.together import LINES_MAX, Together, all_or_none
from channelsync.shell.api import problems
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.models import Model
from channelsync.shell.api.problems import ProblemBody
from channelsync.shell.api.stock_verbs import VERBS, Verb

router = APIRouter(prefix="/inventory")
Lines = TypeVar("Lines")
Result = TypeVar("Result")


class Batch(Model, Generic[Lines]):
    """Up to 1,000 requests. all: every one or none. each: each for itself."""

    mode: Annotated[Literal["all", "each"], Field(description="all: every line or none. each: what can be done is done.")] = "all"
    lines: Annotated[list[Lines], Field(min_length=1, max_length=LINES_MAX)]


class LineResult(Model, Generic[Result]):
    """Either what a line came to, or why it was not done."""

    done: Result | None = None
    problem: ProblemBody | None = None


class BatchOut(Model, Generic[Result]):
    """One result for each line, in their order."""

    results: list[LineResult[Result]]


def _add(verb: Verb) -> None:
    allowed = Depends(needs(verb.scope))
    path = f"/{verb.path}" if verb.path else ""
    name = verb.path.replace("-", "_") or "seed"

    async def one(asked: Any, call: Any, idempotency_key: Any = None) -> Any:
        return _plain(await call.run(verb.verb, verb.item(asked, call, call.key(idempotency_key))))

    async def many(asked: Any, call: Any, idempotency_key: Any = None) -> Any:
        items = [verb.item(line, call, call.key(idempotency_key, number)) for number, line in enumerate(asked.lines)]
        together = all_lines if asked.mode == "all" else each_line
        return {"results": await together(verb.verb, call, items)}

    one.__annotations__ = {"asked": verb.asked, "call": Annotated[Call, allowed], "idempotency_key": IdempotencyKey}
    many.__annotations__ = {
        "asked": Batch.__class_getitem__(verb.asked),
        "call": Annotated[Call, allowed],
        "idempotency_key": IdempotencyKey,
    }
    shared: dict[str, Any] = {"tags": [verb.tag], "methods": ["POST"]}
    router.add_api_route(
        path, one, name=name, operation_id=name, response_model=verb.answer, summary=verb.summary, description=verb.does, **shared
    )
    router.add_api_route(
        f"{path}/batch",
        many,
        name=f"{name}_batch",
        operation_id=f"{name}_batch",
        response_model=BatchOut.__class_getitem__(verb.answer),
        response_model_exclude_unset=True,
        summary=f"{verb.summary}: many at once",
        description=f"{verb.does} In mode `all` a refused line is the answer, with its number, and nothing was done.",
        **shared,
    )


async def all_lines(verb: Callable[..., Any], call: Call, items: Sequence[Any]) -> list[dict[str, Any]]:
    """Every line or none: the first refused one is raised."""
    answers = await call.run(all_or_none(verb), Together(tuple(items)))
    return [{"done": _plain(each)} for each in answers]


async def each_line(verb: Callable[..., Any], call: Call, items: Sequence[Any]) -> list[dict[str, Any]]:
    """What can be done is done; the other lines say why not."""
    answers = await asyncio.gather(*(call.run(verb, item) for item in items), return_exceptions=True)
    return [_result(each) for each in answers]


def _result(answer: Any) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return {"problem": problems.of(answer)}
    if isinstance(answer, BaseException):
        raise answer
    return {"done": _plain(answer)}


def _plain(answer: Any) -> dict[str, Any]:
    return asdict(answer)


for each in VERBS:
    _add(each)
