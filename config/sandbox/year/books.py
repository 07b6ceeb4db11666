"""Write a year's rows and entries with the same transitions that live traffic uses.

Up to 500 sales share one transaction, so that a year is written at the ledger's own batch speed. Only the answers of
providers and devices are made up here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction

from config.sandbox.year.customers import Return, Sale
from config.sandbox.year.shop import ACTOR, Shop
from payments.core.ids import made_in, new_id
from payments.core.money import Money
from payments.db import bulk
from payments.models import Operation, Order, Payment, Refund, RefundPart
from payments.models.refund import PartStatus, RefundStatus, Route
from payments.providers.base import Outcome, Result, Verb
from payments.services import charge_transitions
from payments.services.refunds import transitions
from payments.services.unit_of_work import UnitOfWork
from terminals.models import Terminal
from terminals.services.ingest import ingest
from terminals.services.posted import Result as Recorded
from terminals.sql import request_state

AT_ONCE: Final = 500
CURRENCY: Final = "EUR"
_REFUSED: Final = ("do_not_honor", "The customer's bank refused.")


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale, and what it is known by."""

    sale: Sale
    order_id: str
    payment_id: str


@dataclass(frozen=True, slots=True)
class Brought:
    """Something sold that is being brought back."""

    sold: Sold
    back: Return


def sell(shop: Shop, sales: Sequence[Sale]) -> list[Sold]:
    """Sales online and for cash, in one transaction."""
    with made_in(sales[0].at), transaction.atomic():
        uow = UnitOfWork(merchant=shop.merchant, actor=ACTOR, now=sales[-1].at.astimezone(UTC))
        uow.reserve_open_items(len(sales))
        payments = [_sell(uow, shop, sale) for sale in sales]
        uow.flush()
    return [Sold(sale, payment.order_id, payment.id) for sale, payment in zip(sales, payments, strict=True)]


def sell_by_card(till: str, sales: Sequence[Sale]) -> list[Sold]:
    """Sales at one terminal, in the words in which its device would have posted them."""
    results = _posted(till, [_posted_sale(sale) for sale in sales], sales[-1].at)
    orders = dict(Payment.objects.filter(id__in=[row.payment for row in results]).values_list("id", "order_id"))
    return [
        Sold(sale, orders[row.payment], row.payment)
        for sale, row in zip(sales, results, strict=True)
        if row.payment is not None
    ]


def take_back(shop: Shop, brought: Sequence[Brought], at: datetime) -> None:
    """Refunds through the provider, and from the till what was paid in cash."""
    at = at.astimezone(UTC)
    with made_in(at), transaction.atomic():
        uow = UnitOfWork(merchant=shop.merchant, actor=ACTOR, now=at)
        uow.lock(each.sold.order_id for each in brought)
        uow.read_refunds()
        uow.reserve_open_items(len(brought))
        for each in brought:
            _take_back(uow, each)
        uow.flush()


def take_back_by_card(till: str, brought: Sequence[Brought], at: datetime) -> None:
    """Refunds at one terminal, bound to their sales."""
    _posted(till, [_posted_refund(each, at) for each in brought], at)


def _sell(uow: UnitOfWork, shop: Shop, sale: Sale) -> Payment:
    at = sale.at.astimezone(UTC)
    order = uow.add(
        Order(
            merchant=shop.merchant,
            channel=sale.channel,
            namespace=sale.channel.namespace,
            reference=new_id("yr") if sale.channel.kind == "online" else None,
            currency=CURRENCY,
            total=sale.amount,
            created_at=at,
        )
    )
    payment = uow.add(_payment(uow, shop, sale, order, at))
    operation = uow.add(_operation(payment, Verb.SALE, payment.amount, at))
    charge_transitions.apply_result(uow, operation, _answer(sale, operation, at))
    return payment


def _payment(uow: UnitOfWork, shop: Shop, sale: Sale, order: Order, at: datetime) -> Payment:
    return Payment(
        merchant=shop.merchant,
        order=order,
        channel=sale.channel,
        provider_account=shop.recorded if sale.method == "cash" else shop.online,
        item=uow.next_open_item(),
        origin=sale.channel.kind,
        method=sale.method,
        amount=sale.amount,
        currency=CURRENCY,
        occurred_at=at,
        created_at=at,
        business_day=shop.merchant.business_day(at),
        **_cash(shop, sale),
    )


def _cash(shop: Shop, sale: Sale) -> dict[str, int]:
    if sale.method != "cash":
        return {}
    received = sale.amount + _rounding(shop.merchant.cash_rounding, sale.amount)
    return {"received": received, "change": 0, "rounding": received - sale.amount}


def _rounding(step: int, amount: int) -> int:
    return Money(amount, CURRENCY).rounded_to(step).amount - amount


def _operation(payment: Payment, verb: Verb, amount: int, at: datetime, part: RefundPart | None = None) -> Operation:
    """Return an operation that is sent, and about to be answered."""
    cash = payment.method == "cash"
    return Operation(
        merchant=payment.merchant,
        payment=payment,
        provider_account=payment.provider_account,
        refund_part=part,
        verb=verb,
        executor=Operation.Executor.RECORDED if cash else Operation.Executor.PROVIDER,
        amount=amount,
        currency=CURRENCY,
        actor=ACTOR,
        submitted_at=None if cash else at,
        attempts=0 if cash else 1,
        created_at=at,
    )


def _answer(sale: Sale, operation: Operation, at: datetime) -> Result:
    if sale.method == "cash":
        return Result(outcome=Outcome.SUCCEEDED, occurred_at=at)
    if sale.declined:
        return Result(outcome=Outcome.DECLINED, code=_REFUSED[0], detail=_REFUSED[1], card=sale.card, occurred_at=at)
    name = operation.id.partition("_")[2]
    return Result(
        outcome=Outcome.SUCCEEDED,
        reference=f"chg_{name}",
        payment_reference=f"pay_{name}",
        amount=Money(sale.amount, CURRENCY),
        method=sale.method,
        card=sale.card,
        occurred_at=at,
    )


def _take_back(uow: UnitOfWork, brought: Brought) -> None:
    payment = uow.payments[brought.sold.payment_id]
    amount = min(brought.back.amount, payment.refundable)
    refund = uow.add(_refund(uow, brought, payment, amount))
    part = uow.add(_part(uow, refund, payment, amount))
    transitions.reserve(uow, part=part)
    transitions.accept(uow, refund=refund, parts=[part])
    operation = uow.add(_operation(payment, Verb.REFUND, amount, uow.now, part))
    reference = None if payment.method == "cash" else "ref_" + operation.id.partition("_")[2]
    transitions.apply_result(uow, operation, Result(Outcome.SUCCEEDED, reference=reference, occurred_at=uow.now))


def _refund(uow: UnitOfWork, brought: Brought, payment: Payment, amount: int) -> Refund:
    return Refund(
        merchant=uow.merchant,
        order=payment.order,
        channel=brought.back.channel,
        amount=amount,
        currency=CURRENCY,
        status=RefundStatus.PENDING,
        reason="Brought back.",
        requested_by=ACTOR,
        occurred_at=uow.now,
        business_day=uow.merchant.business_day(uow.now),
        created_at=uow.now,
    )


def _part(uow: UnitOfWork, refund: Refund, payment: Payment, amount: int) -> RefundPart:
    return RefundPart(
        refund=refund,
        payment=payment,
        item=uow.next_open_item(),
        position=0,
        amount=amount,
        route=Route.ORIGINAL,
        status=PartStatus.QUEUED,
        rounding=_rounding(uow.merchant.cash_rounding, amount) if payment.method == "cash" else 0,
        expected_at=uow.now,
    )


def _posted(till: str, posted: Sequence[dict[str, Any]], now: datetime) -> list[Recorded]:
    """Under the terminal's lock, numbered as its device would have."""
    now = now.astimezone(UTC)
    with made_in(now), transaction.atomic():
        rows = Terminal.objects.select_related("merchant", "channel", "provider_account")
        terminal = rows.select_for_update(of=("self",), no_key=True).get(id=till)
        items = [
            {"sequence": number, **_acquirer(till, number, each["occurred_at"]), **each}
            for number, each in enumerate(posted, terminal.next_sequence)
        ]
        state = request_state(terminal_id=till, series=terminal.series, open_items=len(items))
        results, unwritten = ingest(terminal, items, places=[""] * len(items), now=now, state=state)
        bulk.write(unwritten)
        return results


def _acquirer(till: str, number: int, at: str) -> dict[str, str]:
    """The numbers that the acquirer gives to one transaction: its settlement names it by the same.

    The RRN is made as schemes make it, of the year's last digit, the day of the year, the hour and the STAN.
    """
    moment, stan = datetime.fromisoformat(at), f"{number % 1_000_000:06d}"
    return {"rrn": f"{moment.year % 10}{moment:%j%H}{stan}", "stan": stan, "acquirer_tid": till[-8:].upper()}


def _posted_sale(sale: Sale) -> dict[str, Any]:
    refused = {"decline_code": "51"} if sale.declined else {"authorization_code": "A1B2C3"}
    fields = {"type": "sale", "amount": sale.amount, "outcome": "declined" if sale.declined else "approved"}
    return fields | refused | _by_card(sale, sale.at)


def _posted_refund(brought: Brought, at: datetime) -> dict[str, Any]:
    fields = {
        "type": "refund",
        "amount": min(brought.back.amount, brought.sold.sale.amount),
        "outcome": "approved",
    }
    about = {"original": {"payment": brought.sold.payment_id}, "authorization_code": "A1B2C3"}
    return fields | about | _by_card(brought.sold.sale, at)


def _by_card(sale: Sale, at: datetime) -> dict[str, Any]:
    assert sale.card is not None
    card = {"brand": sale.card.brand, "last4": sale.card.last4, "fingerprint": sale.card.fingerprint}
    when = {"currency": CURRENCY, "occurred_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z")}
    return when | {"card": card, "entry_mode": "contactless", "verification": "online_pin"}
