"""What reconciliation proves of the books: settlements, payouts and bank lines recomputed from their rows."""

from collections.abc import Iterator
from typing import Final

from payments.ledger.audit import Check, Violation, question
from reconciliation.audit import sql
from reconciliation.journal import PART

CHECKS: Final[tuple[Check, ...]] = (
    question("settlement_wrong", sql.SETTLEMENTS_WRONG.format(part=PART)),
    question("settlement_sums_wrong", sql.SETTLEMENT_SUMS_WRONG),
    question("settled_currency_wrong", sql.SETTLED_CURRENCY_WRONG),
    question("payout_wrong", sql.PAYOUTS_WRONG),
    question("payout_received_wrong", sql.PAYOUTS_RECEIVED_WRONG),
    question("bank_line_wrong", sql.BANK_LINES_WRONG),
    question("bank_line_parts_wrong", sql.BANK_LINE_PARTS_WRONG),
    question("payment_line_wrong", sql.PAYMENT_LINES_WRONG),
    question("resolution_undone_untrue", sql.UNDONE_UNTRUE),
    question("discrepancy_of_line_untrue", sql.OF_LINES_UNTRUE),
    question("discrepancy_of_line_missing", sql.OF_LINES_MISSING),
    question("discrepancy_of_payout_untrue", sql.OF_PAYOUTS_UNTRUE),
    question("discrepancy_of_payout_missing", sql.OF_PAYOUTS_MISSING),
    question("missing_in_settlement_untrue", sql.MISSING_UNTRUE),
    question("period_untrue", sql.PERIODS_UNTRUE),
)


def check() -> Iterator[Violation]:
    """Every violation that reconciliation can name; registered in `settings.LEDGER_AUDITS`."""
    for ask in CHECKS:
        yield from ask()
