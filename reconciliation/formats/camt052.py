"""CAMT.052, the bank's report within the day: recognized and never booked, for the statement repeats it."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import camt
from reconciliation.formats.base import Kind, Record, guarded

MESSAGE: Final = camt.Message(root="BkToCstmrAcctRpt", part="Rpt", balances=False)


class Camt052:
    """Reads every report of the file, so that its lines can be counted."""

    code: ClassVar[str] = "camt052"
    kind: ClassVar[Kind] = Kind.INTERIM
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It declares the message's namespace."""
        return camt.declared(head).startswith("camt.052.")

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer of each."""
        return guarded(camt.read(stream, MESSAGE))
