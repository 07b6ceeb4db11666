"""Movements of a bank account in columns that a merchant has described: for banks whose list is not known here.

As in `mapped`, nothing is guessed. Where the mapping names a column for the balance, the balances prove that no row is
missing (`bank_csv.Chain`).
"""

from collections.abc import Iterator
from typing import BinaryIO

from payments.core.money import Money
from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine
from reconciliation.formats.layout import CREDIT, DEBIT, IGNORE
from reconciliation.formats.mapped_table import Cells, MappedTable
from reconciliation.formats.table import Row


class MappedStatement(MappedTable):
    """Reads the movements of the one account that the layout names."""

    kind = Kind.STATEMENT

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield the header and lines as they come, then the trailer."""
        return bank_csv.statements(lambda: self.rows(stream), self._movement)

    def _movement(self, row: Row) -> Iterator[Movement]:
        cells = Cells(row, self.layout)
        meaning = cells.meaning()
        if meaning == IGNORE:
            return
        currency = cells.currency()
        yield Movement(
            account=self.layout.account,
            line=StatementLine(
                line=row.number,
                amount=_amount(cells, meaning, currency),
                booked_on=cells.at().date(),
                bank_reference=cells.text("reference"),
                counterparty_name=cells.text("counterparty"),
                counterparty_iban=bank_csv.iban(cells.text("iban")),
                remittance=bank_csv.joined(row[self.layout.columns["description"]]),
            ),
            balance=_balance(cells, currency),
        )


def _amount(cells: Cells, meaning: str, currency: str) -> Money:
    sides = ("debit", "credit") if cells.layout.sign == "debit_credit" else ("amount",)
    if not any(cells.row[cells.layout.columns[side]] for side in sides):
        raise ValueError(f"{' and '.join(cells.layout.columns[side] for side in sides)} is empty")
    if cells.layout.sign == "debit_credit":
        return cells.two_sided(currency)
    if cells.layout.sign == "signed":
        return cells.money("amount", currency)
    if meaning not in (CREDIT, DEBIT):
        raise ValueError("its type does not say whether money came in or went out")
    amount = cells.unsigned(currency)
    return -amount if meaning == DEBIT else amount


def _balance(cells: Cells, currency: str) -> Money | None:
    if not cells.has("balance"):
        return None
    if not cells.row[cells.layout.columns["balance"]]:
        raise ValueError(f"{cells.layout.columns['balance']} is empty, and the balances prove that no row is missing")
    return cells.money("balance", currency)
