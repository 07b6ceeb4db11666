"""What is booked when: one function per event of the table in the package README, each returning one entry.

Keys are `verb:op_…` for what an operation did and `event:prt_…` / `event:cbk_…` for what was decided or disputed, so
that booking twice is harmless and the audit can ask for each of them by name.
"""

from datetime import datetime
from typing import Final

from payments.accounting.chart_of_accounts import account
from payments.ledger.posting import Entry, Line, credit, debit
from payments.models import Chargeback, Merchant, Operation, Payment, RefundPart, TillMovement
from payments.models.payment import Method
from payments.models.refund import Route
from payments.providers.base import Verb

_TILL_EVENTS: Final[dict[str, str]] = {
    TillMovement.Kind.COUNT: "till_counted",
    TillMovement.Kind.PAID_IN: "till_paid_in",
    TillMovement.Kind.PAID_OUT: "till_paid_out",
    TillMovement.Kind.DEPOSIT: "till_deposited",
}


def captured(merchant: Merchant, payment: Payment, operation: Operation, amount: int, at: datetime) -> Entry:
    """A sale or a capture: the tender's account against takings, tips and (cashback) the till."""
    currency = payment.currency
    sold = amount - payment.tip - payment.cashback if operation.verb == Verb.SALE else amount
    lines = [
        *_tender_in(payment, amount),
        Line(account("takings", currency, payment.channel_id), -sold),
    ]
    if operation.verb == Verb.SALE and payment.tip:
        lines.append(credit(account("tips", currency, payment.channel_id), payment.tip))
    if operation.verb == Verb.SALE and payment.cashback:
        lines.append(credit(account("till", currency, payment.channel_id), payment.cashback))
    return entry_of(merchant, f"{operation.verb}:{operation.id}", "captured", at, lines)


def reversed_sale(merchant: Merchant, payment: Payment, operation: Operation, amount: int, at: datetime) -> list[Entry]:
    """The journal reversal of a sale or capture, and of what became of an offline one in the meantime."""
    booked = {f"reversal:{operation.id}": captured(merchant, payment, operation, amount, at)}
    if payment.offline_declined_at is not None:
        booked[f"recovered:{payment.id}"] = offline_declined(merchant, payment, at)
        if payment.confirmed_at is not None:
            booked[f"unpaid_after_all:{payment.id}"] = paid_after_all(merchant, payment, at)
    elif payment.confirmed_at is not None:
        booked[f"unconfirmed:{payment.id}"] = confirmed(merchant, payment, at)
    return [mirror(merchant, entry, key, "reversed", at) for key, entry in booked.items()]


def confirmed(merchant: Merchant, payment: Payment, at: datetime) -> Entry:
    """An offline sale seen settled: what was provisional is a receivable."""
    owner, currency, amount = payment.provider_account_id, payment.currency, payment.amount_captured
    return entry_of(
        merchant,
        f"confirmed:{payment.id}",
        "confirmed",
        at,
        [
            debit(account("receivable", currency, owner), amount, payment.item),
            credit(account("provisional", currency, owner), amount, payment.item),
        ],
    )


def offline_declined(merchant: Merchant, payment: Payment, at: datetime) -> Entry:
    """An offline sale that the issuer declined after all: the goods are gone."""
    currency, amount = payment.currency, payment.amount_captured
    return entry_of(
        merchant,
        f"offline_declined:{payment.id}",
        "offline_declined",
        at,
        [
            debit(account("write_offs", currency), amount, payment.item),
            credit(account("provisional", currency, payment.provider_account_id), amount, payment.item),
        ],
    )


def paid_after_all(merchant: Merchant, payment: Payment, at: datetime) -> Entry:
    """An offline sale that was given up as a loss, and that the acquirer settles all the same."""
    currency, amount = payment.currency, payment.amount_captured
    return entry_of(
        merchant,
        f"paid_after_all:{payment.id}",
        "paid_after_all",
        at,
        [
            debit(account("receivable", currency, payment.provider_account_id), amount, payment.item),
            credit(account("write_offs", currency), amount, payment.item),
        ],
    )


def refund_accepted(merchant: Merchant, part: RefundPart, channel_id: str, currency: str, at: datetime) -> Entry:
    """A refund is decided (or reported): from now on the shop owes it."""
    lines = [Line(account("returns", currency, channel_id), part.amount - part.tip)]
    if part.tip:
        lines.append(debit(account("tips", currency, channel_id), part.tip))
    lines.append(credit(account("refunds_payable", currency), part.amount, part.item))
    return entry_of(merchant, f"refund_accepted:{part.id}{_again(part)}", "refund_accepted", at, lines)


def refund_abandoned(merchant: Merchant, part: RefundPart, channel_id: str, currency: str, at: datetime) -> Entry:
    """A person abandons a refund, or plans it again: the journal reversal of its acceptance."""
    accepted = refund_accepted(merchant, part, channel_id, currency, at)
    return mirror(merchant, accepted, f"refund_abandoned:{part.id}{_again(part)}", "refund_abandoned", at)


def _again(part: RefundPart) -> str:
    """A refund that was abandoned and paid all the same is accepted again, under a key of its own."""
    return f":{part.times_given_up + 1}" if part.times_given_up else ""


def refund_paid(merchant: Merchant, part: RefundPart, operation: Operation, channel_id: str, at: datetime) -> Entry:
    """A refund part has left: by the provider, as a voucher, in cash, or as a transfer that a person released."""
    return entry_of(
        merchant,
        f"refund:{operation.id}",
        "refund_paid",
        at,
        [
            debit(account("refunds_payable", operation.currency), part.amount, part.item),
            *_tender_out(part, operation, channel_id),
        ],
        branch=channel_id,
    )


def refund_failed(merchant: Merchant, part: RefundPart, operation: Operation, channel_id: str, at: datetime) -> Entry:
    """A refund that had been paid came back: the debt stands again."""
    out = _tender_out(part, operation, channel_id)
    back = [Line(account=line.account, amount=-line.amount, item=line.item) for line in out]
    return entry_of(
        merchant,
        f"refund_failed:{operation.id}",
        "refund_failed",
        at,
        [*back, credit(account("refunds_payable", operation.currency), part.amount, part.item)],
        branch=channel_id,
    )


def chargeback_opened(merchant: Merchant, chargeback: Chargeback, payment: Payment, at: datetime) -> Entry:
    """The cardholder's bank has taken the money back, for now."""
    owner, currency = payment.provider_account_id, chargeback.currency
    return entry_of(
        merchant,
        _chargeback_key("opened", chargeback),
        "chargeback_opened",
        at,
        [
            debit(account("disputed", currency, owner), chargeback.amount, chargeback.item),
            credit(account("receivable", currency, owner), chargeback.amount, payment.item),
        ],
    )


def chargeback_contested(merchant: Merchant, chargeback: Chargeback, payment: Payment, at: datetime) -> Entry:
    """What was lost is disputed again in a later stage; the money is still away."""
    currency = chargeback.currency
    return entry_of(
        merchant,
        _chargeback_key("opened", chargeback),
        "chargeback_opened",
        at,
        [
            debit(account("disputed", currency, payment.provider_account_id), chargeback.amount, chargeback.item),
            credit(account("chargebacks", currency), chargeback.amount, chargeback.item),
        ],
    )


def chargeback_won(merchant: Merchant, chargeback: Chargeback, payment: Payment, at: datetime) -> Entry:
    """The bank gives it back."""
    owner, currency = payment.provider_account_id, chargeback.currency
    return entry_of(
        merchant,
        _chargeback_key("won", chargeback),
        "chargeback_won",
        at,
        [
            debit(account("receivable", currency, owner), chargeback.amount, payment.item),
            credit(account("disputed", currency, owner), chargeback.amount, chargeback.item),
        ],
    )


def chargeback_lost(merchant: Merchant, chargeback: Chargeback, payment: Payment, at: datetime) -> Entry:
    """The bank keeps it."""
    currency = chargeback.currency
    return entry_of(
        merchant,
        _chargeback_key("lost", chargeback),
        "chargeback_lost",
        at,
        [
            debit(account("chargebacks", currency), chargeback.amount, chargeback.item),
            credit(account("disputed", currency, payment.provider_account_id), chargeback.amount, chargeback.item),
        ],
    )


def chargeback_reopened(merchant: Merchant, chargeback: Chargeback, payment: Payment, at: datetime) -> Entry:
    """A later decision of the scheme in the same stage: the journal reversal of what was won or lost."""
    closed = chargeback_won if chargeback.status == Chargeback.Status.WON else chargeback_lost
    booked = closed(merchant, chargeback, payment, at)
    key = f"{_chargeback_key('reopened', chargeback)}:{chargeback.status}"
    return mirror(merchant, booked, key, "chargeback_reopened", at)


def _chargeback_key(event: str, chargeback: Chargeback) -> str:
    """Each stage books under keys of its own; the first is not named."""
    key = f"chargeback_{event}:{chargeback.id}"
    return key if chargeback.stage == Chargeback.Stage.CHARGEBACK else f"{key}:{chargeback.stage}"


def till_moved(row: TillMovement) -> Entry:
    """A till was counted and differs, cash was paid in or out of it for something yet to be named, or deposited."""
    currency, merchant = row.currency, row.merchant
    event, against, into_till = _TILL_EVENTS[row.kind], account("till_differences", currency), row.difference or 0
    if row.kind == TillMovement.Kind.DEPOSIT:
        against, into_till = account("in_transit", currency, bank_owner(merchant)), -row.amount
    elif row.kind != TillMovement.Kind.COUNT:
        against = account("suspense", currency)
        into_till = row.amount if row.kind == TillMovement.Kind.PAID_IN else -row.amount
    lines = [
        Line(account("till", currency, row.channel_id), into_till),
        Line(against, -into_till, row.item),
    ]
    return entry_of(merchant, f"{event}:{row.id}", event, row.occurred_at, lines, branch=row.channel_id)


def bank_owner(merchant: Merchant) -> str:
    """How the merchant's own bank account is named in the chart."""
    return merchant.iban or "main"


def paying_bank(merchant: Merchant, part: RefundPart) -> str:
    """The account that a transfer leaves from, as it is named in the chart: its batch's, else the merchant's own."""
    return part.batch.iban if part.batch is not None else bank_owner(merchant)


def _tender_in(payment: Payment, amount: int) -> list[Line]:
    """The debit side of a capture: where the money now is."""
    currency = payment.currency
    if payment.method == Method.CASH:
        return _cash(payment.channel_id, currency, amount, payment.rounding)
    if payment.method == Method.VOUCHER and payment.voucher is not None:
        return [debit(account("vouchers", currency), amount, payment.voucher.item)]
    # As it was booked at the time, whatever became of it.
    approved_offline = payment.provisional or payment.confirmed_at or payment.offline_declined_at
    name = "provisional" if approved_offline else "receivable"
    return [debit(account(name, currency, payment.provider_account_id), amount, payment.item)]


def _tender_out(part: RefundPart, operation: Operation, channel_id: str) -> list[Line]:
    """The credit side of a refund: where the money went."""
    currency = operation.currency
    if part.in_cash:
        return _cash(channel_id, currency, -part.amount, -part.rounding)
    if part.voucher is not None:
        return [credit(account("vouchers", currency), part.amount, part.voucher.item)]
    if part.route == Route.BANK:
        return [credit(account("in_transit", currency, paying_bank(operation.merchant, part)), part.amount, part.item)]
    item = part.payment.item if part.payment is not None else part.item
    return [credit(account("receivable", currency, operation.provider_account_id), part.amount, item)]


def _cash(channel_id: str, currency: str, amount: int, rounding: int) -> list[Line]:
    """What comes into the till (or, below zero, leaves it), and what rounding it cost or brought."""
    return [
        Line(account=account("till", currency, channel_id), amount=amount + rounding),
        Line(account=account("rounding", currency), amount=-rounding),
    ]


def mirror(merchant: Merchant, entry: Entry, key: str, event: str, at: datetime) -> Entry:
    """The journal reversal of an entry, line by line."""
    return Entry(
        key=key,
        event=event,
        merchant_id=merchant.id,
        occurred_at=at,
        timezone=merchant.timezone,
        lines=[Line(account=line.account, amount=-line.amount, item=line.item) for line in entry.lines],
        reverses=entry.key,
        branch=entry.branch,
    )


def entry_of(
    merchant: Merchant, key: str, event: str, at: datetime, lines: list[Line], *, branch: str | None = None
) -> Entry:
    """An entry of a merchant's books; lines of nothing are left out. `branch` is its channel, if no account tells."""
    return Entry(
        key=key,
        event=event,
        merchant_id=merchant.id,
        occurred_at=at,
        timezone=merchant.timezone,
        lines=[line for line in lines if line.amount],
        branch=branch,
    )
