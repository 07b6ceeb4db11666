"""What settlements, payouts and bank lines book: one function per event, each returning one entry.

Keys name the event for good: `settlement:{item}` (and `settlement:{item}:{part}`), `payout:pyo_…`,
`payout_failed:pyo_…`, `bank_line:{id}`, `batch_split:{bank line}`, `payout_found:{bank line}`, `late_match:{line}`
and `resolved:dsc_…`, so that booking twice is harmless. What is booked once more after a match was undone has a number
behind it (`late_match:7:1`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Final

from payments.accounting.chart_of_accounts import account
from payments.accounting.journal import bank_owner, entry_of, paying_bank
from payments.ledger.posting import Entry, Line
from payments.ledger.reversing import Reversal, mirror
from payments.models import Merchant, Payment, RefundPart
from reconciliation.models import BankStatementLine, Payout, Settlement, SettlementLine

PART: Final = 5_000  # payments of a settlement in one entry

_OWNED = frozenset({"receivable", "fees", "reserve"})
_PER_PAYMENT = frozenset({"receivable", "suspense"})
Booking = tuple[str, str, int | None, int]  # account, currency, item, amount to credit


def settled(merchant: Merchant, settlement: Settlement, bookings: Iterable[Booking]) -> Iterator[Entry]:
    """A settlement: what was owed per payment is owed as one net, less fees and the VAT on them.

    One entry; of a long one the first payments are booked in parts, so that nobody holds a million lines at once.
    """
    owner, currency, left = settlement.provider_account_id, settlement.currency, settlement.net
    owed, lines, part = account("receivable", currency, owner), list[Line](), 0
    others = [Line(account("fees", currency, owner), settlement.fee)]
    others.append(Line(account("vat_on_fees", currency), settlement.vat))
    for name, money, item, amount in bookings:
        line = Line(account(name, money, owner if name in _OWNED else None), -amount, item)
        (lines if name in _PER_PAYMENT and money == currency else others).append(line)
        if len(lines) == PART:
            part, sums = part + 1, -sum(line.amount for line in lines)
            lines.append(Line(owed, sums, settlement.item))
            yield entry_of(merchant, f"settlement:{settlement.item}:{part}", "settled", settlement.closed_at, lines)
            left, lines = left - sums, []
    lines += [Line(owed, left, settlement.item), *others]
    yield entry_of(merchant, f"settlement:{settlement.item}", "settled", settlement.closed_at, lines)


def payout_announced(merchant: Merchant, payout: Payout) -> Entry:
    """The provider announces that it transfers the net. A negative payout swaps debit and credit by its sign."""
    owner, currency = payout.provider_account_id, payout.currency
    lines = [
        Line(account("in_transit", currency, owner), payout.amount, payout.item),
        Line(account("receivable", currency, owner), -payout.amount, payout.settlement.item),
    ]
    return entry_of(merchant, f"payout:{payout.id}", "payout_announced", payout.settlement.closed_at, lines)


def payout_failed(merchant: Merchant, payout: Payout, at: datetime) -> Entry:
    """The bank sent it back: the provider owes its settlement again."""
    owner, currency = payout.provider_account_id, payout.currency
    lines = [
        Line(account("receivable", currency, owner), payout.amount, payout.settlement.item),
        Line(account("in_transit", currency, owner), -payout.amount, payout.item),
    ]
    return entry_of(merchant, f"payout_failed:{payout.id}", "payout_failed", at, lines)


def payout_received(line: BankStatementLine, parts: Sequence[tuple[Payout, int]], *, rest: int = 0) -> Entry:
    """Payouts are on the bank statement, each with its amount; the rest of the line is not known."""
    lines = [_arrived(payout, amount) for payout, amount in parts]
    if rest:
        lines.append(Line(account("suspense", line.currency), -rest, line.item))
    return _at_bank(line.statement.merchant, line, "payout_received", *lines)


def payout_found(line: BankStatementLine, parts: Sequence[tuple[Payout, int]], *, nth: int = 0) -> Entry:
    """What was held in suspense of a bank line turns out to be payouts; the `nth` time that some of it does."""
    merchant = line.statement.merchant
    found = Line(account("suspense", line.currency), sum(amount for _payout, amount in parts), line.item)
    lines = [found, *(_arrived(payout, amount) for payout, amount in parts)]
    at = noon(merchant, line.booked_on)
    return entry_of(merchant, f"payout_found:{line.id}{_again(nth)}", "payout_received", at, lines)


def _arrived(payout: Payout, amount: int) -> Line:
    return Line(account("in_transit", payout.currency, payout.provider_account_id), -amount, payout.item)


def transfer_seen(merchant: Merchant, line: BankStatementLine, parts: Iterable[RefundPart]) -> Entry:
    """Refunds by bank transfer have left the account, one or all of a batch; or (incoming) one was returned to it."""
    sign = -1 if line.amount > 0 else 1
    lines = [
        Line(account("in_transit", line.currency, paying_bank(merchant, part)), sign * part.amount, part.item)
        for part in parts
    ]
    return _at_bank(merchant, line, "transfer_seen", *lines)


def deposit_seen(merchant: Merchant, line: BankStatementLine) -> Entry:
    """Cash that a store took to the bank has arrived there."""
    transit = account("in_transit", line.currency, bank_owner(merchant))
    return _at_bank(merchant, line, "deposit_seen", Line(transit, -line.amount, line.item))


def payment_credited(merchant: Merchant, line: BankStatementLine, payment: Payment) -> Entry:
    """The provider has credited one payment by itself: nothing of it is owed any more."""
    return _at_bank(merchant, line, "payment_credited", _credited(line, payment))


def payment_found(merchant: Merchant, line: BankStatementLine, payment: Payment, item: int) -> Entry:
    """A bank line that was held in suspense turns out to be a payment, which was not in the books yet."""
    lines = [Line(account("suspense", line.currency), line.amount, item), _credited(line, payment)]
    return entry_of(merchant, f"payment_found:{line.id}", "payment_credited", noon(merchant, line.booked_on), lines)


def _credited(line: BankStatementLine, payment: Payment) -> Line:
    return Line(account("receivable", line.currency, payment.provider_account_id), -line.amount, payment.item)


def held_at_bank(merchant: Merchant, line: BankStatementLine) -> Entry:
    """A provider's line that nothing announced: the money is there, what it is for is not known."""
    return _at_bank(merchant, line, "bank_suspense", Line(account("suspense", line.currency), -line.amount, line.item))


def batch_split(merchant: Merchant, line: BankStatementLine) -> Entry:
    """A bank line is taken out of suspense: the bank has listed its parts, which are booked in its place."""
    key = bank_line_key(line)
    at = noon(merchant, line.booked_on)
    return mirror(Reversal(key, f"batch_split:{line.id}", "batch_split", at, merchant.timezone))


def late_match(merchant: Merchant, line: SettlementLine, item: int, at: datetime) -> Entry:
    """A settlement line that was unknown turns out to be about a payment, maybe of another currency."""
    owner = line.settlement.provider_account_id
    lines = [Line(account("suspense", line.currency), line.gross, line.item)]
    if line.booked_currency is None or line.booked_amount is None:
        lines.append(Line(account("receivable", line.currency, owner), -line.gross, item))
    else:
        lines.append(Line(account("exchange", line.currency), -line.gross))
        lines.append(Line(account("exchange", line.booked_currency), line.booked_amount))
        lines.append(Line(account("receivable", line.booked_currency, owner), -line.booked_amount, item))
    return entry_of(merchant, late_match_key(line), "late_match", at, lines)


def late_match_key(line: SettlementLine) -> str:
    """Return the key under which a line is matched; after a match that was undone, another."""
    return f"late_match:{line.id}{_again(line.undone)}"


def resolved(merchant: Merchant, discrepancy_id: str, lines: list[Line], at: datetime, *, nth: int = 0) -> Entry:
    """What a person decided about a difference, or about a part of it: the `nth` time."""
    return entry_of(merchant, f"resolved:{discrepancy_id}{_again(nth)}", "discrepancy_resolved", at, lines)


def bank_line_key(line: BankStatementLine) -> str:
    """Return the key under which a bank's line is booked; after a match that was undone, another."""
    return f"bank_line:{line.id}{_again(line.undone)}"


def _again(nth: int) -> str:
    return f":{nth}" if nth else ""


def noon(merchant: Merchant, day: date) -> datetime:
    """Banks give days without a time; noon is on that day in every zone that matters."""
    return datetime.combine(day, time(12), merchant.zone)


def _at_bank(merchant: Merchant, line: BankStatementLine, event: str, *others: Line) -> Entry:
    bank = Line(account("bank", line.currency, line.statement.account), line.amount)
    return entry_of(merchant, bank_line_key(line), event, noon(merchant, line.booked_on), [bank, *others])
