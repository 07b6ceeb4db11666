"""What happened to an order, oldest first: who did what, where, and how much of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop

from payments.models import Chargeback, Operation, Payment, Refund, Transition
from payments.models.payment import PaymentStatus
from payments.providers.base import Outcome, Verb
from payments.queries.happening import Happening
from payments.queries.orders import Story


def timeline(story: Story) -> list[Happening]:
    """Every line, in order of time; at the same moment, in the order in which it follows."""
    lines = [
        *(line for payment in story.payments for line in _of_payment(story, payment)),
        *(line for refund in story.refunds for line in _of_refund(story, refund)),
        *(line for chargeback in story.chargebacks for line in _of_chargeback(story, chargeback)),
        *_acknowledgements(story),
        *story.happenings,
    ]
    return sorted(lines, key=lambda line: line.at)


# What a reader would not see from the statuses alone: that the end which was told before was not the end.
_AFTER_ALL: Final = {
    PaymentStatus.DECLINED: gettext_noop("It had been declined, and the money came after all."),
    PaymentStatus.CANCELED: gettext_noop("It had been canceled, and the money came after all."),
    PaymentStatus.EXPIRED: gettext_noop("It had expired, and the money came after all."),
    PaymentStatus.UNKNOWN: gettext_noop("The outcome was unknown; the money has arrived."),
}
_TAKEN_BACK: Final = gettext_noop("It had been paid, and was taken back: the shop does not have this money.")
_NO_ANSWER: Final = gettext_noop("The outcome is unknown: it may have been paid.")


def _of_payment(story: Story, payment: Payment) -> Iterator[Happening]:
    operations = {operation.id: operation for operation in story.operations[payment.id]}
    first = next(iter(operations.values()), None)

    def line(at: datetime, what: str, actor: str, amount: int, cause: str = "") -> Happening:
        return Happening(
            at,
            f"payment.{what}",
            payment.channel,
            actor,
            amount,
            payment.currency,
            payment.id,
            payment.OBJECT,
            cause=cause,
        )

    transitions = story.transitions[payment.id]
    # A payment that is captured at once has one moment for its creation and its capture.
    began = min([payment.created_at, *(transition.at for transition in transitions)])
    yield line(began, "created", first.actor if first else "", payment.amount)
    shown: set[str] = set()
    for transition in transitions:
        operation = operations.get(transition.operation_id or "")
        shown.add(operation.id if operation and transition.to_status == PaymentStatus.CAPTURED else "")
        amount = operation.amount if operation else payment.amount
        yield line(transition.at, transition.to_status, transition.actor, amount, _cause(transition))
    for operation in operations.values():
        if _took_more(operation) and operation.id not in shown:
            at = operation.completed_at or operation.created_at
            yield line(at, PaymentStatus.CAPTURED.value, operation.actor, operation.amount)


def _cause(transition: Transition) -> str:
    """Why a status is not what one would have expected; nothing of an ordinary one."""
    if transition.to_status == PaymentStatus.CAPTURED:
        return _AFTER_ALL.get(PaymentStatus(transition.from_status), "")
    if transition.to_status == PaymentStatus.REVERSED:
        return _TAKEN_BACK
    return _NO_ANSWER if transition.to_status == PaymentStatus.UNKNOWN else ""


def _took_more(operation: Operation) -> bool:
    """A further capture, which changes no status, or a sale that was reported as done."""
    return operation.outcome == Outcome.SUCCEEDED and operation.verb in (Verb.CAPTURE, Verb.SALE)


def _acknowledgements(story: Story) -> Iterator[Happening]:
    """Who had a payment taken beside one of unknown outcome, and why."""
    payments = {payment.id: payment for payment in story.payments}
    for entry in story.acknowledgements:
        payment = payments.get(entry.after.get("payment"))
        if payment is not None:
            yield Happening(
                entry.at,
                "payment.unknown_acknowledged",
                payment.channel,
                entry.actor,
                payment.amount,
                payment.currency,
                payment.id,
                payment.OBJECT,
                operator=entry.after["operator"],
                reason=entry.after["reason"],
            )


def _of_refund(story: Story, refund: Refund) -> Iterator[Happening]:
    def line(at: datetime, what: str, actor: str) -> Happening:
        return Happening(
            at, f"refund.{what}", refund.channel, actor, refund.amount, refund.currency, refund.id, refund.OBJECT
        )

    transitions = story.transitions[refund.id]
    yield line(refund.created_at, transitions[0].from_status if transitions else refund.status, refund.requested_by)
    yield from (line(transition.at, transition.to_status, transition.actor) for transition in transitions)


def _of_chargeback(story: Story, chargeback: Chargeback) -> Iterator[Happening]:
    transitions = story.transitions[chargeback.id]
    steps = [(transition.at, transition.to_status, transition.actor) for transition in transitions]
    if not transitions or transitions[0].at != chargeback.created_at:  # it began as an inquiry
        actor = f"provider:{chargeback.payment.provider_account_id}"
        steps.insert(0, (chargeback.opened_at, Chargeback.Status.INQUIRY.value, actor))
    for at, status, actor in steps:
        yield Happening(
            at,
            f"chargeback.{'opened' if status == Chargeback.Status.OPEN else status}",  # a later stage by its name
            chargeback.payment.channel,
            actor,
            chargeback.amount,
            chargeback.currency,
            chargeback.id,
            chargeback.OBJECT,
        )
