"""Captures and cancellations, under way or done, named in the refusals that they cause."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from payments.core.errors import Invalid
from payments.models import Operation, Payment, Voucher
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
    """Add to a refund's refusal what holds the money: a capture that is under way, or vouchers sold on the order."""
    try:
        yield
    except Invalid as refusal:
        if refusal.code != "amount_exceeds_refundable":
            raise
        notes, members = _captures(payments)
        notes += _sold_vouchers(payments)
        if not notes:
            raise
        detail = " ".join([refusal.detail, *notes])
        raise Invalid(refusal.code, detail, param=refusal.param, **refusal.members | members) from None


def _captures(payments: Sequence[Payment]) -> tuple[list[str], dict[str, int]]:
    """What is just being captured: it can be given back once that succeeds."""
    # Asked of the database only for payments that say that something is under way: nearly never.
    busy = [row for payment in payments if payment.amount_under_way for row in operations_under_way(payment)]
    captures = [row for row in busy if row.verb == Verb.CAPTURE]
    if not captures:
        return [], {}
    taking = sum(row.amount for row in captures)
    capture = _TEXTS[Verb.CAPTURE].format(amount=written(taking, captures[0].currency))
    return [f"{capture} It can be given back then."], {"amount_being_captured": taking}


def _sold_vouchers(payments: Sequence[Payment]) -> list[str]:
    """What of these payments' orders was sold as vouchers, which stay good."""
    sold = Voucher.objects.filter(order_id__in={payment.order_id for payment in payments})
    rows = sold.exclude(status=Voucher.Status.CANCELED).values_list("amount", "currency")
    total = sum(amount for amount, _ in rows)
    if not total:
        return []
    return [f"{written(total, rows[0][1])} of the order was sold as vouchers, which stay good."]


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
