"""Returns at a terminal: what a refund or a reversal by a device changes and books."""

from typing import Final

from django.utils.translation import gettext_noop

from payments.models import Operation, Order, Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.models.payment import PaymentStatus
from payments.providers.base import Outcome, Result, Verb
from payments.services import charge_transitions
from payments.services.card_present.compare import compare
from payments.services.card_present.context import Work
from payments.services.card_present.originals import KnownTransaction
from payments.services.card_present.types import DeviceOutcome, DeviceTransaction, Kind
from payments.services.card_present.unlinked import may_still_come, note_unlinked
from payments.services.refunds import external, transitions

TAKEN_BACK: Final = "reversed"  # the code of a charge or refund in doubt that a reversal ended
_TAKEN: Final = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REVERSED})
_REVERSED: Final = "Reversed at the terminal."


def give_back(work: Work, row: DeviceTransaction) -> KnownTransaction | None:
    """Money went back to a card: bound to its sale where that is known; None where the sale may still come."""
    original = original_of(work, row)
    if original is None and row.patient and may_still_come(work, row):
        return None
    return give_back_of(work, row, original)


def give_back_of(work: Work, row: DeviceTransaction, original: KnownTransaction | None) -> KnownTransaction:
    """Give back what `original` took; without it nobody knows which sale this is about."""
    payment = original.payment if original is not None else None
    if payment is not None and payment.currency != row.currency:
        # Its sale is in another currency: it can only be somebody else's, so that this one is booked by itself.
        payment = original = None
    requested = requested_refund(work, row)
    if requested is not None and row.outcome != DeviceOutcome.APPROVED:
        return _not_given(work, row, requested)
    if row.outcome == DeviceOutcome.UNKNOWN:
        work.note_unknown(row, payment, f"outcome_unknown:{work.reference(row)}")
    # No money moved, or nobody knows: nothing is booked before that is settled.
    if row.outcome != DeviceOutcome.APPROVED:
        return KnownTransaction(kind=row.kind, outcome=row.outcome, payment=payment)
    place = _reverse(work, row, original) if row.kind == Kind.REVERSAL and original is not None else None
    return place or _refund(work, row, payment)


def original_of(work: Work, row: DeviceTransaction) -> KnownTransaction | None:
    """What a refund or reversal is about, as far as it has come."""
    about, requested = row.about, requested_refund(work, row)
    if requested is not None and requested.payment_id is not None:
        return _as_original(work, work.uow.payments[requested.payment_id])
    if about.sequence is not None:
        return work.originals.places.get(about.sequence)
    payment_id = work.originals.payment_id(about)
    if payment_id is not None:
        paid: Payment | None = work.uow.payments[payment_id]
    else:
        orders = work.originals.orders_of_return(row, work.uow)
        paid = _likeliest(work, row, orders[0].id) if len(orders) == 1 else None
    return _as_original(work, paid) if paid is not None else None


def _as_original(work: Work, payment: Payment) -> KnownTransaction:
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
    # Reversing a sale in doubt settles the doubt: whatever had been charged is not any more.
    elif live is not None and live.outcome == Outcome.UNKNOWN:
        charge_transitions.apply_result(
            work.uow, live, Result(outcome=Outcome.DECLINED, code=TAKEN_BACK, detail=_REVERSED)
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
    # A device's clock may be behind: taken back before it happened, the report would be passed over as older.
    at = max(row.occurred_at, operation.occurred_at or row.occurred_at)
    result = Result(outcome=Outcome.DECLINED, code=TAKEN_BACK, detail=_REVERSED, occurred_at=at)
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
    if part.payment is None:
        note_unlinked(work, row, part)
    else:
        work.uow.change(part, card_match=compare(part.payment, row.card))
    work.uow.resolve_discrepancy(f"{DiscrepancyKind.UNLINKED_REFUND}:{work.reference(row)}")
    work.keys[row.sequence] += [f"unlinked_refund:{part.id}", f"over_returned:{order.id}"]
    return KnownTransaction(
        kind=row.kind, outcome=row.outcome, payment=part.payment, operation=operation, refund_id=part.refund_id
    )


def _requested_operation(work: Work, row: DeviceTransaction, payment: Payment | None) -> Operation | None:
    """The operation of a refund that waits for this terminal to give just this back; None where there is none."""
    operation = _awaited(work, row, payment)
    if operation is not None:
        # The card that was presented decides: its brand may be under another contract than the sale's.
        work.uow.change(operation, provider_account=work.device.account_for(row.card.brand))
        # What we concluded from silence has no moment of its own that could outweigh what the device says happened.
        if operation.occurred_at is not None:
            work.uow.change(operation, occurred_at=min(operation.occurred_at, row.occurred_at))
        result = Result(outcome=Outcome.SUCCEEDED, reference=work.reference(row), occurred_at=row.occurred_at)
        transitions.apply_result(work.uow, operation, result)
    return operation


def _awaited(work: Work, row: DeviceTransaction, payment: Payment | None) -> Operation | None:
    """The one that the terminal was asked for by name, else one that fits what it did."""
    requested = requested_refund(work, row)
    if requested is not None:
        # Another amount than was asked for is booked by itself, and so is a second time; the part still waits.
        fits = (requested.amount, requested.currency) == (row.amount, row.currency)
        return requested if fits and requested.outcome != Outcome.SUCCEEDED else None
    if payment is None:
        return None
    return transitions.awaited_at_terminal(
        work.uow,
        payment=payment,
        terminal_id=work.device.terminal_id,
        amount=row.amount,
        any_of_order=row.about.sequence is None and work.originals.payment_id(row.about) is None,
    )


def requested_refund(work: Work, row: DeviceTransaction) -> Operation | None:
    """The refund that the terminal was asked to carry out by this."""
    operation = work.originals.requested(row) if row.kind == Kind.REFUND else None
    return operation if operation is not None and operation.verb == Verb.REFUND else None


def _not_given(work: Work, row: DeviceTransaction, requested: Operation) -> KnownTransaction:
    """The card was refused, or the device does not know: told of the part that it was asked to give back."""
    part = requested.refund_part
    assert part is not None
    declined = row.outcome == DeviceOutcome.DECLINED
    result = Result(
        outcome=Outcome.DECLINED if declined else Outcome.UNKNOWN,
        reference=work.reference(row),
        code=(row.decline_code or "declined") if declined else None,
        detail="Declined at the terminal." if declined else None,
        occurred_at=row.occurred_at,
    )
    transitions.apply_result(work.uow, requested, result)
    return KnownTransaction(
        kind=row.kind, outcome=row.outcome, payment=part.payment, operation=requested, refund_id=part.refund_id
    )


def _order_without_sale(work: Work, row: DeviceTransaction) -> Order:
    """The order that a refund names although nothing was paid on it, or one of its own."""
    orders = work.originals.orders_of_return(row, work.uow)
    named = orders[0] if len(orders) == 1 else None
    return named if named is not None and named.currency == row.currency else work.new_order(row)
