"""Revolut's list of movements as CSV. It names no account: one statement per product and currency.

The fee of a movement comes off the balance too, and is a line of its own. What is pending or was reverted moved no
money.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine
from reconciliation.formats.table import Row, has_columns, table
from reconciliation.formats.text import bank_lines

REQUIRED: Final = (
    *("Type", "Product", "Started Date", "Completed Date", "Description", "Amount", "Fee", "Currency", "State"),
    "Balance",
)
ACCOUNT: Final = "REVOLUT"
_COMPLETED: Final = "completed"
_MOVED_NOTHING: Final = ("pending", "reverted", "failed", "declined")
_CURRENT: Final = "CURRENT"


class RevolutCsv:
    """Reads the movements of each product and currency."""

    code: ClassVar[str] = "revolut_csv"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns."""
        return has_columns(head, REQUIRED)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return bank_csv.statements(lambda: table(stream, REQUIRED, read_lines=bank_lines), _movements)


def _movements(row: Row) -> Iterator[Movement]:
    state = row["State"].casefold()
    if state in _MOVED_NOTHING:
        return
    if state != _COMPLETED:
        raise ValueError(f"State is {row['State']!r}, which is not known here")
    currency, product = row.currency("Currency"), row["Product"].upper()
    account = ACCOUNT if product == _CURRENT else f"{ACCOUNT} {product}"[:40]
    amount, balance = (bank_csv.amount(row, column, currency, mark=".") for column in ("Amount", "Balance"))
    fee = row.money("Fee", currency)
    line = StatementLine(
        line=row.number,
        amount=amount,
        booked_on=_day(row, "Completed Date"),
        valued_on=_day(row, "Started Date"),
        counterparty_name=row["Description"],
        remittance=bank_csv.joined(row["Description"]),
        code=row["Type"][:40],
    )
    yield Movement(account, line, balance + fee)
    if fee.amount:
        charge = replace(line, amount=-fee, counterparty_name="", code="FEE", valued_on=None)
        yield Movement(account, charge, balance)


def _day(row: Row, column: str) -> date:
    # A time may follow the day; it is the bank's own wall clock.
    shortened = Row(row.number, [cell.strip()[:10] for cell in row.cells], row.places)
    return bank_csv.day(shortened, column, "%Y-%m-%d")
