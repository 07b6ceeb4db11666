"""What terminals add to the proof of the books: nothing a device posted is lost, and it did what it says."""

from collections.abc import Iterator
from typing import Final

from payments.ledger.audit import Check, Violation, question
from terminals.audit import sql

CHECKS: Final[tuple[Check, ...]] = (
    question("transaction_without_evidence", sql.WITHOUT_EVIDENCE),
    question("evidence_without_transaction", sql.EVIDENCE_ALONE),
    question("transaction_without_deed", sql.WITHOUT_DEED),
    question("transaction_without_object", sql.WITHOUT_OBJECT),
    question("transaction_amount_differs", sql.AMOUNT),
    question("terminal_gaps_differ", sql.GAPS),
    question("sequence_gap_untrue", sql.GAPS_UNTRUE),
    question("sequence_gap_missing", sql.GAPS_UNTOLD),
    question("outcome_unknown_missing", sql.DOUBTS_UNTOLD),
)


def check() -> Iterator[Violation]:
    """Every violation that terminals can name; registered in `settings.LEDGER_AUDITS`."""
    for ask in CHECKS:
        yield from ask()
