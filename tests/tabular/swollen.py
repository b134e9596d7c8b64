"""XLSX files that are small to send and large to read."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping

import openpyxl

SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"
DECLARED = (
    f'<Override PartName="/{TEXTS}" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
)


def book() -> bytes:
    """Its one row: A, 1."""
    made, out = openpyxl.Workbook(), io.BytesIO()
    for row in (("sku", "on_hand"), ("A", 1)):
        made.active.append(row)
    made.save(out)
    return out.getvalue()


def changed(change: Callable[[str], bytes] | None, part: str = SHEET, *, name: str = "", more: Mapping[str, bytes] | None = None) -> bytes:
    """The book with one part changed, and called by another name, and with more parts in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book())) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for each in source.namelist():
            content = source.read(each)
            if TEXTS in (more or {}):
                content = content.replace(b"</Types>", DECLARED.encode())
            if each == part and change:
                content = change(re.sub(r"^<\?xml.*?\?>", "", content.decode()))
            elif name:
                content = content.replace(part.removeprefix("xl/").encode(), name.removeprefix("xl/").encode())
            target.writestr(name if name and each == part else each, content)
        for each, content in (more or {}).items():
            target.writestr(each, content)
    return out.getvalue()


def in_cell(sheet: str, content: str) -> str:
    """The sheet with this XML as the text of A2."""
    return re.sub(r'<c r="A2"[^>]*>.*?</c>', f'<c r="A2" t="inlineStr"><is>{content}</is></c>', sheet)


def shared(texts: str) -> str:
    return f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{texts}</sst>'


def with_entity(sheet: str, encoding: str, length: int = 3, times: int = 1) -> bytes:
    declared = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE worksheet [<!ENTITY b "{"x" * length}">]>'
    return (declared + in_cell(sheet, f"<t>{'&b;' * times}</t>")).encode(encoding)
