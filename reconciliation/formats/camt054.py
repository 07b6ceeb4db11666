"""CAMT.054, the bank's notification beside its statement: stored as evidence; only the statement is booked."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import camt
from reconciliation.formats.base import Kind, Record, guarded

MESSAGE: Final = camt.Message(root="BkToCstmrDbtCdtNtfctn", part="Ntfctn", balances=False)


class Camt054:
    """Reads every notification of the file."""

    code: ClassVar[str] = "camt054"
    kind: ClassVar[Kind] = Kind.NOTIFICATION
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It declares the message's namespace."""
        return camt.declared(head).startswith("camt.054.")

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer of each."""
        return guarded(camt.read(stream, MESSAGE))
