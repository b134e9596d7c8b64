"""POST /inventory/...: every verb of stock and reservations, for one request or for many at once.

Each verb is one row of a table: what it is asked with, what it answers, which ledger verb it is. What a verb does is the ledger's affair.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Depends
from pydantic import Field

from channelsync.ledger import amending, costs, fulfilment, reorder_levels, reservations, stock
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.together import LINES_MAX, Together, all_or_none
from channelsync.ledger.tokens import Scope
from channelsync.shell.api import models, problems, requests
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.models import Model
from channelsync.shell.api.problems import ProblemBody

router = APIRouter(prefix="/inventory")
Lines = TypeVar("Lines")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Verb:
    """path: below /inventory. does: one sentence. item: request, call, key -> the ledger's own request."""

    path: str
    scope: Scope
    verb: Callable[..., Any]
    asked: type[Any]
    answer: type[Any]
    summary: str
    does: str
    tag: str = "stock"

    def item(self, asked: Any, call: Call, key: str | None) -> Any:
        if isinstance(asked, requests.ReserveIn | requests.AmendIn):
            return asked.item(call.actor, key, call.backend.reservation_ttl)
        return asked.item(call.actor, key)


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


_R, _A = Scope.RESERVE, Scope.ADJUST
VERBS = (
    Verb(
        "",
        _A,
        stock.seed,
        requests.SetIn,
        models.PostedOut,
        "Open a level",
        "The opening number of a SKU at a location; a new SKU is made.",
    ),
    Verb("receive", _A, stock.receive, requests.MoreIn, models.PostedOut, "Receive units", "Units arrived."),
    Verb(
        "adjust",
        _A,
        stock.adjust,
        requests.AdjustIn,
        models.PostedOut,
        "Adjust a level",
        "There are more or fewer units than the ledger says. Needs a reason code; more than is there cannot be taken.",
    ),
    Verb(
        "count",
        _A,
        stock.count,
        requests.SetIn,
        models.PostedOut,
        "Set a counted number",
        "So many units are there. Holds stay as they are.",
    ),
    Verb(
        "return",
        _A,
        stock.take_back,
        requests.MoreIn,
        models.PostedOut,
        "Take units back",
        "Units came back from a customer. They wait in quarantine: `restock` or `write-off` ends that.",
    ),
    Verb(
        "restock",
        _A,
        stock.restock,
        requests.MoreIn,
        models.PostedOut,
        "Restock inspected units",
        "They leave quarantine and are on sale again.",
    ),
    Verb(
        "write-off",
        _A,
        stock.write_off,
        requests.WriteOffIn,
        models.PostedOut,
        "Write units off",
        "From on hand or quarantine they become damaged; from damaged they leave the house.",
    ),
    Verb(
        "reorder",
        _A,
        reorder_levels.set_reorder,
        requests.ReorderIn,
        models.ReorderOut,
        "Set when a SKU is low",
        "The whole policy, at one location or over all; both numbers null end it. What is low already is listed, and nobody is alerted.",
    ),
    Verb(
        "cost",
        _A,
        costs.set_cost,
        requests.SkuCostIn,
        models.CostOut,
        "Set what a SKU costs",
        "Of one unit, in the store's currency; null: it is not known. A bundle has no cost of its own, its parts have.",
    ),
    Verb(
        "reserve",
        _R,
        reservations.reserve,
        requests.ReserveIn,
        models.ReservedOut,
        "Reserve units",
        "All lines or none. Of two buyers of one unit, one gets it and the other `insufficient_stock`.",
        "reservations",
    ),
    Verb(
        "change",
        _R,
        amending.amend,
        requests.AmendIn,
        models.AmendedOut,
        "Change a claim's quantity",
        "A cart's line gets another quantity: more is reserved, less is released, in one step; what cannot be had leaves the claim as it was. "
        "A claim that is released or expired, or new, is made. Its soft claims live on from now.",
        "reservations",
    ),
    Verb(
        "release",
        _R,
        reservations.release,
        requests.ReleaseIn,
        models.ReleasedOut,
        "Let claims go",
        "By id or reference, whole or in part. Releasing what is released already is an answer, not an error.",
        "reservations",
    ),
    Verb(
        "extend",
        _R,
        reservations.extend,
        requests.ExtendIn,
        models.ExtendedOut,
        "Let soft claims live longer",
        "At least so long from now; never shorter than before.",
        "reservations",
    ),
    Verb(
        "harden",
        _R,
        reservations.harden,
        requests.HardenIn,
        models.HardenedOut,
        "Make soft claims hard",
        "The cart became an order: its claims no longer expire.",
        "reservations",
    ),
    Verb(
        "fulfil",
        _A,
        fulfilment.fulfil,
        requests.FulfilIn,
        models.ShippedOut,
        "Ship claimed units",
        "The claim and the units leave together. Shipments of channel orders come by themselves.",
        "reservations",
    ),
)
for each in VERBS:
    _add(each)
