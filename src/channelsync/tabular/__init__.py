"""Tables in files, for people and their spreadsheets: rows of text under a header, in CSV or XLSX. What columns mean is not known here.

`opened` reads any file there is one of; `csv_writer` and `xlsx_writer` write. Cells that a spreadsheet would run as a formula are written
harmless and read back as they were (`formulas`).
"""

from channelsync.tabular.formulas import harmless, original
from channelsync.tabular.reading import Copy, Copying, Sheet, copied, copying, opened, opened_file
from channelsync.tabular.row import Row, Unreadable
from channelsync.tabular.writing import NoXlsx, Value, Written, csv_text, csv_writer, writer_for, xlsx_writer

__all__ = [
    "Copy",
    "Copying",
    "NoXlsx",
    "Row",
    "Sheet",
    "Unreadable",
    "Value",
    "Written",
    "copied",
    "copying",
    "csv_text",
    "csv_writer",
    "harmless",
    "opened",
    "opened_file",
    "original",
    "writer_for",
    "xlsx_writer",
]
