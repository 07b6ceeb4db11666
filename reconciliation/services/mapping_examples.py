"""An example of a file, looked at while a mapping is made of it: its rows as they stand there, and what they suggest.

A suggestion is only what a form begins with: a person sees it, and the preview shows what it makes of the example.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Final

from reconciliation.formats.archive import documents
from reconciliation.formats.base import Problem, Unreadable
from reconciliation.formats.layout import DELIMITERS, LAST_HEADER_ROW
from reconciliation.formats.workbook import MAGIC

MOST_BYTES: Final = 500_000  # an example stays in the form while the mapping is made
LOOKED_AT: Final = LAST_HEADER_ROW  # rows
MOST_WORDS: Final = 40
_UNPACKED: Final = 20 * MOST_BYTES


@dataclass(frozen=True, slots=True)
class Example:
    """A file that somebody showed."""

    content: bytes
    name: str

    @property
    def workbook(self) -> bool:
        """Whether it is an Excel workbook."""
        return self.content.startswith(MAGIC)

    def stream(self) -> BinaryIO:
        """The file, opened."""
        return io.BytesIO(self.content)


def rows(example: Example, definition: dict[str, Any]) -> tuple[list[list[str]], Problem | None]:
    """Return the first rows as a definition separates them, and why there are no more of them."""
    try:
        return list(islice(_rows(example, definition), LOOKED_AT)), None
    except Unreadable as end:
        return [], end.problem


def columns(example: Example, definition: dict[str, Any]) -> list[str]:
    """Return the names in the header row, "" left out."""
    found, _ = rows(example, definition)
    at = int(definition["header_row"])
    return list(dict.fromkeys(cell.strip() for cell in found[at - 1] if cell.strip())) if at <= len(found) else []


def words(example: Example, definition: dict[str, Any], column: str) -> list[str]:
    """Return the different words of a column, in the order in which they come."""
    try:
        found = list(_rows(example, definition))
    except Unreadable:
        return []
    at = int(definition["header_row"])
    if at > len(found) or column not in (names := [cell.strip() for cell in found[at - 1]]):
        return []
    place = names.index(column)
    below = (row[place].strip() for row in found[at:] if len(row) > place)
    return list(dict.fromkeys(filter(None, below)))[:MOST_WORDS]


def suggested(example: Example) -> dict[str, Any]:
    """Return how the example seems to be written, for a form to begin with."""
    if example.workbook:
        return {"format": "xlsx", "header_row": _header_row(example, {"format": "xlsx"})}
    try:
        encoding, text = "utf-8", example.content.decode()
    except UnicodeDecodeError:
        encoding, text = "windows-1252", example.content.decode("windows-1252", "replace")
    lines = text.splitlines()[:LOOKED_AT]
    delimiter = max(DELIMITERS, key=lambda mark: max((line.count(mark) for line in lines), default=0))
    written: dict[str, Any] = {"format": "csv", "encoding": encoding, "delimiter": delimiter}
    return {**written, "header_row": _header_row(example, written)}


def _header_row(example: Example, definition: dict[str, Any]) -> int:
    """The first row with as many names as any row has cells."""
    found, _ = rows(example, definition)
    filled = [sum(bool(cell.strip()) for cell in row) for row in found]
    return filled.index(max(filled)) + 1 if filled else 1


def _rows(example: Example, definition: dict[str, Any]) -> Iterator[list[str]]:
    for _, document in documents(
        example.stream(), example.name, most_bytes=_UNPACKED, sheet=definition.get("sheet", "")
    ):
        encoding = "utf-8" if example.workbook else definition.get("encoding", "utf-8")
        text = io.TextIOWrapper(document, encoding=encoding, errors="replace", newline="")
        delimiter = "," if example.workbook else definition.get("delimiter", ";")
        try:
            yield from csv.reader(text, delimiter=delimiter)
        except csv.Error:
            return
