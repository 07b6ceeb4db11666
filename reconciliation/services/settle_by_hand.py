"""Record an unknown outcome by a person who has seen evidence, where neither device nor acquirer reports it."""

from typing import Final

from payments.core.errors import Conflict, Forbidden
from payments.core.ids import is_id
from payments.models import CardEvidence, Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.runtime import task_queue
from payments.services.settle_doubt import Doubt, doubt_of, settle_doubt
from reconciliation.services.line_discrepancies import line_of

CAPTURED: Final = "captured"
DECLINED: Final = "declined"
ACTIONS: Final = (CAPTURED, DECLINED)
_OF_LINES: Final = frozenset({Kind.MISSING_IN_BOOKS, Kind.UNKNOWN_LINE})


def actions(row: Discrepancy) -> tuple[str, ...]:
    """Return the outcomes a person may record: both of an open doubt; `captured` of a declined one that was paid."""
    doubt = _behind(row)
    if doubt is None or doubt.was_made:
        return ()
    return ACTIONS if row.kind == Kind.OUTCOME_UNKNOWN and doubt.is_open else (CAPTURED,)


def settle(row: Discrepancy, action: str, *, actor: str) -> None:
    """Record the outcome in the caller's transaction, which has locked the order.

    Raises:
        Forbidden: `person_required`, for an API key.
        Conflict: `outcome_known`, where it was settled in the meantime.
    """
    # A person states that money moved, and answers for it; a program has seen nothing.
    if is_id(actor, "key"):
        detail = "Only a person can say what came of this: sign in to the admin, and write down the evidence."
        raise Forbidden("person_required", detail)
    doubt = _behind(row)
    if doubt is None or doubt.was_made:
        raise Conflict("outcome_known", "What came of this is known by now. Read the payment.")
    settle_doubt(doubt, made=action == CAPTURED, actor=actor)
    task_queue.enqueue_on_commit("reconciliation.rematch")  # a settlement's line may have waited for it


def _behind(row: Discrepancy) -> Doubt | None:
    if row.kind == Kind.OUTCOME_UNKNOWN:
        return _named(row, row.key.partition(":")[2])
    line = line_of(row) if row.kind in _OF_LINES else None
    if line is None:
        return None
    return doubt_of(operation_id=line.operation_id, evidence_id=line.evidence_id)


def _named(row: Discrepancy, name: str) -> Doubt | None:
    """Return the doubt about an operation's id, or about a device's `terminal/series/sequence`."""
    if is_id(name, "op"):
        return doubt_of(operation_id=name, evidence_id=None)
    terminal_id, series, sequence = name.split("/")
    found = CardEvidence.objects.filter(
        merchant_id=row.merchant_id, terminal_id=terminal_id, series=series, sequence=sequence
    ).first()
    return doubt_of(operation_id=None, evidence_id=found.id) if found is not None else None
