"""CAMT.053, the bank's statement: booked, once its balances prove that it is whole."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import camt
from reconciliation.formats.base import Kind, Record, guarded

MESSAGE: Final = camt.Message(root="BkToCstmrStmt", part="Stmt", balances=True)


class Camt053:
    """Reads every statement of the file, versions 02, 03, 04, 06 and 08 alike."""

    code: ClassVar[str] = "camt053"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It declares the message's namespace."""
        return camt.declared(head).startswith("camt.053.")

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer of each."""
        return guarded(camt.read(stream, MESSAGE))
