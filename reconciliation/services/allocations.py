"""Know parts of a bank line as payouts, and take that back: the one place that writes allocations."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from payments.accounting.chart_of_accounts import account
from payments.ledger.models import JournalEntry
from payments.ledger.posting import Entry, next_items
from payments.ledger.reversing import Reversal, mirror
from reconciliation import journal
from reconciliation.models import BankStatementLine, Payout, PayoutAllocation, ResolutionStep
from reconciliation.queries import item_balance
from reconciliation.services import payouts

_State = BankStatementLine.State
UNDONE: Final = "payout_undone"  # the event of the entry that takes one back


def unallocated(line: BankStatementLine) -> int:
    """Return what of a bank line nothing explains yet, in minor units."""
    if line.item is None:
        return 0 if line.state == _State.PAYOUT else line.amount
    suspense = account("suspense", line.currency)
    return -item_balance(line.statement.merchant_id, suspense, line.item)


def free_bank_lines(*, merchant_id: str) -> QuerySet[BankStatementLine]:
    """Return the lines of a merchant's statements that nothing explains, with their statements."""
    return BankStatementLine.objects.filter(
        statement__merchant_id=merchant_id, statement__kind="statement", state__in=(_State.SUSPENSE, _State.OTHER)
    ).select_related("statement__merchant")


def allocate(
    line: BankStatementLine, parts: Sequence[tuple[Payout, int]], *, step: ResolutionStep | None = None
) -> Entry:
    """Know parts of a bank line as payouts, all of them locked by the caller. Return the entry that books it.

    What is left of the line stays (or comes to be) in suspense. Its own discrepancy stays open.
    """
    before, left = (line.state, line.item), unallocated(line) - sum(amount for _payout, amount in parts)
    if line.item is not None:
        entry = journal.payout_found(line, parts, nth=_times_allocated(line))
    else:
        # One that was passed over when it came is booked as if it came now.
        line.item = next_items(1)[0] if left else None
        entry = journal.payout_received(line, parts, rest=left)
    if left:
        line.state = _State.SUSPENSE
    else:
        line.state, line.item = _State.PAYOUT, None
    whole = len(parts) == 1 and parts[0][1] == line.amount
    line.payout = parts[0][0] if whole else None
    line.save(update_fields=["state", "payout", "item"])
    rows = [PayoutAllocation(bank_line=line, payout=payout, amount=amount, step=step) for payout, amount in parts]
    for row in rows:
        row.entry_key, (row.state_before, row.item_before) = entry.key, before
    PayoutAllocation.objects.bulk_create(rows)
    for payout, amount in parts:
        payouts.receive(payout, amount, on=line.booked_on)
    return entry


def allocate_imported(payout: Payout, shown: Sequence[tuple[BankStatementLine, int]]) -> None:
    """Note which parts of lines just imported are a payout, which the caller has locked and books."""
    PayoutAllocation.objects.bulk_create(
        PayoutAllocation(bank_line=line, payout=payout, amount=amount, entry_key=journal.bank_line_key(line))
        for line, amount in shown
    )
    payouts.receive(payout, sum(amount for _line, amount in shown), on=max(line.booked_on for line, _amount in shown))


def of_line(line: BankStatementLine) -> list[PayoutAllocation]:
    """Return the parts of a line that are payouts, the earliest first."""
    rows = list(line.allocations.filter(undone_at=None).select_related("payout").order_by("id"))
    if rows or line.payout is None:
        return rows
    # Matched by the version that ran during an update, which wrote the line's own column alone.
    return [_of_earlier_version(line, line.payout)]


def release(line: BankStatementLine, parts: Iterable[PayoutAllocation], at: datetime) -> list[Entry]:
    """Take back what one entry knew of a line, which the caller has locked. Return the entries that do so.

    The line is as it was before. One that was known when it was imported is held in suspense: it is a provider's.
    """
    rows = list(parts)
    key, merchant = rows[0].entry_key, line.statement.merchant
    entries = [mirror(Reversal(key, f"undone:{key}", UNDONE, at, merchant.timezone))]
    for row in rows:
        row.undone_at = at
        row.save()
    line.undone, line.payout = line.undone + 1, None
    if rows[0].state_before:
        line.state, line.item = rows[0].state_before, rows[0].item_before
    else:
        line.state, line.item = _State.SUSPENSE, next_items(1)[0]
        entries.append(journal.held_at_bank(merchant, line))
    line.save(update_fields=["state", "item", "payout", "undone"])
    return entries


def _times_allocated(line: BankStatementLine) -> int:
    return line.allocations.values("entry_key").distinct().count()


def _of_earlier_version(line: BankStatementLine, payout: Payout) -> PayoutAllocation:
    found = JournalEntry.objects.filter(key=f"payout_found:{line.id}").prefetch_related("postings__account").first()
    row = PayoutAllocation(bank_line=line, payout=payout, amount=line.amount, entry_key=journal.bank_line_key(line))
    if found is not None:
        held = [posting.item for posting in found.postings.all() if posting.account.code == "suspense"]
        row.entry_key, row.state_before, row.item_before = found.key, _State.SUSPENSE, held[0]
    row.created_at = found.booked_at if found is not None else line.statement.file.created_at
    return row
