"""Match bank lines with payouts by hand: one transfer for several payouts, several for one, one that was sent back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.services import discrepancy
from reconciliation.models import BankStatementLine, Payout, ResolutionStep
from reconciliation.services import payouts
from reconciliation.services.allocations import allocate, free_bank_lines, unallocated
from reconciliation.services.auto_resolve import resolve_explained
from reconciliation.services.line_discrepancies import bank_line_of, of_bank_line
from reconciliation.services.matching import Booked
from reconciliation.services.open_balance import part_of
from reconciliation.services.refusals import no_match, too_much_named

BANK_LINE: Final = "bnl"  # a line of a statement, as `bnl_17`
LONGEST_NUMBER: Final = 19  # digits; no line has a greater number
_State = BankStatementLine.State


@dataclass(frozen=True, slots=True)
class TransferMatch:
    """Parts of bank lines that are payouts: one line and several payouts, or the other way round."""

    row: Discrepancy
    parts: tuple[tuple[BankStatementLine, Payout, int], ...]
    difference: int
    leaves_open: bool  # some of what the discrepancy is about

    def book(self, step: ResolutionStep, at: datetime) -> Booked:
        lines = {line.id: line for line, _payout, _amount in self.parts}
        by_line = {line_id: [part[1:] for part in self.parts if part[0].id == line_id] for line_id in lines}
        entries = [allocate(lines[line_id], parts, step=step) for line_id, parts in by_line.items()]
        explained = [line.id for line in lines.values() if line.state == _State.PAYOUT]
        self._open_rests(lines.values())
        own = self.row.kind not in payouts.KINDS
        keys = [f"{Kind.UNKNOWN_LINE}:bank:{line_id}" for line_id in explained]
        resolve_explained(self.row.merchant, [key for key in keys if not own or key != self.row.key])
        moved = sum(amount for _line, _payout, amount in self.parts)
        # Of a payout that is not whole by this, what is missing is a discrepancy of its own from now on.
        return Booked(entries, -moved if own else moved, closes=not own or not self.leaves_open)

    def _open_rests(self, lines: Iterable[BankStatementLine]) -> None:
        """Open a discrepancy about what is left of a line that had none, as it was passed over when it came."""
        for line in lines:
            if line.state == _State.SUSPENSE:
                used = sum(amount for own, _payout, amount in self.parts if own.id == line.id)
                discrepancy.open_discrepancies([of_bank_line(Kind.UNKNOWN_LINE, line, amount=line.amount - used)])


def transfer_match(row: Discrepancy, names: Sequence[str], amount: int | None) -> TransferMatch | None:
    """Return the match of bank lines with payouts; None where something else is named.

    All that it is about is locked: payouts before lines, both by their ids, as the sweeps lock them.
    """
    if row.kind in payouts.KINDS and row.item is not None:
        lines = [_line_name(row, name) for name in names]
        if not all(lines):
            return None
        payout = _locked_payouts(row, Payout.objects.filter(item=row.item))[0]
        return _of_payout(row, payout, _free_lines(row, [line for line in lines if line]), amount)
    line = bank_line_of(row)
    if line is None:
        return None
    wanted = [_payout_name(row, name) for name in names]
    if not all(wanted):
        return None
    found = _named_payouts(row, [name for name in wanted if name])
    return _of_line(row, _own_line(line), found, amount)


def _of_payout(row: Discrepancy, payout: Payout, lines: list[BankStatementLine], wanted: int | None) -> TransferMatch:
    """Give a payout each line as a whole; of an amount that is asked, the last line as far as it is needed."""
    owed, free = payout.owed, [unallocated(line) for line in lines]
    if wanted is None:
        parts = tuple((line, payout, amount) for line, amount in zip(lines, free, strict=True))
        return TransferMatch(row, parts, owed - sum(free), leaves_open=False)
    target = part_of(owed, wanted, payout.currency)
    amounts = list(_filled(target, free))
    parts = tuple((line, payout, amount) for line, amount in zip(lines, amounts, strict=True))
    return TransferMatch(row, parts, target - sum(free), leaves_open=False)


def _of_line(row: Discrepancy, line: BankStatementLine, found: list[Payout], wanted: int | None) -> TransferMatch:
    """Give each payout what is missing of it, and the last one the rest of the line (or of what is asked)."""
    free = unallocated(line)
    target = free if wanted is None else -part_of(-free, wanted, line.currency)
    due = [_due(payout, target) for payout in found]
    amounts = list(_filled(target, due))
    amounts[-1] += target - sum(amounts)
    parts = tuple((line, payout, amount) for payout, amount in zip(found, amounts, strict=True))
    return TransferMatch(row, parts, target - sum(due), leaves_open=target != free)


def _due(payout: Payout, target: int) -> int:
    """Return what is missing of a payout; of money that went the other way, what could have been sent back."""
    if payout.amount * target < 0:
        return -payout.amount_received
    return payout.owed


def _filled(target: int, sizes: Sequence[int]) -> Iterator[int]:
    """Yield how much of each size is used up for a target, in their order; none may be left out.

    Raises:
        ValidationFailed: one is of the other direction, or is not needed any more.
    """
    left = target
    for size in sizes:
        used = min(size, left) if target > 0 else max(size, left)
        if used * target <= 0:
            raise too_much_named()
        yield used
        left -= used


def _line_name(row: Discrepancy, name: str) -> int | None:
    """Return the number of the bank line that is named, by itself or by its discrepancy."""
    kind, _, number = name.partition("_")
    if kind == BANK_LINE and number.isdecimal() and number.isascii() and len(number) < LONGEST_NUMBER:
        return int(number)
    other = _other(row, name)
    line = bank_line_of(other) if other is not None else None
    return line.id if line is not None else None


def _payout_name(row: Discrepancy, name: str) -> str | None:
    """Return the id of the payout that is named, by itself or by its discrepancy."""
    if name.startswith("pyo_"):
        return name
    other = _other(row, name)
    if other is None or other.kind not in payouts.KINDS or other.item is None:
        return None
    return Payout.objects.values_list("id", flat=True).filter(item=other.item).first()


def _other(row: Discrepancy, name: str) -> Discrepancy | None:
    rows = Discrepancy.objects.filter(merchant=row.merchant, id=name, status=Discrepancy.Status.OPEN)
    return rows.first() if name.startswith("dsc_") else None


def _locked_payouts(row: Discrepancy, which: QuerySet[Payout]) -> list[Payout]:
    locked = which.select_for_update(of=("self",)).select_related("merchant", "settlement")
    return list(locked.filter(merchant=row.merchant).order_by("id"))


def _named_payouts(row: Discrepancy, names: list[str]) -> list[Payout]:
    """Return payouts in the order in which they are named; only of money that was sent back may one be received."""
    found = {one.id: one for one in _locked_payouts(row, Payout.objects.filter(id__in=names, currency=row.currency))}
    outgoing = (row.amount or 0) < 0
    for name in names:
        one = found.get(name)
        back = one is not None and outgoing != (one.amount < 0) and one.amount_received != 0
        if one is None or not (one.status == Payout.Status.ANNOUNCED or (back and one.status != Payout.Status.FAILED)):
            raise no_match(gettext_noop("There is no such announced payout in the same currency."))
    return [found[name] for name in names]


def _own_line(line: BankStatementLine) -> BankStatementLine:
    locked = BankStatementLine.objects.select_for_update(of=("self",)).select_related("statement__merchant")
    return locked.get(id=line.id)


def _free_lines(row: Discrepancy, numbers: list[int]) -> list[BankStatementLine]:
    """Return the bank lines of these numbers that nothing explains yet, locked: two payouts cannot both be on one."""
    free = free_bank_lines(merchant_id=row.merchant_id).filter(currency=row.currency, id__in=numbers)
    found = {line.id: line for line in free.select_for_update(of=("self",)).order_by("id")}
    lines = [found.get(number) for number in numbers]
    if not all(line is not None and line.amount for line in lines):
        raise no_match(gettext_noop("There is no such bank line in the same currency that nothing explains."))
    return [line for line in lines if line is not None]
