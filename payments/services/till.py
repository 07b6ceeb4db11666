"""Cash that is counted, paid in, paid out or taken to the bank: guarded on the till's row, booked with the movement."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from payments import audit_log
from payments.accounting import journal
from payments.core.errors import Invalid
from payments.core.money import Money
from payments.ledger.posting import next_items, post
from payments.models import Channel, Discrepancy, Till, TillMovement
from payments.models.discrepancy import DiscrepancyKind
from payments.people.permissions import May
from payments.people.services import authority
from payments.queries.tills import till_balance, till_balance_at
from payments.services import discrepancy
from payments.services.idempotency import IdempotencyGuard
from payments.text.formatting import amount as written
from payments.text.messages import message_columns

Kind = TillMovement.Kind
_TAKES = (Kind.PAID_OUT, Kind.DEPOSIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TillReport:
    """What was done at the till of a channel, and by whom; `amount` is what was counted or moved, never below zero.

    A device reports what has happened, a person asks to do it: only a person is refused more than there is.
    """

    channel: Channel
    kind: str
    amount: Money
    occurred_at: datetime
    operator: str
    reason: str = ""
    terminal_id: str | None = None


def lock_till(channel: Channel) -> Till:
    """Return the locked till of a channel, made where there was none; lock it after all else, in one transaction."""
    Till.objects.get_or_create(channel=channel, defaults={"merchant_id": channel.merchant_id})
    till = Till.objects.select_for_update(of=("self",), no_key=True).get(channel=channel)
    till.channel = channel
    return till


def move(report: TillReport, *, actor: str, guard: IdempotencyGuard | None = None) -> TillMovement:
    """Record and book what was done at a till.

    Raises:
        Invalid: `bank_account_required`: a deposit, and no bank account of the merchant is known; `no_till`: the
            channel is no store; `till_balance_too_low`: a person takes out more than the books have there.
        Forbidden: `permission_missing`.
    """
    authority.require_of_person(
        actor=actor,
        what=May.MOVE_CASH,
        merchant_id=report.channel.merchant_id,
        channel_id=report.channel.id,
        action=f"till.{report.kind}",
    )
    _check(report)
    with transaction.atomic():
        till = lock_till(report.channel)
        row = _row(till, report, actor=actor)
        if guard is not None:
            guard.begin(row.id)
        if report.terminal_id is None and row.kind in _TAKES and row.expected < 0:
            raise _too_low(Money(row.expected + row.amount, row.currency))
        row.save(force_insert=True)
        post([journal.till_moved(row)] if row.difference != 0 else [])
        _tell(till, row, actor=actor)
        audit_log.write(
            actor=actor,
            action=f"till.{row.kind}",
            subject=row,
            merchant_id=row.merchant_id,
            after={"amount": row.amount, "currency": row.currency, "operator": row.operator, "reason": row.reason},
        )
    return row


def set_float(till: Till, amount: int, *, actor: str) -> Till:
    """Set what stays in the drawer overnight, in minor units of the merchant's currency."""
    authority.require_of_person(
        actor=actor,
        what=May.MOVE_CASH,
        merchant_id=till.merchant_id,
        channel_id=till.channel_id,
        action="till.float",
    )
    with transaction.atomic():
        row = Till.objects.select_for_update(of=("self",), no_key=True).get(id=till.id)
        before, row.float_amount = row.float_amount, amount
        row.save(update_fields=["float_amount"])
        audit_log.write(
            actor=actor,
            action="till.float",
            subject=row,
            merchant_id=row.merchant_id,
            before={"float": before},
            after={"float": amount},
        )
    return row


def _check(report: TillReport) -> None:
    channel = report.channel
    if channel.kind == Channel.Kind.ONLINE:
        raise Invalid("no_till", f"{channel.name} has no till; use a store as channel.")
    if report.kind == Kind.DEPOSIT and not channel.merchant.iban:
        detail = "Enter the merchant's bank account (its IBAN) first: a deposit is on its way to it."
        raise Invalid("bank_account_required", detail)


def _row(till: Till, report: TillReport, *, actor: str) -> TillMovement:
    """A movement with what the books expect; the till is locked."""
    channel, amount, counts = report.channel, report.amount, report.kind == Kind.COUNT
    expected = till_balance_at(channel, amount.currency, report.occurred_at)
    moved = 0 if counts else (-amount.amount if report.kind in _TAKES else amount.amount)
    return TillMovement(
        merchant=channel.merchant,
        till=till,
        channel_id=channel.id,
        kind=report.kind,
        amount=amount.amount,
        currency=amount.currency,
        occurred_at=report.occurred_at,
        business_day=channel.merchant.business_day(report.occurred_at),
        operator=report.operator,
        reason=report.reason,
        expected=expected + moved,
        difference=amount.amount - expected if counts else None,
        item=None if counts else next_items(1)[0],
        terminal_id=report.terminal_id,
        actor=actor,
    )


def _too_low(held: Money) -> Invalid:
    detail = f"The till holds {written(held.amount, held.currency)} by the books. Count it, or take out less."
    return Invalid("till_balance_too_low", detail, param="amount", balance=held.amount, currency=held.currency)


def _tell(till: Till, row: TillMovement, *, actor: str) -> None:
    """Open what people have to look at; a till that is not below zero any more closes its own."""
    merchant, rows = row.merchant, []
    if row.kind in (Kind.PAID_IN, Kind.PAID_OUT):
        rows.append(_to_assign(row))
    key = f"till_below_zero:{till.id}:{row.currency}"
    held = till_balance(till.channel, row.currency)
    if held < 0:
        text = gettext_noop("The till of {store} would hold {amount}: more cash has left it than came in. Count it.")
        columns = message_columns(text, store=till.channel.name, amount=Money(held, row.currency))
        if not discrepancy.update_open_discrepancy(merchant=merchant, key=key, amount=held, **columns):
            rows.append(_discrepancy(row, DiscrepancyKind.SHIFT_DIFFERS, key, amount=held, **columns))
    else:
        discrepancy.resolve_discrepancies(merchant=merchant, keys=[key], actor=actor)
    discrepancy.open_discrepancies(rows)


def _to_assign(row: TillMovement) -> Discrepancy:
    """What was paid in or out is for something that only finance can book."""
    text = (
        gettext_noop("{operator} paid {amount} into the till of {store}: {reason}. Say what it was for.")
        if row.kind == Kind.PAID_IN
        else gettext_noop("{operator} paid {amount} out of the till of {store}: {reason}. Say what it was for.")
    )
    columns = message_columns(
        text,
        operator=row.operator,
        amount=Money(row.amount, row.currency),
        store=row.till.channel.name,
        reason=row.reason or "–",
    )
    signed = -row.amount if row.kind == Kind.PAID_IN else row.amount
    return _discrepancy(
        row, DiscrepancyKind.UNKNOWN_LINE, f"unknown_line:till:{row.id}", amount=signed, item=row.item, **columns
    )


def _discrepancy(row: TillMovement, kind: DiscrepancyKind, key: str, **columns: object) -> Discrepancy:
    return Discrepancy(
        merchant=row.merchant,
        kind=kind,
        key=key,
        currency=row.currency,
        channel_id=row.channel_id,
        terminal_id=row.terminal_id,
        **columns,
    )
