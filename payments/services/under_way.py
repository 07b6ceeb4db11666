"""What is just being asked of a payment, told to whoever is refused something because of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from payments.core.errors import Invalid
from payments.models import Operation, Payment
from payments.providers.base import Outcome, Verb
from payments.text.formatting import amount as written

_TELLS: Final = {
    Verb.CAPTURE: "A capture of {amount} is under way.",
    Verb.CANCEL: "A cancellation of {amount} is under way.",
}


def asked(payment: Payment) -> list[Operation]:
    """The captures and cancellations of a payment that have no final answer, the oldest first."""
    rows = payment.operations.filter(verb__in=list(_TELLS)).order_by("id")
    return [row for row in rows if row.outcome not in (Outcome.SUCCEEDED, Outcome.DECLINED)]


@contextmanager
def told_beside_refunds(payments: Sequence[Payment]) -> Iterator[None]:
    """What a refund is refused for may be on its way: the refusal says how much is just being captured."""
    try:
        yield
    except Invalid as refusal:
        if refusal.code != "amount_exceeds_refundable":
            raise
        busy = [row for payment in payments if payment.amount_under_way for row in asked(payment)]
        captures = [row for row in busy if row.verb == Verb.CAPTURE]
        if not captures:
            raise
        taking = sum(row.amount for row in captures)
        told = f"{_TELLS[Verb.CAPTURE].format(amount=written(taking, captures[0].currency))} It can be given back then."
        members = refusal.members | {"amount_being_captured": taking}
        raise Invalid(refusal.code, f"{refusal.detail} {told}", param=refusal.param, **members) from None


def beside(payment: Payment) -> str:
    """What a refusal adds about them, beginning with a space; nothing where nothing is under way."""
    told = (_TELLS[Verb(row.verb)].format(amount=written(row.amount, row.currency)) for row in asked(payment))
    return "".join(f" {sentence}" for sentence in told)
