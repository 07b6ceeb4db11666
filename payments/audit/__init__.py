"""The audit checks of payments: operations, amounts and open items, recomputed and compared with the ledger."""

from collections.abc import Iterator
from typing import Final

from payments.audit import sql
from payments.ledger import chain
from payments.ledger.audit import Check, Violation, question

CHECKS: Final[tuple[Check, ...]] = (
    question("operation_without_entry", sql.OPERATION_WITHOUT_ENTRY),
    question("entry_without_operation", sql.ENTRY_WITHOUT_OPERATION),
    question("operation_amount_differs", sql.OPERATION_AMOUNT),
    question("reversal_differs", sql.REVERSALS),
    question("payment_sums_differ", sql.PAYMENT_SUMS),
    question("captures_under_way_differ", sql.UNDER_WAY),
    question("order_sums_differ", sql.ORDER_SUMS),
    question("refund_part_differs", sql.PART_DIFFERS),
    question("over_return_without_discrepancy", sql.OVER_RETURN),
    question("refundable_differs", sql.REFUNDABLE),
    question("given_back_twice", sql.GIVEN_BACK_TWICE),
    question("voucher_and_refund_stand", sql.VOUCHER_AND_REFUND),
    question("overpaid_differs", sql.OVERPAID),
    question("open_item_differs", sql.OPEN_ITEMS),
    question("statistics_differ", sql.STATISTICS),
    question("statistics_differ_from_ledger", sql.STATISTICS_OF_LEDGER),
    question("discrepancy_untrue", sql.DISCREPANCIES_UNTRUE),
    question("discrepancy_missing", sql.DISCREPANCIES_MISSING),
    question("decision_differs", sql.DECISION_DIFFERS),
    chain.check,
)


def check() -> Iterator[Violation]:
    """Yield every violation that the checks of payments find; registered in `settings.LEDGER_AUDITS`."""
    for run in CHECKS:
        yield from run()
