"""What an import over the API answers: how many rows did what, the first of them, and each bad one with its line."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from channelsync.shell.api.models import Model

Count = Annotated[int, Field(description="Rows.", examples=[3])]
Cell = Annotated[str | int | None, Field(description="As the column holds it; null: nothing.", examples=[12])]


class ChangeOut(Model):
    column: Annotated[str, Field(description="Which column.", examples=["on_hand"])]
    old: Cell
    new: Cell


class RowOut(Model):
    """A row that changes something."""

    line: Annotated[int, Field(description="Where it begins in the file, from 1; the header is in line 1.", examples=[2])]
    about: Annotated[str, Field(description="What it is about, for people.", examples=["MUG-01 at main"])]
    new: Annotated[bool, Field(description="The ledger did not have it yet.")]
    changes: list[ChangeOut]


class BadRowOut(Model):
    line: Annotated[int, Field(description="Where it begins in the file.", examples=[3])]
    column: Annotated[str | None, Field(description="null: it is the row as a whole.", examples=["on_hand"])]
    problem: Annotated[str, Field(description="What is wrong with it and what to do, for people.", examples=["'x' is no whole number"])]


class ImportedOut(Model):
    """`rows` is the sum of all the counts below it."""

    kind: Annotated[str, Field(description="As asked.", examples=["stock"])]
    applied: Annotated[bool, Field(description="false: nothing was changed. It was a preview, or all or none, and rows are bad.")]
    repeat: Annotated[bool, Field(description="This file was sent with this key before.")]
    rows: Count
    new: Annotated[int, Field(description="Rows that made something.", examples=[1])]
    changed: Annotated[int, Field(description="Rows that changed something.", examples=[2])]
    unchanged: Annotated[int, Field(description="Rows that say what the ledger says already.", examples=[0])]
    done_before: Annotated[int, Field(description="Rows of this very import that were applied before.", examples=[0])]
    empty: Annotated[int, Field(description="Rows that say nothing.", examples=[0])]
    bad: Annotated[int, Field(description="Rows that were left alone, and why is in `problems`.", examples=[0])]
    first: Annotated[list[RowOut], Field(description="The first rows that change something, as many as asked for.")]
    problems: Annotated[list[BadRowOut], Field(description="The first 1,000 bad rows.")]

    @classmethod
    def of(cls, kind: str, told: dict[str, Any], *, applied: bool, repeat: bool) -> ImportedOut:
        return cls.model_validate({"kind": kind, "applied": applied, "repeat": repeat, **told})
