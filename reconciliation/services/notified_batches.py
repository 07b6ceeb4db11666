"""A batch that a statement stated as one total, when the bank's notification (CAMT.054) comes after the statement.

Its parts take its place, as if the notification had come first. What a person or a rule has explained by then stays as
it is; the parts are kept with the notification.
"""

from collections.abc import Sequence

from django.db.models import Count, QuerySet

from payments.ledger.posting import post
from payments.models import Discrepancy, Merchant
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation import journal
from reconciliation.models import BankStatement, BankStatementLine, SettlementFile
from reconciliation.services import steps
from reconciliation.services.allocations import free_bank_lines, unallocated
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.sql import notified_parts, statements

_State = BankStatementLine.State


def put_parts_in_place(merchant: Merchant, *, notifications: Sequence[BankStatement]) -> QuerySet[BankStatementLine]:
    """Replace stored totals by the parts that these notifications list. Return the parts, stored and not booked yet.

    Within the transaction and under the merchant's lock of an import, of which the staged lines are used.
    """
    found = notified_parts.stored_totals(merchant_id=merchant.id, notifications=[row.id for row in notifications])
    totals = _unexplained(merchant, [one.line_id for one in found])
    chosen = [one for one in found if one.line_id in totals]
    if not chosen:
        return BankStatementLine.objects.none()
    lines = [totals[one.line_id] for one in chosen]
    first = notified_parts.stage_parts(chosen)
    _take_back(merchant, lines)
    accounts = [line.statement.account for line in lines]
    statements.match_statement_lines(
        merchant_id=merchant.id, accounts=accounts, openings=[None] * len(lines), booked=True, parts=True
    )
    statements.store_statement_lines([line.statement_id for line in lines])
    _count(lines)
    return BankStatementLine.objects.filter(statement__in=[line.statement_id for line in lines], position__gte=first)


def _unexplained(merchant: Merchant, names: Sequence[int]) -> dict[int, BankStatementLine]:
    """Lock these lines, and return those of which nothing was decided yet."""
    keys = {f"{Kind.UNKNOWN_LINE}:bank:{name}": name for name in names}
    # Discrepancies before lines, as whoever resolves one locks them.
    rows = Discrepancy.objects.select_for_update(of=("self",)).filter(merchant=merchant, key__in=keys)
    waiting = [row for row in rows.order_by("id") if row.status == Discrepancy.Status.OPEN]
    untouched = {keys[row.key] for row in waiting if not steps.live(row).exists()}
    free = free_bank_lines(merchant_id=merchant.id).filter(id__in=names, undone=0)
    return {
        line.id: line
        for line in free.select_for_update(of=("self",)).order_by("id")
        if line.state == _State.OTHER or (line.id in untouched and unallocated(line) == line.amount)
    }


def _take_back(merchant: Merchant, lines: Sequence[BankStatementLine]) -> None:
    held = [line for line in lines if line.state == _State.SUSPENSE]
    post([journal.batch_split(merchant, line) for line in held])
    resolve_explained(merchant, [f"{Kind.UNKNOWN_LINE}:bank:{line.id}" for line in held])
    BankStatementLine.objects.filter(id__in=[line.id for line in lines]).delete()


def _count(totals: Sequence[BankStatementLine]) -> None:
    """Update how many lines each file has."""
    files = {line.statement.file_id for line in totals}
    counted = BankStatementLine.objects.filter(statement__file__in=files).values("statement__file")
    for row in counted.annotate(lines=Count("id")).order_by():
        SettlementFile.objects.filter(id=row["statement__file"]).update(lines=row["lines"])
