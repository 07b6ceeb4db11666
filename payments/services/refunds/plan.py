"""How a refund is split over an order's tenders, and how each part travels, given what each route can really do.

Nothing here reads or writes the database: the same rules answer a question (`plan_refund`) and make a decision
(`request_refund`), over rows that were read without or with a lock.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from payments.core.errors import Invalid, wrong
from payments.core.money import Money
from payments.models import Channel, Order, Payment
from payments.models.refund import Route
from payments.providers import registry
from payments.services.refunds.routes import AUTO, Circumstances, Reason, choose, goes_in_cash, route_required
from payments.text.formatting import amount as written

LAST_PAID_FIRST: Final = "last_paid_first"
PROPORTIONAL: Final = "proportional"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Where a transfer goes."""

    iban: str
    name: str

    def stored(self) -> str:
        """As a part keeps it, encrypted."""
        return json.dumps({"iban": self.iban, "name": self.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of one payment is to be given back."""

    payment_id: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """The requested refund. `channel` is where the goods came back; without an amount all that is refundable."""

    order: Order
    channel: Channel
    reason: str
    payment: Payment | None = None
    amount: int | None = None
    route: str = AUTO
    terminal_id: str | None = None
    bank_account: BankAccount | None = None
    allocation: str | tuple[Share, ...] | None = None  # None: as the merchant has it
    exchange_for: Order | None = None
    operator: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """What one payment gives back. `rounding` is what the till gives more (or less) than the amount."""

    payment: Payment
    amount: int
    route: str
    expected_at: datetime
    reasons: tuple[Reason, ...] = ()
    rounding: int = 0
    terminal_id: str | None = None
    bank_account: BankAccount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A refund as it would be made."""

    amount: int
    currency: str
    amount_refundable: int
    parts: tuple[PlannedPart, ...]


def make_plan(
    request: RefundRequest,
    *,
    order: Order,
    payments: Sequence[Payment],
    known_account: BankAccount | None,
    now: datetime,
    original_only: str | None = None,
    refunds_before: Mapping[str, int] | None = None,
    in_till: int | None = None,
) -> Plan:
    """Plan a refund over the order's payments.

    `original_only` names the rule by which the requester gives back only the way the money came, where there is one;
    `refunds_before` counts how often the provider of each payment gave back of it; `in_till` is what the channel's till
    holds, where that is known.

    Raises:
        Invalid: `amount_exceeds_refundable` (with `amount_refundable` and `currency`), `route_required` (with
            `routes`), `route_not_possible`, `bank_account_required`, `till_too_low` (with `balance`), or an allocation
            that does not fit.
    """
    tenders = _tenders(request, payments)
    # The order may have less left than its payments together: an unlinked return took from it and from none of them.
    refundable = min(order.refundable, sum(payment.refundable for payment in tenders))
    amount = _amount(request, refundable)
    check_refundable(amount, refundable, order.currency)
    # Amounts before routes: a route is possible for a payment, whatever share it gives.
    shares = _shares(request, tenders, amount, order.currency)
    # An account given now wins over one known from an earlier refund: the customer may have moved.
    account = request.bank_account or known_account
    circumstances = Circumstances(
        channel=request.channel,
        terminal_id=request.terminal_id,
        has_bank_account=account is not None,
        now=now,
        original_only=original_only,
        refunds_before=refunds_before or {},
        in_till=in_till,
        from_till=_in_cash(share for share in shares if request.route == Route.CASH or goes_in_cash(share[0])),
        all_from_till=_in_cash(shares),
    )
    parts = _parts(shares, request, account, circumstances)
    return Plan(amount=amount, currency=order.currency, amount_refundable=refundable, parts=tuple(parts))


def check_refundable(amount: int, refundable: int, currency: str, *, param: str = "amount") -> None:
    """Refuse what is more than may be given back (and nothing at all, where nothing is left)."""
    if not amount or amount > refundable:
        raise exceeds_refundable(refundable, currency, param=param)


def exceeds_refundable(refundable: int, currency: str, *, param: str = "amount") -> Invalid:
    """The refusal of a refund of more than is left; the losers of a race get it too."""
    detail = (
        f"At most {written(refundable, currency)} can be given back." if refundable else "Nothing is left to give back."
    )
    return Invalid("amount_exceeds_refundable", detail, param=param, amount_refundable=refundable, currency=currency)


def _tenders(request: RefundRequest, payments: Sequence[Payment]) -> list[Payment]:
    """The payments that may give something back, the last paid first."""
    named = request.payment.id if request.payment is not None else None
    # One with nothing left gives nothing; an allocation that names it is refused.
    rows = [row for row in payments if row.refundable and named in (None, row.id)]
    # By id, too, so that the plan that was shown is the plan that is made.
    return sorted(rows, key=lambda row: (row.occurred_at, row.id), reverse=True)


def _amount(request: RefundRequest, refundable: int) -> int:
    if request.amount is not None:
        return request.amount
    if isinstance(request.allocation, tuple):
        return sum(share.amount for share in request.allocation)
    return refundable


def _shares(
    request: RefundRequest, tenders: Sequence[Payment], amount: int, currency: str
) -> list[tuple[Payment, int]]:
    """Who gives how much: above zero each, no more than it has, `amount` together."""
    if isinstance(request.allocation, tuple):
        return _as_requested(request.allocation, tenders, amount, currency)
    if (request.allocation or request.order.merchant.allocation) == PROPORTIONAL:
        weights = [payment.refundable for payment in tenders]
        # Loses no cent: what is left over by division goes to some of them.
        amounts = [money.amount for money in Money(amount, currency).allocate(weights)]
    else:
        amounts, left = [], amount
        for payment in tenders:
            amounts.append(min(left, payment.refundable))
            left -= amounts[-1]
    return [(payment, share) for payment, share in zip(tenders, amounts, strict=True) if share]


def _as_requested(
    allocation: tuple[Share, ...], tenders: Sequence[Payment], amount: int, currency: str
) -> list[tuple[Payment, int]]:
    by_id = {payment.id: payment for payment in tenders}
    shares = []
    for at, share in enumerate(allocation):
        # Taken out, so that naming one payment twice is refused instead of added up.
        payment = by_id.pop(share.payment_id, None)
        if payment is None:
            raise wrong(
                f"allocation[{at}].payment",
                "not_found",
                "This payment is not one of the order, has nothing left to give back, or is named twice.",
            )
        check_refundable(share.amount, payment.refundable, currency, param=f"allocation[{at}].amount")
        shares.append((payment, share.amount))
    if sum(share.amount for share in allocation) != amount:
        raise wrong("allocation", "allocation_differs", "The allocation must add up to the amount.")
    return shares


def _parts(
    shares: Sequence[tuple[Payment, int]],
    request: RefundRequest,
    account: BankAccount | None,
    circumstances: Circumstances,
) -> Iterator[PlannedPart]:
    """Each share with its route; where one of them has none, all are refused with the possible choices."""
    for payment, amount in shares:
        chosen = _route(payment, amount, request, circumstances)
        # One route for all that is returned: a customer is asked once, so that what is offered must suit every part.
        if chosen is None:
            raise route_required([each for each, _ in shares], circumstances)
        route, reasons = chosen
        yield PlannedPart(
            payment=payment,
            amount=amount,
            route=route,
            expected_at=_expected_at(payment, route, circumstances.now),
            reasons=reasons,
            rounding=_rounding(payment, amount) if route == Route.CASH else 0,
            terminal_id=request.terminal_id if route == Route.TERMINAL else None,
            bank_account=account if route == Route.BANK else None,
        )


def _route(
    payment: Payment, amount: int, request: RefundRequest, circumstances: Circumstances
) -> tuple[str, tuple[Reason, ...]] | None:
    """What is exchanged travels nowhere: by which routes a channel gives back is no matter."""
    if request.exchange_for is not None:
        return Route.VOUCHER, ()
    return choose(request.route, payment, circumstances, amount=amount)


def _in_cash(shares: Iterable[tuple[Payment, int]]) -> int:
    """What the till gives for these, as it rounds them."""
    return sum(amount + _rounding(payment, amount) for payment, amount in shares)


def _rounding(payment: Payment, amount: int) -> int:
    """What the till gives more (or, below zero, less), where small coins are not given out."""
    return payment.merchant.in_cash(Money(amount, payment.currency)).amount - amount


def _expected_at(payment: Payment, route: str, now: datetime) -> datetime:
    """When the customer has the money, as far as anybody can promise."""
    if route == Route.ORIGINAL:
        capabilities = registry.provider(payment.provider_account.provider).capabilities
        return now if capabilities.instant else now + capabilities.refund_arrival
    if route in (Route.BANK, Route.TERMINAL):
        return next_business_day(now)
    return now


def next_business_day(now: datetime) -> datetime:
    """A day later, and then not in a weekend."""
    moment = now + timedelta(days=1)
    # Banks transfer on weekdays; bank holidays are not known here, and this is a promise to nobody.
    while moment.weekday() > 4:
        moment += timedelta(days=1)
    return moment
