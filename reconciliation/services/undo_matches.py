"""Take matches back: a settlement's line and a bank's lines are as they were, whoever or whatever matched them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from payments.core.errors import Conflict
from payments.ledger.models import JournalEntry
from payments.ledger.posting import Entry
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.services import discrepancy
from reconciliation import journal
from reconciliation.models import BankStatementLine, Payout, PayoutAllocation, ResolutionStep, SettlementLine
from reconciliation.services import payouts, reopen, steps
from reconciliation.services.allocations import of_line, release, unallocated
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.services.line_discrepancies import bank_line_of, line_of, of_bank_line

_OF_LINES: Final = (Kind.UNKNOWN_LINE, Kind.SIGN_DIFFERS, Kind.DUPLICATE)
# What a match may have opened about the line that it matched.
_BY_A_MATCH: Final = (Kind.AMOUNT_DIFFERS, Kind.CURRENCY_DIFFERS, Kind.FEE_DIFFERS, Kind.MISSING_IN_BOOKS)


def found_by_rule(row: Discrepancy) -> bool:
    """Return whether a match that a rule has found explained a discrepancy, so that a person can undo it."""
    if (row.resolution or {}).get("action") not in ("explained", "match"):
        return False
    return _late_match(row) is not None or bool(_by_rule(row))


def step_of_rule(row: Discrepancy) -> ResolutionStep:
    """Write down what a rule has found as a step, so that it can be undone like one."""
    line = _late_match(row)
    if line is None:
        return steps.record(row, action="match", actor=row.resolved_by)
    before = {"line": line.id} | (line.before_match or _before(row))
    entries = [journal.late_match_key(line)]
    return steps.record(row, action="match", actor=row.resolved_by, line_before=before, entries=entries)


def _before(row: Discrepancy) -> dict[str, Any]:
    """What a line was of which the version that matched it kept nothing, as its discrepancy tells."""
    return {
        "state": SettlementLine.State.REPEATED if row.kind == Kind.DUPLICATE else SettlementLine.State.UNKNOWN,
        "payment_id": row.payment_id,
        "operation_id": None,
        "item": row.item,
        "rule": SettlementLine.Rule.SIGN if row.kind == Kind.SIGN_DIFFERS else "",
        "booked_currency": None,
        "booked_amount": None,
    }


def take_back(step: ResolutionStep, at: datetime) -> list[Entry]:
    """Have what a step matched as it was before, and return the entries of bank lines; others are the caller's.

    Raises:
        Conflict: `resolved_since`, `payout_received_since`, `undo_not_possible`.
    """
    row = step.discrepancy
    if step.line_before is not None:
        _restore(row, step.line_before)
    parts = list(step.allocations.filter(undone_at=None))
    # One that a rule found was written down as a step without parts of its own.
    if not parts and step.action == "match" and not step.entries:
        parts = _by_rule(row)
    return _release(row, parts, at) if parts else []


def _late_match(row: Discrepancy) -> SettlementLine | None:
    line = line_of(row) if row.kind in _OF_LINES else None
    if line is None or line.state not in (SettlementLine.State.MATCHED, SettlementLine.State.EARLY):
        return None
    booked = JournalEntry.objects.filter(key=journal.late_match_key(line)).exists()
    return line if booked else None


def _by_rule(row: Discrepancy) -> list[PayoutAllocation]:
    """Return the parts of bank lines by which a rule has explained a discrepancy."""
    if row.kind in payouts.KINDS and row.item is not None:
        live = PayoutAllocation.objects.filter(payout__item=row.item, undone_at=None, step=None)
        return list(live.filter(created_at__gte=row.created_at).order_by("id"))
    line = bank_line_of(row)
    return of_line(line) if line is not None and row.kind == Kind.UNKNOWN_LINE else []


def _restore(row: Discrepancy, before: dict[str, Any]) -> None:
    """Leave a settlement's line to a person again, with what it was before its match."""
    line = SettlementLine.objects.select_for_update().select_related("settlement").get(id=before["line"])
    keys = [f"{kind}:{line.settlement_id}:{line.number}" for kind in _BY_A_MATCH]
    _refuse_if_resolved(ResolutionStep.objects.filter(discrepancy__merchant=row.merchant, discrepancy__key__in=keys))
    resolve_explained(row.merchant, keys)
    settled = line.operation_id
    for name, value in before.items():
        if name != "line":
            setattr(line, name, value)
    line.expected, line.undone = None, line.undone + 1
    line.save(update_fields=[*(name for name in before if name != "line"), "expected", "undone"])
    if settled is not None:
        reopen.reopen_explained(row.merchant, [f"{Kind.MISSING_IN_SETTLEMENT}:{settled}"])


def _release(row: Discrepancy, parts: Iterable[PayoutAllocation], at: datetime) -> list[Entry]:
    """Take parts of bank lines back, each with what was booked together with it."""
    keys = {part.entry_key for part in parts}
    lines = {part.bank_line_id for part in parts}
    together = PayoutAllocation.objects.filter(bank_line__in=lines, entry_key__in=keys, undone_at=None)
    # Payouts before lines, both by their ids, as the sweeps lock them.
    found = list(together.select_related("payout")) or list(parts)
    of_payouts = Payout.objects.select_for_update(of=("self",)).select_related("merchant", "settlement")
    locked = {one.id: one for one in of_payouts.filter(id__in={part.payout_id for part in found}).order_by("id")}
    of_lines = BankStatementLine.objects.select_for_update(of=("self",)).select_related("statement__merchant")
    entries: list[Entry] = []
    for line in of_lines.filter(id__in=lines).order_by("id"):
        own = [part for part in found if part.bank_line_id == line.id]
        _refuse_if_used_since(line, own, locked, released=[part.id for part in found if part.pk])
        entries += release(line, own, at)
        _hold(row, line)
    since = min(part.created_at for part in found)
    for part in found:
        _give_back(locked[part.payout_id], part.amount, since)
    return entries


def _give_back(payout: Payout, amount: int, since: datetime) -> None:
    payouts.give_back(payout, amount)
    if payout.amount_received == 0:
        reopen.reopen_explained(payout.merchant, [f"{Kind.PAYOUT_NOT_RECEIVED}:{payout.id}"], since=since)


def _hold(row: Discrepancy, line: BankStatementLine) -> None:
    """Have a discrepancy about a line that is in suspense again; that of its rest, where it is not, is over."""
    key = f"{Kind.UNKNOWN_LINE}:bank:{line.id}"
    if row.key == key:
        row.item = line.item
        row.save(update_fields=["item"])
    elif line.state != BankStatementLine.State.SUSPENSE:
        resolve_explained(row.merchant, [key])
    else:
        reopen.reopen_explained(row.merchant, [key])
        discrepancy.open_discrepancies([of_bank_line(Kind.UNKNOWN_LINE, line)])


def _refuse_if_used_since(
    line: BankStatementLine,
    own: Collection[PayoutAllocation],
    locked: dict[str, Payout],
    *,
    released: Collection[int],
) -> None:
    """Refuse where what came later than these parts builds on them: that is undone first."""
    after = max((part.id or 0 for part in own), default=0)
    live = PayoutAllocation.objects.filter(undone_at=None, id__gt=after).exclude(id__in=released)
    for part in own:
        payout = locked[part.payout_id]
        if payout.status == Payout.Status.FAILED:
            raise Conflict("undo_not_possible", f"The bank has sent {payout.reference} back since.")
        if payout.status == Payout.Status.RECEIVED and payout.amount_received != payout.amount:
            raise _resolved_since("What was missing of this payout was resolved since. Undo that first.")
        if live.filter(payout=payout).exists():
            detail = f"Another bank line was received for {payout.reference} since. Undo that first."
            raise Conflict("payout_received_since", detail)
    if live.filter(bank_line=line).exists() or _rest_is_used(line, own):
        raise _resolved_since("More of this bank line was matched or booked since. Undo that first.")


def _rest_is_used(line: BankStatementLine, own: Collection[PayoutAllocation]) -> bool:
    """Return whether something has happened to what these parts left in suspense of a line."""
    first = next(iter(own))
    if line.item is None or first.item_before == line.item:
        return False
    return unallocated(line) != line.amount - sum(part.amount for part in own)


def _refuse_if_resolved(found: Any) -> None:
    if found.filter(undone_at=None).exists():
        raise _resolved_since("What differed by this match was resolved since. Undo that first.")


def _resolved_since(detail: str) -> Conflict:
    return Conflict("resolved_since", detail)
