"""Find what a device's transactions are about: a constant number of queries, however many transactions there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from payments import bulk
from payments.ids import is_id
from payments.models import CardEvidence, Merchant, Operation, Order, Payment
from payments.providers.base import Outcome, Verb
from payments.services.batch import Batch
from payments.services.device import Device, DeviceTransaction, Ending, Kind


@dataclass(slots=True, kw_only=True)
class Place:
    """A transaction of this series that is known: what it was, and what it made."""

    kind: str
    ending: str
    payment: Payment | None = None
    operation: Operation | None = None
    refund_id: str | None = None


class Originals:
    """What transactions name, found before the orders are locked and read again under the lock."""

    def __init__(self, merchant: Merchant, device: Device, transactions: Sequence[DeviceTransaction]) -> None:
        self.merchant = merchant
        self.device = device
        self.places: dict[int, Place] = {}
        self._only_sales = all(row.kind == Kind.SALE and row.resolves is None for row in transactions)
        self.evidence = self._find_evidence(transactions)
        self._orders_of_payments = self._find_payments(transactions)
        self._make_orders(transactions)
        self._orders, self._by_reference = self._find_orders(transactions)
        self._operations: list[Operation] = []

    def order_ids(self) -> set[str]:
        """Every order that is touched, to be locked at once in the order of their ids."""
        found = {*self._orders, *self._by_reference.values(), *self._orders_of_payments.values()}
        for row in self.evidence:
            if row.payment is not None:
                found.add(row.payment.order_id)
            if row.operation is not None and row.operation.refund_part is not None:
                found.add(row.operation.refund_part.refund.order_id)
        return found

    def read(self, batch: Batch) -> None:
        """Once the orders are locked: the operations of their payments, and what earlier transactions made."""
        operation_ids = {row.operation_id for row in self.evidence if row.operation_id}
        if self._only_sales or not (batch.payments or operation_ids):
            return
        self._operations = list(
            Operation.objects.filter(Q(payment_id__in=batch.payments) | Q(id__in=operation_ids))
            .select_related("refund_part", "provider_account")
            .order_by("id")
        )
        by_id = {row.id: row for row in self._operations}
        later = self._later_words()
        for row in self.evidence:
            operation = by_id.get(row.operation_id or "")
            part = operation.refund_part if operation is not None else None
            self.places[row.sequence] = Place(
                kind=row.type,
                ending=row.settled or later.get(row.sequence, row.posted["outcome"]),
                payment=batch.payments.get(row.payment_id or ""),
                operation=operation,
                refund_id=part.refund_id if part is not None else None,
            )

    def order_id(self, order_id: str | None, reference: str | None) -> str | None:
        """The order of this id or reference, if there is one."""
        if order_id is not None:
            return order_id if self.has_order(order_id) else None
        return self._by_reference.get(reference) if reference is not None else None

    def has_order(self, order_id: str) -> bool:
        return order_id in self._orders

    def has_payment(self, payment_id: str) -> bool:
        return payment_id in self._orders_of_payments

    def charge_of(self, payment: Payment) -> Operation | None:
        """The operation that charged a payment, or may have, and was not taken back."""
        live = [
            row
            for row in self._operations
            if row.payment_id == payment.id
            and row.verb in (Verb.SALE, Verb.CAPTURE)
            and row.outcome in (Outcome.SUCCEEDED, Outcome.UNKNOWN)
            and row.reversed_at is None
        ]
        return live[-1] if live else None

    def add_operation(self, operation: Operation) -> None:
        """Make a charge of this very batch known, for what takes it back."""
        self._operations.append(operation)

    def _find_evidence(self, transactions: Sequence[DeviceTransaction]) -> list[CardEvidence]:
        numbers = {number for row in transactions for number in (row.resolves, row.about.sequence) if number}
        if not numbers:
            return []
        arrived = {row.sequence for row in transactions}
        return list(
            CardEvidence.objects.filter(
                terminal_id=self.device.terminal_id, series=self.device.series, sequence__in=numbers - arrived
            ).select_related("payment", "operation__refund_part__refund")
        )

    def _later_words(self) -> dict[int, str]:
        """What later transactions said of refunds and reversals in doubt: those left no operation to tell it."""
        unbooked = [row for row in self.evidence if row.operation_id is None]
        doubtful = [row.sequence for row in unbooked if row.posted["outcome"] == Ending.UNKNOWN]
        if not doubtful:
            return {}
        words = CardEvidence.objects.filter(
            terminal_id=self.device.terminal_id, series=self.device.series, posted__resolves__in=doubtful
        )
        known = [posted for posted in words.values_list("posted", flat=True) if posted["outcome"] != Ending.UNKNOWN]
        return {posted["resolves"]: posted["outcome"] for posted in known}

    def _find_payments(self, transactions: Sequence[DeviceTransaction]) -> dict[str, str]:
        ids = _ids((row.about.payment_id for row in transactions), "pay")
        if not ids:
            return {}
        return dict(Payment.objects.filter(merchant=self.merchant, id__in=ids).values_list("id", "order_id"))

    def _make_orders(self, transactions: Sequence[DeviceTransaction]) -> None:
        """Make the orders that sales name for the first time; whoever else does so at this moment makes the same."""
        named = {row.order_reference: row for row in transactions if row.kind == Kind.SALE and row.order_reference}
        if not named:
            return
        known = set(self._named(named).values_list("reference", flat=True))
        rows = [
            Order(
                merchant=self.merchant,
                channel=self.device.channel,
                namespace=self.device.channel.namespace,
                reference=reference,
                currency=named[reference].currency,
            )
            for reference in sorted(named.keys() - known)
        ]
        bulk.insert(rows, ignore_conflicts=True)

    def _find_orders(self, transactions: Sequence[DeviceTransaction]) -> tuple[set[str], dict[str, str]]:
        ids = _ids((name for row in transactions for name in (row.order_id, row.about.order_id)), "ord")
        found = Order.objects.filter(merchant=self.merchant, id__in=ids).values_list("id", flat=True) if ids else []
        names = {name for row in transactions for name in (row.order_reference, row.about.order_reference) if name}
        pairs = self._named(names).values_list("reference", "id") if names else []
        return set(found), {reference: order_id for reference, order_id in pairs if reference is not None}

    def _named(self, references: Iterable[str]) -> QuerySet[Order]:
        return Order.objects.filter(
            merchant=self.merchant, namespace=self.device.channel.namespace, reference__in=list(references)
        )


def _ids(texts: Iterable[str | None], prefix: str) -> set[str]:
    """The well-formed ids among texts."""
    return {text for text in texts if text is not None and is_id(text, prefix)}
