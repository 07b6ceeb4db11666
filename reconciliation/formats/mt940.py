"""MT940, the bank's statement as SWIFT has it: booked, once its balances prove that it is whole."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from reconciliation.formats import mt
from reconciliation.formats.base import Kind, Record, guarded


class Mt940:
    """Reads every statement of the file, in the dialects of Dutch and German banks."""

    code: ClassVar[str] = "mt940"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It has the message's fields."""
        return mt.looks_like(head, interim=False)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer of each."""
        return guarded(mt.read(stream, interim=False))
