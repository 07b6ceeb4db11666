"""What devices report of the till they stand at, signed: counted, paid in, paid out, taken to the bank."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, TypeVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from payments import payloads
from payments.api import request_body
from payments.api.idempotency import encode
from payments.api.inputs import read
from payments.api.openapi import described
from payments.api.schemas import TILL_MOVEMENT
from payments.core.errors import wrong
from payments.core.input_types import AmountOrZero, Currency, text
from payments.core.inputs import Input
from payments.core.money import Money
from payments.core.pan import mask_tree
from payments.models import TillMovement
from terminals.api.device import TAG, DeviceView
from terminals.api.schemas import SIGNED
from terminals.schemas import EARLIEST, LATEST, NO_TIME_OF_OURS, Clock
from terminals.services.idempotency import Rendered
from terminals.services.move_cash import CashReport, report_cash

Kind = TillMovement.Kind
Post = TypeVar("Post", bound=Callable[..., Any])
_NOTHING: Final = "Send what was moved, above zero; only a count may come to nothing."


class TillInput(Input, kw_only=True):
    """What was done at the till; `amount` is what was counted in it, or what was put in or taken out."""

    amount: AmountOrZero
    """What was counted in the till, put into it or taken out, in minor units."""
    currency: Currency
    """Currency of the cash."""
    occurred_at: Clock
    """When it was done, by the device's clock."""
    operator: Annotated[str, text(100)]
    """Name or number of the person who did it."""
    reason: Annotated[str, text(200)] | None = None
    """What the money was for."""


def _render(row: TillMovement) -> Rendered:
    return Rendered(201, encode(payloads.till_movement(row)))


def _documented(name: str, summary: str) -> Callable[[Post], Post]:
    """Describe one of these addresses."""
    inner: Callable[[Post], Post] = described(
        name,
        summary,
        {201: TILL_MOVEMENT},
        body=TillInput,
        refusals=[401, 409],
        with_key=False,
        by_device=True,
        once=False,
        tag=TAG,
    )
    return lambda method: extend_schema(parameters=SIGNED)(inner(method))


class Tills(DeviceView):
    """Where devices report one kind of movement."""

    kind: ClassVar[Kind]

    def report(self) -> HttpResponse:
        """Read it, and record it once."""
        signed, key, content = self.signed()
        given = read(TillInput, mask_tree(request_body.json_of(self.plain, content))[0])
        if not EARLIEST <= given.occurred_at < LATEST:
            raise wrong("occurred_at", "out_of_range", NO_TIME_OF_OURS)
        if given.amount == 0 and self.kind != Kind.COUNT:
            raise wrong("amount", "out_of_range", _NOTHING)
        report = CashReport(
            kind=self.kind,
            amount=Money(given.amount, given.currency),
            occurred_at=given.occurred_at,
            operator=given.operator,
            reason=given.reason or "",
        )
        return self.send(report_cash(signed, key, report, render=_render))


class Count(Tills):
    """What was counted becomes the balance."""

    kind = Kind.COUNT

    @_documented("count_till", "Count the till")
    def post(self, request: Request) -> HttpResponse:
        """Report what was counted in the store's till; the answer tells what the books expected."""
        return self.report()


class PaidIn(Tills):
    """Cash that came in without a sale."""

    kind = Kind.PAID_IN

    @_documented("pay_into_till", "Pay into the till")
    def post(self, request: Request) -> HttpResponse:
        """Report cash that was put into the till without a sale."""
        return self.report()


class PaidOut(Tills):
    """Cash that left without a refund."""

    kind = Kind.PAID_OUT

    @_documented("pay_out_of_till", "Pay out of the till")
    def post(self, request: Request) -> HttpResponse:
        """Report cash that was taken out of the till without a refund."""
        return self.report()


class Deposit(Tills):
    """Cash on its way to the bank."""

    kind = Kind.DEPOSIT

    @_documented("deposit_till", "Take cash to the bank")
    def post(self, request: Request) -> HttpResponse:
        """Report cash that is on its way to the bank."""
        return self.report()
