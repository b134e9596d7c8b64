"""GET /export/{kind}: what the ledger and the config say, as a CSV stream. What its columns are is said in docs/files.md; files are read by `import`."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import StreamingResponse

from channelsync.config.sheets import CONFIG_KINDS
from channelsync.ledger.files.importing import KINDS
from channelsync.ledger.files.kinds import PAGE, Value
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call
from channelsync.tabular import csv_text

router = APIRouter(prefix="/export", tags=["files"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
CSV = "text/csv"
TYPE = f"{CSV}; charset=utf-8"


class Exported(StrEnum):
    STOCK = "stock"
    SKUS = "skus"
    LISTINGS = "listings"
    PURCHASES = "purchase-orders"
    RECEIPTS = "receipts"
    LOCATIONS = "locations"
    RULES = "rules"


ANSWER = {200: {"description": "The table, in UTF-8, its first line being the header.", "content": {CSV: {"schema": {"type": "string"}}}}}


@router.get(
    "/{kind}",
    summary="Export a table as CSV",
    description="As `channelsync export` writes it: cells that a spreadsheet would run as a formula are preceded by an apostrophe. Read page by page: "
    "what changes meanwhile is in it or not, row by row.",
    operation_id="export",
    response_class=StreamingResponse,
    responses=ANSWER,  # type: ignore[arg-type]
)
async def export(call: Reader, kind: Annotated[Exported, Path(description="What.", examples=["stock"])]) -> StreamingResponse:
    headers = {"content-disposition": f'attachment; filename="{kind.value}.csv"'}
    if kind.value in CONFIG_KINDS:
        config = CONFIG_KINDS[kind.value]
        rows = list(config.export(call.backend.desk.assembly.config))
        return StreamingResponse(iter([csv_text([config.exported, *rows])]), media_type=TYPE, headers=headers)
    first = await call.read(KINDS[kind.value].page, 0, PAGE)  # what cannot be read at all is said before the answer begins
    return StreamingResponse(_pages(call, kind.value, first), media_type=TYPE, headers=headers)


async def _pages(call: Call, kind: str, first: tuple[list[tuple[Value, ...]], int | None]) -> AsyncIterator[str]:
    rows, after = first
    yield csv_text([KINDS[kind].exported, *rows])
    while after is not None:
        rows, after = await call.read(KINDS[kind].page, after, PAGE)
        yield csv_text(rows)
