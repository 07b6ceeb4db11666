"""What a difference could be about, side by side with what it says: for a person to choose from, never chosen here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Q

from payments.core.money import Money
from payments.models import CardEvidence, Discrepancy, Operation, Payment
from reconciliation.models import BankStatementLine, Payout, SettlementLine
from reconciliation.services import payouts
from reconciliation.services.allocations import free_bank_lines
from reconciliation.services.line_discrepancies import bank_line_of, line_of
from reconciliation.services.transfers import BANK_LINE

MOST: Final = 10
LABEL: Final = 60  # characters of a bank's text that tell one line from another
NEAR: Final = timedelta(days=3)
OVERDUE_BY: Final = timedelta(days=30)  # how long before or after its day a payout may be at the bank


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that both sides tell: what ours is, what theirs is, and whether they agree."""

    name: str
    ours: str | Money
    theirs: str | Money
    agrees: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A payment, payout or bank line that it could be, with its amount, and what people call it."""

    id: str
    type: str
    label: str
    money: Money
    signals: tuple[Signal, ...]

    @property
    def agreement(self) -> tuple[int, int]:
        """How much speaks for it, and how little against it."""
        agreeing = sum(signal.agrees for signal in self.signals)
        return agreeing, agreeing - len(self.signals)


def candidates(row: Discrepancy) -> list[Candidate]:
    """Return what a discrepancy could be about, the likeliest first; at most ten."""
    if row.kind in payouts.KINDS:
        found = list(_bank_lines(row))
    elif (bank_line := bank_line_of(row)) is not None:
        found = list(_payouts(row, bank_line))
    else:
        line = line_of(row)
        found = [] if line is None else _of_line(line)
    return sorted(found, key=lambda one: one.agreement, reverse=True)[:MOST]


def _of_line(line: SettlementLine) -> list[Candidate]:
    """Payments, each beside what a device posted of it."""
    found = _payments(line)
    posted = CardEvidence.objects.filter(payment_id__in=[payment.id for payment in found], type=line.type)
    first = {evidence.payment_id: evidence for evidence in posted.order_by("-id")}
    return [_payment(line, payment, first.get(payment.id)) for payment in found]


def signals_of(
    line: SettlementLine, payment: Payment, operation: Operation | None, evidence: CardEvidence | None
) -> tuple[Signal, ...]:
    """What a settlement's line and a payment (one operation of it) both tell."""
    made = operation.provider_reference if operation is not None else None
    money = Money(operation.amount if operation is not None else payment.amount, payment.currency)
    compared: list[tuple[str, str | Money, str | Money]] = [
        ("operation", operation.id if operation is not None else "", line.reported_operation),
        ("reference", made or "", line.reference),
        ("payment_reference", payment.provider_reference or "", line.payment_reference),
        ("order_reference", payment.order.reference or "", line.order_reference),
        *_card_present(line, evidence),
        ("card", payment.card_last4 or "", line.card_last4),
        ("amount", money, Money(abs(line.gross), line.currency)),
        ("day", payment.business_day.isoformat(), line.occurred_at.date().isoformat()),
    ]
    return tuple(Signal(name, ours, theirs, ours == theirs) for name, ours, theirs in compared if ours and theirs)


def _card_present(line: SettlementLine, evidence: CardEvidence | None) -> Iterator[tuple[str, str, str]]:
    if evidence is not None:
        yield "tid", evidence.acquirer_tid or "", line.tid
        yield "rrn", evidence.rrn or "", line.rrn
        yield "stan", evidence.stan or "", line.stan
        yield "authorization_code", evidence.authorization_code or "", line.authorization_code


def _payments(line: SettlementLine) -> list[Payment]:
    """The payments of the same provider account that a line names in any way, or that fit in amount and day."""
    account_id = line.settlement.provider_account_id
    merchant_id = line.settlement.merchant_id
    names = Q(id=line.payment_id) if line.payment_id else Q(pk__in=())
    if line.reported_operation:
        names |= Q(operations__id=line.reported_operation)
    if line.reference:
        names |= Q(operations__provider_reference=line.reference)
    if line.payment_reference:
        names |= Q(provider_reference=line.payment_reference)
    if line.order_reference:
        names |= Q(order__reference=line.order_reference)
    own = Payment.objects.filter(merchant_id=merchant_id, provider_account_id=account_id)
    own = own.select_related("order").prefetch_related("operations")
    found = {payment.id: payment for payment in own.filter(names).distinct()[:MOST]}
    found |= {payment.id: payment for payment in own.filter(id__in=_taps(line))}
    alike = own.filter(
        operations__amount=abs(line.gross), currency=line.currency, business_day__range=_days(line.occurred_at)
    )
    found |= {payment.id: payment for payment in alike.distinct().order_by("id")[: MOST - min(MOST, len(found))]}
    return list(found.values())


def _taps(line: SettlementLine) -> list[str]:
    """The payments of devices' transactions with a number of this line, near it in time."""
    numbers = Q(pk__in=())
    for name in ("rrn", "stan", "authorization_code"):
        if value := getattr(line, name):
            numbers |= Q(**{name: value})
    near = (line.occurred_at - NEAR, line.occurred_at + NEAR)
    rows = CardEvidence.objects.filter(numbers, merchant_id=line.settlement.merchant_id, occurred_at__range=near)
    return [row for row in rows.values_list("payment_id", flat=True)[:MOST] if row]


def _days(moment: datetime) -> tuple[str, str]:
    return (moment - NEAR).date().isoformat(), (moment + NEAR).date().isoformat()


def _payment(line: SettlementLine, payment: Payment, evidence: CardEvidence | None) -> Candidate:
    refunds = line.type == "refund"
    made = sorted(payment.operations.all(), key=lambda row: row.id)  # read for all payments at once
    fitting = [row for row in made if row.outcome == "succeeded" and (row.verb == "refund") == refunds]
    exact = [row for row in fitting if row.amount == abs(line.gross)]
    operation = next(iter(exact or fitting), None)
    amount = operation.amount if operation is not None else payment.amount
    signals = signals_of(line, payment, operation, evidence)
    money = Money(-amount if refunds else amount, payment.currency)
    return Candidate(payment.id, "payment", called(payment), money, signals)


def called(payment: Payment) -> str:
    """What people call a payment: by its order or receipt, else by its card or day."""
    card = f"•{payment.card_last4}" if payment.card_last4 else ""
    return payment.order.reference or payment.receipt_number or card or payment.business_day.isoformat()


def _payouts(row: Discrepancy, line: BankStatementLine) -> Iterator[Candidate]:
    """Announced payouts in the direction of a bank's line."""
    waiting = Payout.objects.filter(
        merchant_id=row.merchant_id, status=Payout.Status.ANNOUNCED, currency=line.currency
    ).select_related("provider_account")
    waiting = waiting.filter(amount__gt=0) if line.amount > 0 else waiting.filter(amount__lt=0)
    exact_first = waiting.order_by((F("amount") - line.amount) * (F("amount") - line.amount), "-id")
    for payout in exact_first[:MOST]:
        money = Money(payout.amount, payout.currency)
        yield Candidate(payout.id, "payout", payout.reference, money, _transfer_signals(payout, line))


def _bank_lines(row: Discrepancy) -> Iterator[Candidate]:
    """Bank lines that nothing explains, in the direction of a payout and around its day."""
    if row.item is None:
        return
    payout = Payout.objects.select_related("provider_account").get(item=row.item)
    day = payout.expected_on or payout.created_at.date()
    lines = free_bank_lines(merchant_id=row.merchant_id).filter(currency=payout.currency)
    lines = lines.filter(booked_on__range=(day - OVERDUE_BY, day + OVERDUE_BY))
    lines = lines.filter(amount__gt=0) if payout.amount > 0 else lines.filter(amount__lt=0)
    owed = payout.owed
    for line in lines.order_by((F("amount") - owed) * (F("amount") - owed), "id")[:MOST]:
        signals = _transfer_signals(payout, line)
        label = line.counterparty_name or line.remittance[:LABEL] or line.booked_on.isoformat()
        yield Candidate(f"{BANK_LINE}_{line.id}", "bank_line", label, Money(line.amount, line.currency), signals)


def _transfer_signals(payout: Payout, line: BankStatementLine) -> tuple[Signal, ...]:
    text = " ".join(filter(None, (line.remittance, line.end_to_end_id, line.batch, line.bank_reference)))
    day = (payout.expected_on or payout.created_at.date()).isoformat()
    owed, booked = Money(payout.owed, payout.currency), Money(line.amount, line.currency)
    account = payout.provider_account
    named = any(_is_word_of(name, line.counterparty_name) for name in (account.name, account.provider))
    compared = [
        Signal("reference", payout.reference, text, _is_word_of(payout.reference, text)),
        Signal("amount", owed, booked, owed == booked),
        Signal("counterparty", account.name, line.counterparty_name, named),
        Signal("day", day, line.booked_on.isoformat(), day == line.booked_on.isoformat()),
    ]
    return tuple(signal for signal in compared if signal.theirs)


def _is_word_of(name: str, text: str) -> bool:
    """Return whether it is a word of its own in a text, as `sql.statements` finds it: whatever spaces banks add."""
    spelled = r"\s*".join(map(re.escape, "".join(name.split())))
    return bool(spelled) and re.search(rf"(?<![^\W_]){spelled}(?![^\W_])", text, re.IGNORECASE) is not None
