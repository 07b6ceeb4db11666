"""Another amount than the one asked for: what moved is booked, and finance is told."""

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Operation, Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.providers.base import Result
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import message_columns


def note(uow: UnitOfWork, payment: Payment, operation: Operation, amount: int) -> None:
    """What moved is booked; where that is not what was asked for, a discrepancy says so."""
    if amount != operation.amount:
        uow.open_discrepancy(
            DiscrepancyKind.AMOUNT_DIFFERS,
            f"amount_differs:{operation.id}",
            **message_columns(
                gettext_noop("Asked for {asked}, the provider moved {moved}."),
                asked=Money(operation.amount, payment.currency),
                moved=Money(amount, payment.currency),
            ),
            payment=payment,
            amount=amount - operation.amount,
            currency=payment.currency,
        )
        uow.change(operation, amount=amount)


def note_to_check(uow: UnitOfWork, payment: Payment, operation: Operation, result: Result) -> None:
    """Another amount arrived than was asked for: finance decides with the provider, and nothing is delivered on it."""
    arrived = result.amount.amount if result.amount is not None else 0
    uow.open_discrepancy(
        DiscrepancyKind.AMOUNT_DIFFERS,
        key_of(operation),
        **message_columns(
            gettext_noop("Asked for {asked}; the provider received {received} and waits. Settle it there."),
            asked=Money(operation.amount, payment.currency),
            received=Money(arrived, payment.currency),
        ),
        payment=payment,
        amount=arrived - operation.amount,
        currency=payment.currency,
    )


def key_of(operation: Operation) -> str:
    """What the discrepancy of `note_to_check` is known by."""
    return f"amount_to_check:{operation.id}"
