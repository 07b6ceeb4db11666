"""How a refund is split over an order's tenders, and how each part travels, given what each route can really do.

Nothing here reads or writes the database: the same rules answer a question (`plan_refund`) and make a decision
(`request_refund`), over rows that were read without or with a lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypedDict

from payments import registry
from payments.errors import Invalid
from payments.models import Channel, Order, Payment
from payments.models.payment import Method
from payments.models.refund import Route
from payments.money import Money
from payments.services.voucher import is_usable

AUTO: Final = "auto"
LAST_PAID_FIRST: Final = "last_paid_first"
PROPORTIONAL: Final = "proportional"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Where a transfer goes."""

    iban: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of one payment is to be given back."""

    payment_id: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What is asked. `channel` is where the goods came back; no amount is all that is refundable."""

    order: Order
    channel: Channel
    reason: str
    payment: Payment | None = None
    amount: int | None = None
    route: str = AUTO
    terminal_id: str | None = None
    bank_account: BankAccount | None = None
    allocation: str | tuple[Share, ...] = LAST_PAID_FIRST
    exchange_for: Order | None = None
    operator: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Reason(TypedDict):
    """Why a route was not possible."""

    route: str
    code: str
    detail: str


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


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """What decides whether a route is possible, beside the payment."""

    request: RefundRequest
    known_account: BankAccount | None
    now: datetime

    @property
    def bank_account(self) -> BankAccount | None:
        return self.request.bank_account or self.known_account


def make_plan(
    request: RefundRequest,
    *,
    order: Order,
    payments: Sequence[Payment],
    known_account: BankAccount | None,
    now: datetime,
) -> Plan:
    """Plan a refund over the order's payments.

    Raises:
        Invalid: `amount_exceeds_refundable` (with `amount_refundable` and `currency`), `route_not_possible`,
            `bank_account_required`, or an allocation that does not fit.
    """
    tenders = _tenders(request, payments)
    refundable = min(order.refundable, sum(payment.refundable for payment in tenders))
    amount = _amount(request, refundable)
    check_refundable(amount, refundable, order.currency)
    circumstances = _Circumstances(request, known_account, now)
    parts = [
        _part(payment, share, circumstances) for payment, share in _shares(request, tenders, amount, order.currency)
    ]
    return Plan(amount=amount, currency=order.currency, amount_refundable=refundable, parts=tuple(parts))


def check_refundable(amount: int, refundable: int, currency: str, *, param: str = "amount") -> None:
    """Refuse what is more than may be given back (and nothing at all, where nothing is left)."""
    if not amount or amount > refundable:
        raise exceeds_refundable(refundable, currency, param=param)


def exceeds_refundable(refundable: int, currency: str, *, param: str = "amount") -> Invalid:
    """The refusal of whoever asks for more than is left; the losers of a race get it too."""
    detail = f"At most {refundable} can be given back." if refundable else "Nothing is left to give back."
    return Invalid("amount_exceeds_refundable", detail, param=param, amount_refundable=refundable, currency=currency)


def _tenders(request: RefundRequest, payments: Sequence[Payment]) -> list[Payment]:
    """The payments that may give something back, the last paid first."""
    named = request.payment.id if request.payment is not None else None
    rows = [row for row in payments if row.refundable and named in (None, row.id)]
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
        return _as_asked(request.allocation, tenders, amount, currency)
    if request.allocation == PROPORTIONAL:
        weights = [payment.refundable for payment in tenders]
        amounts = [money.amount for money in Money(amount, currency).allocate(weights)]
    else:
        amounts, left = [], amount
        for payment in tenders:
            amounts.append(min(left, payment.refundable))
            left -= amounts[-1]
    return [(payment, share) for payment, share in zip(tenders, amounts, strict=True) if share]


def _as_asked(
    allocation: tuple[Share, ...], tenders: Sequence[Payment], amount: int, currency: str
) -> list[tuple[Payment, int]]:
    by_id = {payment.id: payment for payment in tenders}
    shares = []
    for at, share in enumerate(allocation):
        payment = by_id.pop(share.payment_id, None)
        if payment is None:
            raise Invalid(
                "validation_failed",
                "This payment is not one of the order, has nothing left to give back, or is named twice.",
                param=f"allocation[{at}].payment",
            )
        check_refundable(share.amount, payment.refundable, currency, param=f"allocation[{at}].amount")
        shares.append((payment, share.amount))
    if sum(share.amount for share in allocation) != amount:
        raise Invalid("validation_failed", "The allocation must add up to the amount.", param="allocation")
    return shares


def _part(payment: Payment, amount: int, circumstances: _Circumstances) -> PlannedPart:
    route, reasons = _route(payment, circumstances)
    in_cash = route == Route.CASH or (route == Route.ORIGINAL and payment.method == Method.CASH)
    money = Money(amount, payment.currency)
    return PlannedPart(
        payment=payment,
        amount=amount,
        route=route,
        expected_at=_expected_at(payment, route, circumstances.now),
        reasons=tuple(reasons),
        rounding=payment.merchant.in_cash(money).amount - amount if in_cash else 0,
        terminal_id=circumstances.request.terminal_id if route == Route.TERMINAL else None,
        bank_account=circumstances.bank_account if route == Route.BANK else None,
    )


def _route(payment: Payment, circumstances: _Circumstances) -> tuple[str, list[Reason]]:
    """The best route that is possible, and why the better ones were not."""
    request = circumstances.request
    if request.exchange_for is not None:
        return Route.VOUCHER, []
    if request.route != AUTO:
        obstacle = _obstacle(request.route, payment, circumstances)
        if obstacle is not None:
            raise _impossible(obstacle, payment)
        return request.route, []
    reasons: list[Reason] = []
    for route in _preferences(request):
        obstacle = _obstacle(route, payment, circumstances)
        if obstacle is None:
            return route, reasons
        reasons.append(obstacle)
    return Route.VOUCHER, reasons


def _preferences(request: RefundRequest) -> list[str]:
    """What is tried before a voucher; a terminal only where one was named."""
    at_the_counter = [Route.TERMINAL] if request.terminal_id is not None else []
    return [Route.ORIGINAL, *at_the_counter, Route.BANK]


def _obstacle(route: str, payment: Payment, circumstances: _Circumstances) -> Reason | None:
    """What stands in the way of this route, in words that say what to do."""
    if route == Route.ORIGINAL:
        found = _original_obstacle(payment, circumstances)
    elif route == Route.TERMINAL:
        found = _terminal_obstacle(payment, circumstances.request.terminal_id)
    elif route == Route.BANK and circumstances.bank_account is None:
        found = ("bank_account_required", "Give bank_account with the customer's IBAN and name.")
    elif route == Route.CASH:
        found = _cash_obstacle(payment, circumstances.request.channel)
    else:
        found = None
    return Reason(route=str(route), code=found[0], detail=found[1]) if found else None


def _original_obstacle(payment: Payment, circumstances: _Circumstances) -> tuple[str, str] | None:
    account = payment.provider_account
    capabilities = registry.provider(account.provider).capabilities
    window = capabilities.refund_window
    if payment.method not in capabilities.refund_methods:
        return _without_card(payment)
    if not account.active:
        return ("provider_account_inactive", f"The provider account {account.name} is no longer active.")
    if not capabilities.instant and payment.provider_reference is None:
        return _without_card(payment)
    if window is not None and circumstances.now - payment.occurred_at > window:
        return ("refund_window_passed", f"The provider gives back for {window.days} days after the sale only.")
    if payment.voucher is not None and not is_usable(payment.voucher, circumstances.now):
        return ("voucher_expired", "The voucher it was paid with has expired.")
    if payment.method == Method.CASH:
        return _cash_obstacle(payment, circumstances.request.channel)
    return None


def _without_card(payment: Payment) -> tuple[str, str]:
    if payment.method == Method.CARD:
        return (
            "card_required",
            "This card was read at a terminal, and only a terminal can give back on it: use route terminal and name "
            "the terminal.",
        )
    return ("provider_cannot_refund", "This payment's provider cannot give it back by itself.")


def _terminal_obstacle(payment: Payment, terminal_id: str | None) -> tuple[str, str] | None:
    if payment.method != Method.CARD:
        return ("not_paid_by_card", "A terminal gives back on cards only.")
    if terminal_id is None:
        return ("terminal_required", "Name the terminal at which the customer presents the card.")
    return None


def _cash_obstacle(payment: Payment, channel: Channel) -> tuple[str, str] | None:
    """Cash is handed over at a counter, or where it was taken."""
    if channel.kind == Channel.Kind.IN_STORE or (payment.method == Method.CASH and payment.channel_id == channel.id):
        return None
    return ("no_till", f"{channel.name} has no till to pay from; use a store as channel.")


def _impossible(obstacle: Reason, payment: Payment) -> Invalid:
    if obstacle["code"] == "bank_account_required":
        return Invalid("bank_account_required", obstacle["detail"], param="bank_account")
    return Invalid(
        "route_not_possible", obstacle["detail"], param="route", payment=payment.id, reasons=[dict(obstacle)]
    )


def _expected_at(payment: Payment, route: str, now: datetime) -> datetime:
    """When the customer has the money, as far as anybody can promise."""
    if route == Route.ORIGINAL:
        capabilities = registry.provider(payment.provider_account.provider).capabilities
        return now if capabilities.instant else now + capabilities.refund_arrival
    if route in (Route.BANK, Route.TERMINAL):
        return _next_business_day(now)
    return now


def _next_business_day(now: datetime) -> datetime:
    """A day later, and then not in a weekend."""
    moment = now + timedelta(days=1)
    while moment.weekday() > 4:
        moment += timedelta(days=1)
    return moment
