"""/suppliers and the supply of a SKU: who goods are bought from, and which SKU from whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from channelsync.ledger.purchasing import pages, suppliers
from channelsync.ledger.purchasing.suppliers import LEAD_DAYS_MAX, SetSupplier, SetSupply
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.models import Model, SkuName
from channelsync.shell.api.paging import Cursor, Limit, Page, after, next_of
from channelsync.shell.api.requests import UNITS_MAX, Cost

router = APIRouter(tags=["purchasing"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]
Sku = Annotated[str, Path(description="The SKU; a slash in it is written %2F.", examples=["MUG-01"], max_length=255)]
Supplier = Annotated[str, Path(description="The supplier's code.", examples=["ACME"], max_length=64)]
SupplierCode = Annotated[str, Field(max_length=64, description="The supplier's code.", examples=["ACME"])]
LeadDays = Annotated[int | None, Field(ge=0, le=LEAD_DAYS_MAX, description="Days from order to receipt; null: not known.", examples=[7])]
TheirCode = Annotated[str, Field(max_length=255, description="What the supplier calls the SKU.", examples=["AC-4711"])]
Least = Annotated[int | None, Field(ge=1, le=UNITS_MAX, description="The fewest units of one order; null: any.", examples=[10])]
Multiple = Annotated[int | None, Field(ge=1, le=UNITS_MAX, description="Units in a carton: orders are multiples; null: any.", examples=[6])]
Repeat = Annotated[bool, Field(description="This is the first answer again; nothing was done now.", examples=[False])]


class SupplierIn(Model):
    """What is left out stays as it is."""

    code: Annotated[str, Field(min_length=1, max_length=64, description="Short, and for ever: it names the supplier.", examples=["ACME"])]
    name: Annotated[str | None, Field(max_length=255, description="For people.", examples=["Acme Ltd"])] = None
    lead_days: LeadDays = None

    def item(self, key: str | None) -> SetSupplier:
        forget = "lead_days" in self.model_fields_set and self.lead_days is None
        return SetSupplier(self.code, self.name, self.lead_days, forget, key=key)


class SupplierOut(Model):
    code: SupplierCode
    name: Annotated[str, Field(examples=["Acme Ltd"])]
    lead_days: LeadDays


class SupplierRowOut(SupplierOut):
    skus: Annotated[int, Field(description="How many SKUs are bought there.", examples=[12])]


class SupplierSetOut(SupplierOut):
    """What holds now."""

    created: Annotated[bool, Field(description="There was none with this code before.")]
    repeat: Repeat


class SupplyIn(Model):
    """All of it: what is left out is taken back."""

    supplier: Annotated[
        str | None, Field(min_length=1, max_length=64, description="The supplier's code; null: bought from nobody.", examples=["ACME"])
    ]
    code: TheirCode = ""
    cost: Cost = None
    lead_days: Annotated[LeadDays, Field(description="Of this SKU; null: as the supplier's.")] = None
    least: Least = None
    multiple: Multiple = None

    def item(self, sku: str, key: str | None) -> SetSupply:
        return SetSupply(sku, self.supplier, self.code, self.cost, self.lead_days, self.least, self.multiple, key=key)


class SupplyOut(Model):
    sku: SkuName
    supplier: Annotated[str | None, Field(description="The supplier's code; null: bought from nobody.", examples=["ACME"])]
    code: TheirCode
    cost: Annotated[str | None, Field(description="Agreed for one unit, in the store's currency; null: not agreed.", examples=["3.20"])]
    lead_days: Annotated[LeadDays, Field(description="Of this SKU; null: as the supplier's.")]
    least: Least
    multiple: Multiple


class SupplyRowOut(SupplyOut):
    title: Annotated[str, Field(examples=["Mug, blue"])]


class SupplySetOut(SupplyOut):
    """What holds now."""

    repeat: Repeat


@router.get("/suppliers", summary="List suppliers", operation_id="list_suppliers")
async def list_suppliers(call: Reader, cursor: Cursor = None, limit: Limit = 100) -> Page[SupplierRowOut]:
    """In the order in which they were made."""
    rows = await call.read(pages.supplier_rows, after(cursor), limit)
    return Page(items=[SupplierRowOut(**_without_id(row)) for row in rows], next=next_of([row.id for row in rows], limit))


@router.post("/suppliers", summary="Make or change a supplier", operation_id="set_supplier", response_model=SupplierSetOut)
async def set_supplier(call: Adjuster, asked: SupplierIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """By its code: a new one is made. What is left out stays; `lead_days: null` says that they are not known any more."""
    return asdict(await call.run(suppliers.set_supplier, asked.item(call.key(idempotency_key))))


@router.get("/suppliers/{supplier:name}/supplies", summary="What is bought from a supplier", operation_id="list_supplies")
async def list_supplies(call: Reader, supplier: Supplier, cursor: Cursor = None, limit: Limit = 100) -> Page[SupplyRowOut]:
    """In the order in which the ledger learned of the SKUs."""
    rows = await call.read(pages.supply_rows, supplier, after(cursor), limit)
    return Page(items=[SupplyRowOut(**_without_id(row)) for row in rows], next=next_of([row.id for row in rows], limit))


@router.get("/inventory/skus/{sku:name}/supply", summary="From whom a SKU is bought", operation_id="read_supply")
async def read_supply(call: Reader, sku: Sku) -> SupplyRowOut:
    """`supplier` is null if it is bought from nobody yet."""
    return SupplyRowOut(**_without_id(await call.read(pages.one_supply, sku)))


@router.put(
    "/inventory/skus/{sku:name}/supply", summary="Say from whom a SKU is bought", operation_id="set_supply", response_model=SupplySetOut
)
async def set_supply(call: Adjuster, sku: Sku, asked: SupplyIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """From one supplier, at what cost, how fast, and in which numbers. Purchase orders that exist stay as they are. A bundle is refused: its
    parts are bought.
    """
    return asdict(await call.run(suppliers.set_supply, asked.item(sku, call.key(idempotency_key))))


def _without_id(row: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name != "id"}
