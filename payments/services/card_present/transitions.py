"""Transitions by a device's transactions: what a sale, refund, reversal or later report changes and books."""

from typing import Final

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Operation, Order, Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.models.payment import Method, Origin, PaymentStatus
from payments.providers.base import Outcome, Result, Verb
from payments.services import charge_transitions
from payments.services.card_present.context import Work
from payments.services.card_present.originals import KnownTransaction
from payments.services.card_present.types import DeviceOutcome, DeviceTransaction, Kind
from payments.services.card_present.unlinked import may_still_come, note_unlinked
from payments.services.confirm import decline_offline
from payments.services.invariants import overpaid_key
from payments.services.new_rows import new_operation, new_payment
from payments.services.refunds import external, transitions
from payments.text.messages import Translatable

_OUTCOMES: Final = {
    DeviceOutcome.APPROVED: Outcome.SUCCEEDED,
    DeviceOutcome.DECLINED: Outcome.DECLINED,
    DeviceOutcome.UNKNOWN: Outcome.UNKNOWN,
}
_DEVICE_OUTCOMES: Final = {outcome.value: reported for reported, outcome in _OUTCOMES.items()}
_TAKEN: Final = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REVERSED})
_TAKEN_BACK: Final = "reversed"  # the code of a charge or refund in doubt that a reversal ended
_REVERSED: Final = "Reversed at the terminal."


def sale(work: Work, row: DeviceTransaction) -> KnownTransaction:
    """A card was charged, or refused, or nobody knows: a payment either way."""
    named = _named_order(work, row)
    order = named if named is not None and named.currency == row.currency else _own_order(work, row)
    payment = _payment(work, row, order)
    operation = _charge(work, row, payment)
    work.originals.add_operation(operation)
    if row.outcome == DeviceOutcome.UNKNOWN:
        _note_unknown(work, row, payment, f"outcome_unknown:{operation.id}")
    charge_transitions.apply_result(work.uow, operation, _result(row))
    work.uow.change(operation, due_at=None)  # never fetched: the device reports the outcome by itself
    work.keys[row.sequence].append(overpaid_key(order))
    if named is not None and named is not order:
        text = gettext_noop("The order this sale names is in another currency; the sale has an order of its own.")
        work.note(row, DiscrepancyKind.CURRENCY_DIFFERS, text, payment=payment)
    return KnownTransaction(kind=row.kind, outcome=row.outcome, payment=payment, operation=operation)


def give_back(work: Work, row: DeviceTransaction) -> KnownTransaction | None:
    """Money went back to a card: bound to its sale where that is known; None where the sale may still come."""
    original = _original(work, row)
    if original is None and row.patient and may_still_come(work, row):
        return None
    return _give_back(work, row, original)


def resolve(work: Work, row: DeviceTransaction) -> KnownTransaction | None:
    """A later report that resolves an unknown outcome; None where the first report has not come yet.

    Where it never came, this one stands for itself. A charge that was called declined and was made after all is booked
    like any other late truth.
    """
    place = work.originals.places.get(row.resolves or 0)
    if place is None and not row.patient:
        return sale(work, row) if row.kind == Kind.SALE else give_back(work, row)
    if place is None or row.outcome == DeviceOutcome.UNKNOWN:
        return place
    known = place.outcome if place.operation is None else _DEVICE_OUTCOMES.get(place.operation.outcome or "")
    if known == DeviceOutcome.UNKNOWN:
        return settle(work, row, place)
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
            known == DeviceOutcome.DECLINED
            and place.operation is not None
            and place.operation.failure_code != _TAKEN_BACK
        ):
            return settle(work, row, place)
    elif place.operation is not None and row.outcome == DeviceOutcome.APPROVED and place.operation.amount != row.amount:
        text = gettext_noop("Sequence {sequence} is booked for another amount already.")
        work.note(row, DiscrepancyKind.AMOUNT_DIFFERS, text, payment=place.payment, sequence=row.resolves or 0)
    return place


def _named_order(work: Work, row: DeviceTransaction) -> Order | None:
    order_id = work.originals.order_of_sale(row)
    return work.uow.orders[order_id] if order_id is not None else None


def _own_order(work: Work, row: DeviceTransaction) -> Order:
    channel = work.device.channel
    return work.uow.add(
        Order(
            merchant=work.merchant,
            channel=channel,
            namespace=channel.namespace,
            currency=row.currency,
            created_at=work.uow.now,
        )
    )


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


def _original(work: Work, row: DeviceTransaction) -> KnownTransaction | None:
    """What a refund or reversal is about, as far as it has come."""
    about = row.about
    if about.sequence is not None:
        return work.originals.places.get(about.sequence)
    payment_id = work.originals.payment_id(about)
    if payment_id is not None:
        payment: Payment | None = work.uow.payments[payment_id]
    else:
        orders = work.originals.orders_of_return(row, work.uow)
        payment = _likeliest(work, row, orders[0].id) if len(orders) == 1 else None
    if payment is None:
        return None
    operation = work.originals.charge_of(payment)
    return KnownTransaction(kind=Kind.SALE, outcome=DeviceOutcome.APPROVED, payment=payment, operation=operation)


def _likeliest(work: Work, row: DeviceTransaction, order_id: str) -> Payment | None:
    """Of what was paid on an order, the payment by the same card, or else the last that still has that much."""

    def likeness(payment: Payment) -> tuple[bool, bool, bool, str]:
        same_card = bool(row.card.fingerprint) and payment.card_fingerprint == row.card.fingerprint
        same_end = bool(row.card.last4) and payment.card_last4 == row.card.last4
        return same_card, same_end, payment.refundable >= row.amount, payment.id

    paid = [each for each in work.uow.payments.values() if each.order_id == order_id and each.status in _TAKEN]
    return max(paid, key=likeness, default=None)


def _give_back(work: Work, row: DeviceTransaction, original: KnownTransaction | None) -> KnownTransaction:
    payment = original.payment if original is not None else None
    if payment is not None and payment.currency != row.currency:
        payment = original = None
    if row.outcome == DeviceOutcome.UNKNOWN:
        _note_unknown(work, row, payment, f"outcome_unknown:{work.reference(row)}")
    if row.outcome != DeviceOutcome.APPROVED:
        return KnownTransaction(kind=row.kind, outcome=row.outcome, payment=payment)
    place = _reverse(work, row, original) if row.kind == Kind.REVERSAL and original is not None else None
    return place or _refund(work, row, payment)


def _reverse(work: Work, row: DeviceTransaction, original: KnownTransaction) -> KnownTransaction | None:
    """Take a sale or refund back as a whole; None where it is for another amount, and so no more than a refund."""
    if original.operation is not None and original.operation.verb == Verb.REFUND:
        return _take_refund_back(work, row, original)
    payment = original.payment
    if payment is None:
        return KnownTransaction(kind=row.kind, outcome=row.outcome)  # what it takes back moved nothing
    live = work.originals.charge_of(payment)
    if live is None and payment.status == PaymentStatus.REVERSED:
        work.note(row, DiscrepancyKind.DUPLICATE, gettext_noop("The sale had been reversed before."), payment=payment)
    elif live is not None and live.outcome == Outcome.UNKNOWN:
        charge_transitions.apply_result(
            work.uow, live, Result(outcome=Outcome.DECLINED, code=_TAKEN_BACK, detail=_REVERSED)
        )
    elif live is not None and row.amount == live.amount:
        charge_transitions.reverse(work.uow, payment, live, row.occurred_at)
        work.keys[row.sequence].append(f"over_returned:{payment.order_id}")
    elif live is not None:
        text = gettext_noop("Reversed for another amount than the sale's.")
        work.note(row, DiscrepancyKind.AMOUNT_DIFFERS, text, payment=payment)
        return None
    return KnownTransaction(kind=row.kind, outcome=row.outcome, payment=payment)


def _take_refund_back(work: Work, row: DeviceTransaction, original: KnownTransaction) -> KnownTransaction:
    operation = original.operation
    assert operation is not None
    at = max(row.occurred_at, operation.occurred_at or row.occurred_at)
    result = Result(outcome=Outcome.DECLINED, code=_TAKEN_BACK, detail=_REVERSED, occurred_at=at)
    transitions.apply_result(work.uow, operation, result)
    return KnownTransaction(kind=row.kind, outcome=row.outcome, payment=original.payment, refund_id=original.refund_id)


def _refund(work: Work, row: DeviceTransaction, payment: Payment | None) -> KnownTransaction:
    """Booked as it happened, whatever is left of the sale; without one it is an order of its own."""
    order = payment.order if payment is not None else _order_without_sale(work, row)
    operation = _requested_operation(work, row, payment) or external.report(
        work.uow,
        order=order,
        payment=payment,
        channel=work.device.channel,
        provider_account=work.device.account_for(row.card.brand),
        amount=row.amount,
        reference=work.reference(row),
        reason=row.reason or "Given back at a terminal.",
        at=row.occurred_at,
        operator=row.operator,
        terminal_id=work.device.terminal_id,
        tip=row.tip,
    )
    part = operation.refund_part
    assert part is not None
    if payment is None:
        note_unlinked(work, row, part)
    work.uow.resolve_discrepancy(f"{DiscrepancyKind.UNLINKED_REFUND}:{work.reference(row)}")
    work.keys[row.sequence] += [f"unlinked_refund:{part.id}", f"over_returned:{order.id}"]
    return KnownTransaction(
        kind=row.kind, outcome=row.outcome, payment=part.payment, operation=operation, refund_id=part.refund_id
    )


def _requested_operation(work: Work, row: DeviceTransaction, payment: Payment | None) -> Operation | None:
    """The operation of a refund that waits for this terminal to give just this back; None where there is none."""
    if payment is None:
        return None
    operation = transitions.awaited_at_terminal(
        work.uow,
        payment=payment,
        terminal_id=work.device.terminal_id,
        amount=row.amount,
        any_of_order=row.about.sequence is None and work.originals.payment_id(row.about) is None,
    )
    if operation is not None:
        work.uow.change(operation, provider_account=work.device.account_for(row.card.brand))
        result = Result(outcome=Outcome.SUCCEEDED, reference=work.reference(row), occurred_at=row.occurred_at)
        transitions.apply_result(work.uow, operation, result)
    return operation


def _order_without_sale(work: Work, row: DeviceTransaction) -> Order:
    """The order that a refund names although nothing was paid on it, or one of its own."""
    orders = work.originals.orders_of_return(row, work.uow)
    named = orders[0] if len(orders) == 1 else None
    return named if named is not None and named.currency == row.currency else _own_order(work, row)


def settle(work: Work, row: DeviceTransaction, place: KnownTransaction) -> KnownTransaction:
    """Now it is known what came of what was in doubt, which `row.resolves`."""
    if place.operation is None:  # a refund or reversal: nothing was booked while it was in doubt
        work.uow.resolve_discrepancy(f"outcome_unknown:{work.place_name(row.resolves or 0)}")
        known = KnownTransaction(kind=Kind.SALE, outcome=DeviceOutcome.APPROVED, payment=place.payment)
        done = _give_back(work, row, _original(work, row) or known)
        place.outcome, place.operation, place.refund_id = row.outcome, done.operation, done.refund_id
        work.settled[row.resolves or 0] = done
        return done
    if place.payment is not None and row.outcome == DeviceOutcome.APPROVED:
        tip, cashback = row.tip or place.payment.tip, row.cashback or place.payment.cashback
        work.uow.change(place.payment, provisional=row.offline, tip=tip, cashback=cashback)
    charge_transitions.apply_result(work.uow, place.operation, _result(row, with_card=True))
    work.keys[row.sequence].append(f"amount_differs:{place.operation.id}")
    return place


def _note_unknown(work: Work, row: DeviceTransaction, payment: Payment | None, key: str) -> None:
    text = gettext_noop(
        "The terminal does not know what came of this. A later transaction may resolve it, or the acquirer knows."
    )
    work.note(row, DiscrepancyKind.OUTCOME_UNKNOWN, text, payment=payment, key=key)
