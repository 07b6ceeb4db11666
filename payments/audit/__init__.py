"""The audit checks of payments: operations, amounts and open items, recomputed and compared with the ledger."""

from collections.abc import Iterator
from typing import Final

from payments.audit.sql import decisions, figures, operations, returns, sums
from payments.ledger import chain
from payments.ledger.audit import Check, Violation, question

CHECKS: Final[tuple[Check, ...]] = (
    question("operation_without_entry", operations.OPERATION_WITHOUT_ENTRY),
    question("entry_without_operation", operations.ENTRY_WITHOUT_OPERATION),
    question("operation_amount_differs", operations.OPERATION_AMOUNT),
    question("reversal_differs", operations.REVERSALS),
    question("payment_sums_differ", sums.PAYMENT_SUMS),
    question("captures_under_way_differ", sums.UNDER_WAY),
    question("order_sums_differ", sums.ORDER_SUMS),
    question("refund_part_differs", sums.PART_DIFFERS),
    question("over_return_without_discrepancy", returns.OVER_RETURN),
    question("refundable_differs", returns.REFUNDABLE),
    question("given_back_twice", returns.GIVEN_BACK_TWICE),
    question("voucher_and_refund_stand", returns.VOUCHER_AND_REFUND),
    question("overpaid_differs", returns.OVERPAID),
    question("open_item_differs", figures.OPEN_ITEMS),
    question("statistics_differ", figures.STATISTICS),
    question("statistics_differ_from_ledger", figures.STATISTICS_OF_LEDGER),
    question("discrepancy_untrue", decisions.DISCREPANCIES_UNTRUE),
    question("discrepancy_missing", decisions.DISCREPANCIES_MISSING),
    question("decision_differs", decisions.DECISION_DIFFERS),
    chain.check,
)


def check() -> Iterator[Violation]:
    """Yield every violation that the checks of payments find; registered in `settings.LEDGER_AUDITS`."""
    for run in CHECKS:
        yield from run()
