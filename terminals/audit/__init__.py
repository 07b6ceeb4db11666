"""What terminals add to the audit of the books: nothing a device posted is lost, and each had its effect."""

from collections.abc import Iterator
from typing import Final

from payments.ledger.audit import Check, Violation, question
from terminals.audit import sql

CHECKS: Final[tuple[Check, ...]] = (
    question("transaction_without_evidence", sql.WITHOUT_EVIDENCE),
    question("evidence_without_transaction", sql.EVIDENCE_ALONE),
    question("transaction_without_operation", sql.WITHOUT_OPERATION),
    question("transaction_without_object", sql.WITHOUT_OBJECT),
    question("transaction_amount_differs", sql.AMOUNT),
    question("terminal_gaps_differ", sql.GAPS),
    question("sequence_gap_untrue", sql.GAPS_UNTRUE),
    question("sequence_gap_missing", sql.GAPS_UNREPORTED),
    question("outcome_unknown_missing", sql.DOUBTS_UNREPORTED),
)


def check() -> Iterator[Violation]:
    """Every violation that terminals can name; registered in `settings.LEDGER_AUDITS`."""
    for ask in CHECKS:
        yield from ask()
