"""MT942, the bank's report within the day: recognized and never booked, for the statement repeats it."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from reconciliation.formats import mt
from reconciliation.formats.base import Kind, Record, guarded


class Mt942:
    """Reads every report of the file, so that its lines can be counted."""

    code: ClassVar[str] = "mt942"
    kind: ClassVar[Kind] = Kind.INTERIM
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It has the message's fields."""
        return mt.looks_like(head, interim=True)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer of each."""
        return guarded(mt.read(stream, interim=True))
