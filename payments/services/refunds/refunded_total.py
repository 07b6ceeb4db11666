"""What a provider says was refunded of a payment in all, where it gives single refunds no name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Operation, Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.providers.base import Outcome, ProviderReport, Result
from payments.services.refunds import external, transitions
from payments.services.refunds.onward import take_next_route
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import message_columns

_CERTAIN: Final = (Outcome.SUCCEEDED, Outcome.DECLINED, Outcome.NOT_SENT)


def apply(uow: UnitOfWork, payment: Payment, refunds: Sequence[Operation], report: ProviderReport) -> bool:
    """Bring the books to the total that is reported; False while a refund of ours has no answer.

    More than the books know was refunded at the provider's own dashboard; less came back, and is the refund of just
    that amount. Where there are several of it, or none, a person decides.
    """
    if any(row.outcome not in _CERTAIN and row.submitted_at is not None for row in refunds):
        return False
    if report.result.amount is None:
        return True
    done = [row for row in refunds if row.outcome == Outcome.SUCCEEDED and row.reversed_at is None]
    more = report.result.amount.amount - sum(row.amount for row in done)
    at = report.result.occurred_at or uow.now
    if more > 0:
        _refunded_elsewhere(uow, payment, report, more, at)
    elif more < 0:
        _came_back(uow, payment, done, -more)
    else:
        uow.resolve_discrepancy(_key(payment))
    return True


def _refunded_elsewhere(uow: UnitOfWork, payment: Payment, report: ProviderReport, amount: int, at: datetime) -> None:
    external.report(
        uow,
        payment=payment,
        order=payment.order,
        channel=payment.channel,
        provider_account=payment.provider_account,
        amount=amount,
        reference=None,
        reason=report.reason or "Refunded at the provider.",
        at=at,
    )


def _came_back(uow: UnitOfWork, payment: Payment, done: Sequence[Operation], amount: int) -> None:
    of_amount = [row for row in done if row.amount == amount]
    if len(of_amount) == 1:
        detail = "The provider says that this refund came back."
        result = Result(Outcome.DECLINED, code="refund_returned", detail=detail, occurred_at=uow.now)
        transitions.apply_result(uow, of_amount[0], result, onward=take_next_route)
        return
    uow.open_discrepancy(
        DiscrepancyKind.AMOUNT_DIFFERS,
        _key(payment),
        **message_columns(
            gettext_noop("The provider says that {amount} less was refunded than we booked, and not of which refund."),
            amount=Money(amount, payment.currency),
        ),
        payment=payment,
        amount=-amount,
        currency=payment.currency,
    )


def _key(payment: Payment) -> str:
    return f"refunded_total:{payment.id}"
