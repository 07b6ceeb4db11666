"""Captures and cancellations, under way or done, named in the refusals that they cause."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from payments.core.errors import Invalid
from payments.models import Operation, Payment
from payments.providers.base import Outcome, Verb
from payments.text.formatting import amount as written

_TEXTS: Final = {
    Verb.CAPTURE: "A capture of {amount} is under way.",
    Verb.CANCEL: "A cancellation of {amount} is under way.",
}


def operations_under_way(payment: Payment) -> list[Operation]:
    """The captures and cancellations of a payment that have no final answer, the oldest first."""
    rows = payment.operations.filter(verb__in=list(_TEXTS)).order_by("id")
    return [row for row in rows if row.outcome not in (Outcome.SUCCEEDED, Outcome.DECLINED)]


@contextmanager
def explain_refund_refusal(payments: Sequence[Payment]) -> Iterator[None]:
    """Add to a refund's refusal how much is just being captured: it can be given back once that succeeds."""
    try:
        yield
    except Invalid as refusal:
        if refusal.code != "amount_exceeds_refundable":
            raise
        # Asked of the database only for payments that say that something is under way: nearly never.
        busy = [row for payment in payments if payment.amount_under_way for row in operations_under_way(payment)]
        captures = [row for row in busy if row.verb == Verb.CAPTURE]
        if not captures:
            raise
        taking = sum(row.amount for row in captures)
        capture = _TEXTS[Verb.CAPTURE].format(amount=written(taking, captures[0].currency))
        detail = f"{refusal.detail} {capture} It can be given back then."
        members = refusal.members | {"amount_being_captured": taking}
        raise Invalid(refusal.code, detail, param=refusal.param, **members) from None


def beside(payment: Payment) -> str:
    """What a refusal adds about them, beginning with a space; nothing where nothing is under way."""
    sentences = (
        _TEXTS[Verb(row.verb)].format(amount=written(row.amount, row.currency)) for row in operations_under_way(payment)
    )
    return "".join(f" {sentence}" for sentence in sentences)


def released_by_capture(payment: Payment) -> str:
    """What a refusal adds where a final capture has released the rest, beginning with a space; else nothing."""
    done = payment.operations.filter(outcome=Outcome.SUCCEEDED, reversed_at=None)
    last = done.filter(verb=Verb.CAPTURE, final=True).order_by("-id").first()
    if last is None or not payment.amount_released or done.filter(verb=Verb.CANCEL).exists():
        return ""
    taken, released = (written(amount, payment.currency) for amount in (last.amount, payment.amount_released))
    return f" The capture of {taken} was final and released {released}; send final: false where more is to follow."
