"""Payments that a provider credits one by one, under our own end-to-end id: the bank's line settles them."""

from collections.abc import Iterable, Sequence

from payments.ledger.posting import Entry, post
from payments.models import Merchant, Operation, Payment
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation import journal
from reconciliation.models import BankStatementLine
from reconciliation.services.allocations import free_bank_lines, unallocated
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.sql import late_lines

_State = BankStatementLine.State


def book(merchant: Merchant, lines: Sequence[BankStatementLine]) -> None:
    """Book lines just imported, each of which is one payment."""
    paid = _payments(line.operation_id for line in lines)
    post([journal.payment_credited(merchant, line, paid[str(line.operation_id)]) for line in lines])
    resolve_explained(merchant, [f"{Kind.MISSING_IN_SETTLEMENT}:{line.operation_id}" for line in lines])


def find(merchant: Merchant, pairs: Sequence[tuple[int, str]]) -> None:
    """Know lines that waited in suspense as payments that the books know by now: (line, operation)."""
    about = dict(pairs)
    free = free_bank_lines(merchant_id=merchant.id).filter(id__in=about).select_for_update(of=("self",))
    paid = _payments(about.values())
    entries: list[Entry] = []
    explained: list[str] = []
    for line in free.order_by("id"):
        if line.item is not None and unallocated(line) == line.amount:
            name = about[line.id]
            entries.append(journal.payment_found(merchant, line, paid[name], line.item))
            explained += [f"{Kind.UNKNOWN_LINE}:bank:{line.id}", f"{Kind.MISSING_IN_SETTLEMENT}:{name}"]
            line.state, line.item, line.operation_id = _State.PAYMENT, None, name
            line.save(update_fields=["state", "item", "operation_id"])
    post(entries)
    resolve_explained(merchant, explained)


def late(merchant: Merchant) -> list[tuple[int, str]]:
    """Return the lines in suspense that are payments which succeeded since: (line, operation)."""
    return late_lines.late_credits(merchant.id)


def _payments(operations: Iterable[str | None]) -> dict[str, Payment]:
    """Return the payment of each operation."""
    rows = Operation.objects.select_related("payment").in_bulk([str(name) for name in operations])
    return {name: row.payment for name, row in rows.items() if row.payment is not None}
