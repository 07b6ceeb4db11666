"""Builders for tests: a shop, its webshop, its store and the terminal in it, and what customers do there.

Everything is done by the services that the API and the terminals use; what they refuse cannot be built. A webshop's
payments need the fixture `simulator` and `transactional` tests, since a provider is called outside of a transaction.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from payments.core.ids import new_id
from payments.core.money import Money
from payments.ledger.models import Posting
from payments.models import Channel, Chargeback, Merchant, Operation, Order, Payment, ProviderAccount, Refund
from payments.payloads import PAYMENT_RELATED
from payments.providers.base import Card
from payments.services import create_setup
from payments.services.card_present.register import register
from payments.services.card_present.types import Device, DeviceOutcome, DeviceTransaction, Kind, Original
from payments.services.chargeback import DisputeReport, chargeback_reported
from payments.services.create import PaymentRequest, create_payment
from payments.services.orders import OrderName
from payments.services.refunds.plan import RefundRequest
from payments.services.refunds.request import request_refund
from payments.services.refunds.result import RefundResult
from payments.services.submit import submit
from payments.services.unit_of_work import UnitOfWork
from payments.services.voucher import NewVoucher, VoucherRequest, create_voucher

BY: Final = "tests"
DEBIT_CARD: Final = Card(brand="maestro", last4="4242", fingerprint="card_anna", entry_mode="contactless")


@dataclass
class Shop:
    """A merchant with one webshop and one store, and the terminal that stands in it."""

    merchant: Merchant
    webshop: Channel
    store: Channel
    terminal: Device
    _sequence: "count[int]" = field(default_factory=lambda: count(1))
    _references: "count[int]" = field(default_factory=lambda: count(1001))

    def account(self, provider: str) -> ProviderAccount:
        """The account of this provider that is used when none is named."""
        return ProviderAccount.objects.select_related("merchant").get(
            merchant=self.merchant, provider=provider, default=True
        )

    def new_order_name(self) -> OrderName:
        """An order that nobody has heard of yet."""
        return OrderName(reference=str(next(self._references)))

    def pay(
        self,
        amount: int,
        *,
        method: str = "card",
        channel: Channel | None = None,
        order: Order | None = None,
        currency: str = "EUR",
        **more: Any,
    ) -> Payment:
        """A customer pays `amount`, by default by card in the webshop and for a new order."""
        request = PaymentRequest(
            channel=channel or self.webshop,
            order=OrderName(order_id=order.id) if order else self.new_order_name(),
            amount=Money(amount, currency),
            method=method,
            **more,
        )
        return create_payment(request, actor=BY)

    def pay_cash(self, amount: int, *, order: Order | None = None, **more: Any) -> Payment:
        """A customer pays at the store's till."""
        return self.pay(amount, method="cash", channel=self.store, order=order, **more)

    def pin(self, amount: int, *, order: Order | None = None, **more: Any) -> Payment:
        """A customer pays at the terminal."""
        done = self.at_terminal(Kind.SALE, amount, order_id=order.id if order else None, **more)
        return Payment.objects.select_related(*PAYMENT_RELATED).get(id=done.payment_id)

    def pin_back(self, amount: int, original: Payment | None = None, **more: Any) -> Refund:
        """The terminal gives back on a card, without asking us."""
        about = Original(payment_id=original.id) if original else None
        done = self.at_terminal(Kind.REFUND, amount, original=about, **more)
        return Refund.objects.get(id=done.refund_id)

    def at_terminal(self, kind: Kind, amount: int, **more: Any) -> Any:
        """The terminal reports one transaction."""
        facts: dict[str, Any] = {
            "occurred_at": timezone.now(),
            "card": DEBIT_CARD,
            "outcome": DeviceOutcome.APPROVED,
            "currency": "EUR",
        } | more
        facts.setdefault("posted", {"type": kind.value, "outcome": facts["outcome"].value, "amount": amount})
        transaction = DeviceTransaction(
            sequence=next(self._sequence),
            kind=kind,
            amount=amount,
            **facts,
        )
        (done,) = register(
            merchant=self.merchant,
            device=self.terminal,
            transactions=[transaction],
            actor=self.terminal.terminal_id,
            now=timezone.now(),
        )
        return done

    def voucher(self, amount: int, **more: Any) -> NewVoucher:
        """A voucher that the shop gives away, with its code."""
        return create_voucher(VoucherRequest(merchant=self.merchant, amount=Money(amount, "EUR"), **more), actor=BY)

    def refund(self, subject: Order | Payment, amount: int | None = None, **more: Any) -> Refund:
        """Request a refund of an order or of one payment, by default where the payment or order was made."""
        return self.request_refund(subject, amount, **more).refund

    def request_refund(self, subject: Order | Payment, amount: int | None = None, **more: Any) -> RefundResult:
        """As `refund`, with the code of the voucher that is made for it."""
        return request_refund(self.asks(subject, amount, **more), actor=BY)

    def asks(self, subject: Order | Payment, amount: int | None = None, **more: Any) -> RefundRequest:
        """Return the request that `refund` makes."""
        about: dict[str, Any] = {"channel": self.webshop, "reason": "Does not fit."} | more
        if isinstance(subject, Payment):
            about |= {"payment": subject, "order": subject.order}
        else:
            about |= {"order": subject}
        return RefundRequest(amount=amount, **about)

    def books(self, *, items: bool = False) -> Counter[Any]:
        """The balance of every account that has one, debit positive; with `items` per (account, open item)."""
        names = ("account__code", "item") if items else ("account__code",)
        rows = Posting.objects.filter(account__merchant_id=self.merchant.id).values_list(*names)
        sums = rows.annotate(total=Sum("amount")).exclude(total=0).order_by()
        return Counter({(row[:-1] if items else row[0]): row[-1] for row in sums})


def open_shop(name: str = "Bloem", **columns: Any) -> Shop:
    """A test merchant with all that it needs; `columns` are those of the merchant (as `second_person_above`)."""
    merchant = create_setup.create_merchant(name=name, actor=BY)
    for column, value in columns.items():
        setattr(merchant, column, value)
    merchant.save()
    webshop = create_setup.create_channel(merchant=merchant, kind="online", name=f"{name} online", actor=BY)
    store = create_setup.create_channel(merchant=merchant, kind="in_store", name=f"{name} Utrecht", actor=BY)
    pin = ProviderAccount.objects.get(merchant=merchant, provider="external", default=True)
    terminal = Device(terminal_id=new_id("trm"), label="Till 1", series=1, channel=store, account=pin)
    return Shop(merchant=merchant, webshop=webshop, store=store, terminal=terminal)


def report_dispute(payment: Payment, stage: str, status: str, **more: Any) -> Chargeback:
    """Record one step of a payment's dispute, as its provider reports it."""
    values: dict[str, Any] = {
        "amount": payment.amount,
        "reason": "fraudulent",
        "respond_by": None,
        "at": timezone.now(),
    }
    report = DisputeReport(
        stage=Chargeback.Stage(stage),
        status=Chargeback.Status(status),
        **({"reference": "dispute_of_anna"} | values | more),
    )
    with transaction.atomic():
        uow = UnitOfWork(merchant=payment.merchant, actor="provider", now=timezone.now(), facts=True)
        uow.lock([payment.order_id])
        row = chargeback_reported(uow, uow.payments[payment.id], report)
        uow.flush()
    return row


def work() -> None:
    """Do what the workers would: ask the providers for everything that was requested and not sent."""
    waiting = Operation.objects.filter(executor="provider", submitted_at=None, due_at__isnull=False)
    for operation_id in waiting.order_by("id").values_list("id", flat=True):
        submit(operation_id, actor="system:worker")


def fresh(row: Any) -> Any:
    """The same row as the database has it now."""
    return type(row).objects.get(pk=row.pk)


def on(day: str, time: str = "12:00") -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


def only(mapping: Mapping[Any, int], *names: str) -> dict[Any, int]:
    """The balances of accounts whose name (before the colon) is one of `names`, added up by name."""
    sums: Counter[str] = Counter()
    for code, amount in mapping.items():
        sums[str(code).partition(":")[0]] += amount
    return {name: sums[name] for name in names}
