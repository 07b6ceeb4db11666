"""Transitions by a device: what a sale changes and books, and what a later report of a transaction in doubt does."""

from typing import Final

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Operation, Order, Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.models.payment import Method, Origin
from payments.providers.base import Outcome, Result, Verb
from payments.services import charge_transitions
from payments.services.card_present import returns
from payments.services.card_present.context import Work
from payments.services.card_present.originals import KnownTransaction
from payments.services.card_present.types import DeviceOutcome, DeviceTransaction, Kind
from payments.services.confirm import decline_offline
from payments.services.invariants import overpaid_key
from payments.services.new_rows import new_operation, new_payment
from payments.text.messages import Translatable

_OUTCOMES: Final = {
    DeviceOutcome.APPROVED: Outcome.SUCCEEDED,
    DeviceOutcome.DECLINED: Outcome.DECLINED,
    DeviceOutcome.UNKNOWN: Outcome.UNKNOWN,
}
_DEVICE_OUTCOMES: Final = {outcome.value: reported for reported, outcome in _OUTCOMES.items()}


def sale(work: Work, row: DeviceTransaction) -> KnownTransaction:
    """A card was charged, or refused, or nobody knows: a payment either way, if it can be the one asked for."""
    requested = _requested(work, row)
    if requested is not None:
        return answer(work, row, requested)
    named = _named_order(work, row)
    order = named if named is not None and named.currency == row.currency else work.new_order(row)
    payment = _payment(work, row, order)
    _name_customer(work, row, payment)
    operation = _charge(work, row, payment)
    work.originals.add_operation(operation)
    if row.outcome == DeviceOutcome.UNKNOWN:
        work.note_unknown(row, payment, f"outcome_unknown:{operation.id}")
    charge_transitions.apply_result(work.uow, operation, _result(row))
    work.uow.change(operation, due_at=None)  # never fetched: the device reports the outcome by itself
    work.keys[row.sequence].append(overpaid_key(order))
    if named is not None and named is not order:
        text = gettext_noop("The order this sale names is in another currency; the sale has an order of its own.")
        work.note(row, DiscrepancyKind.CURRENCY_DIFFERS, text, payment=payment)
    return KnownTransaction(kind=row.kind, outcome=row.outcome, payment=payment, operation=operation)


def _requested(work: Work, row: DeviceTransaction) -> Operation | None:
    """The charge that the terminal was asked for, if this can only be that one.

    A further approval under one request is another charge: the customer paid twice, and finance is told.
    """
    operation = work.originals.requested(row)
    if operation is None or operation.verb != Verb.SALE or operation.currency != row.currency:
        return None
    return operation if operation.outcome != Outcome.SUCCEEDED else None


def answer(work: Work, row: DeviceTransaction, operation: Operation) -> KnownTransaction:
    """What came of a charge that the terminal was asked for: told by the device, in time or late."""
    payment = work.uow.payments[operation.payment_id or ""]
    _name_customer(work, row, payment)
    account = work.device.account_for(row.card.brand)
    charged = row.amount if row.outcome == DeviceOutcome.APPROVED else operation.amount
    # What the customer gave on top, or had handed out, was not asked for and differs from nothing.
    if charged == operation.amount + row.tip + row.cashback:
        work.uow.change(operation, amount=charged)
        work.uow.change(payment, amount=charged)
    provisional = row.offline and row.outcome == DeviceOutcome.APPROVED
    work.uow.change(payment, provider_account=account, tip=row.tip, cashback=row.cashback, provisional=provisional)
    work.uow.change(operation, provider_account=account, provider_reference=work.reference(row))
    # What we concluded from silence has no moment of its own that could outweigh what the device says happened.
    if operation.occurred_at is not None:
        work.uow.change(operation, occurred_at=min(operation.occurred_at, row.occurred_at))
    if row.outcome == DeviceOutcome.UNKNOWN:
        work.note_unknown(row, payment, f"outcome_unknown:{operation.id}")
    charge_transitions.apply_result(work.uow, operation, _result(row, with_card=True))
    work.keys[row.sequence] += [
        f"amount_differs:{operation.id}",
        overpaid_key(payment.order),
    ]
    return KnownTransaction(kind=row.kind, outcome=row.outcome, payment=payment, operation=operation)


def _name_customer(work: Work, row: DeviceTransaction, payment: Payment) -> None:
    """Tie a payment, and an order that is nobody's yet, to the customer that the device names."""
    if row.customer is None:
        return
    for of in (payment, payment.order):
        if of.customer_id is None:
            work.uow.change(of, customer=row.customer)


def resolve(work: Work, row: DeviceTransaction) -> KnownTransaction | None:
    """A later report that resolves an unknown outcome; None where the first report has not come yet.

    Where it never came, this one stands for itself. A charge that was called declined and was made after all is booked
    like any other late truth.
    """
    place = work.originals.places.get(row.resolves or 0)
    # It has waited as long as anything does: what it says happened, and is booked by itself.
    if place is None and not row.patient:
        return sale(work, row) if row.kind == Kind.SALE else returns.give_back(work, row)
    if place is None or row.outcome == DeviceOutcome.UNKNOWN:
        return place
    known = place.outcome if place.operation is None else _DEVICE_OUTCOMES.get(place.operation.outcome or "")
    if known == DeviceOutcome.UNKNOWN:
        return settle(work, row, place)
    # Approved offline, and declined by the issuer hours later: the goods are gone.
    if row.outcome == DeviceOutcome.DECLINED and place.payment is not None and place.payment.provisional:
        decline_offline(work.uow, payment=place.payment, at=row.occurred_at)
        work.keys[row.sequence].append(f"offline_declined:{place.payment.id}")
        return place
    if known != row.outcome:
        text, sequence = gettext_noop("Sequence {sequence} was known to be {outcome} already."), row.resolves or 0
        outcome = Translatable(str(known))
        work.note(
            row,
            DiscrepancyKind.SEQUENCE_CONFLICT,
            text,
            payment=place.payment,
            sequence=sequence,
            outcome=outcome,
        )
        if (
            # A refusal may turn out to have been a charge; a success is only taken back by a reversal.
            known == DeviceOutcome.DECLINED
            and place.operation is not None
            and place.operation.failure_code != returns.TAKEN_BACK
        ):
            return settle(work, row, place)
    elif place.operation is not None and row.outcome == DeviceOutcome.APPROVED and place.operation.amount != row.amount:
        text = gettext_noop("Sequence {sequence} is booked for another amount already.")
        work.note(row, DiscrepancyKind.AMOUNT_DIFFERS, text, payment=place.payment, sequence=row.resolves or 0)
    return place


def _named_order(work: Work, row: DeviceTransaction) -> Order | None:
    order_id = work.originals.order_of_sale(row)
    return work.uow.orders[order_id] if order_id is not None else None


def _payment(work: Work, row: DeviceTransaction, order: Order) -> Payment:
    return new_payment(
        work.uow,
        order=order,
        channel=work.device.channel,
        provider_account=work.device.account_for(row.card.brand),
        origin=Origin.IN_STORE,
        method=Method.CARD,
        amount=Money(row.amount, row.currency),
        occurred_at=row.occurred_at,
        tip=row.tip,
        cashback=row.cashback,
        provisional=row.offline and row.outcome == DeviceOutcome.APPROVED,
        card_brand=row.card.brand,
        card_last4=row.card.last4,
        card_fingerprint=row.card.fingerprint,
        card_par=row.card.par,
        entry_mode=row.card.entry_mode,
        verification=row.card.verification,
        terminal_id=work.device.terminal_id,
        terminal_label=work.device.label,
    )


def _charge(work: Work, row: DeviceTransaction, payment: Payment) -> Operation:
    return new_operation(
        work.uow,
        Verb.SALE,
        executor=Operation.Executor.REPORTED,
        provider_account=payment.provider_account,
        payment=payment,
        amount=Money(row.amount, row.currency),
        provider_reference=work.reference(row),
    )


def _result(row: DeviceTransaction, *, with_card: bool = False) -> Result:
    declined = row.outcome == DeviceOutcome.DECLINED
    return Result(
        outcome=_OUTCOMES[row.outcome],
        amount=Money(row.amount, row.currency),
        code=(row.decline_code or "declined") if declined else None,
        detail="Declined at the terminal." if declined else None,
        card=row.card if with_card and row.card.last4 else None,
        occurred_at=row.occurred_at,
    )


def settle(work: Work, row: DeviceTransaction, place: KnownTransaction) -> KnownTransaction:
    """Now it is known what came of what was in doubt, which `row.resolves`."""
    if place.operation is None:  # a refund or reversal: nothing was booked while it was in doubt
        work.uow.resolve_discrepancy(f"outcome_unknown:{work.place_name(row.resolves or 0)}")
        known = KnownTransaction(kind=Kind.SALE, outcome=DeviceOutcome.APPROVED, payment=place.payment)
        done = returns.give_back_of(work, row, returns.original_of(work, row) or known)
        place.outcome, place.operation, place.refund_id = row.outcome, done.operation, done.refund_id
        work.settled[row.resolves or 0] = done
        return done
    if place.payment is not None and row.outcome == DeviceOutcome.APPROVED:
        # The later report is the one that knows; where it says nothing, the first one counts.
        tip, cashback = row.tip or place.payment.tip, row.cashback or place.payment.cashback
        work.uow.change(place.payment, provisional=row.offline, tip=tip, cashback=cashback)
    charge_transitions.apply_result(work.uow, place.operation, _result(row, with_card=True))
    work.keys[row.sequence].append(f"amount_differs:{place.operation.id}")
    return place
