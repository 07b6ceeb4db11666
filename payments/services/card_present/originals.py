"""Find what a device's transactions are about: a constant number of queries, however many transactions there are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from payments.core.ids import is_id
from payments.db import bulk
from payments.models import CardEvidence, Channel, Merchant, Operation, Order, Payment
from payments.providers.base import Outcome, Verb
from payments.queries.orders import refunded_by_numbers
from payments.services.card_present.types import Device, DeviceOutcome, DeviceTransaction, Kind, Original
from payments.services.find_order import meant
from payments.services.refunds import transitions
from payments.services.unit_of_work import UnitOfWork


@dataclass(slots=True, kw_only=True)
class KnownTransaction:
    """A transaction of this series that is known: what it was, and what it made."""

    kind: str
    outcome: str
    payment: Payment | None = None
    operation: Operation | None = None
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Receipt:
    """What the number on a receipt stands for; one of a refund leads to its order only."""

    order_id: str
    payment_id: str | None


class Originals:
    """What transactions name, found before the orders are locked and read again under the lock."""

    def __init__(self, merchant: Merchant, device: Device, transactions: Sequence[DeviceTransaction]) -> None:
        self.merchant = merchant
        self.device = device
        self.places: dict[int, KnownTransaction] = {}
        self._only_sales = all(
            row.kind == Kind.SALE and row.resolves is None and row.operation_id is None for row in transactions
        )
        self.evidence = self._find_evidence(transactions)
        self._orders_of_payments = self._find_payments(transactions)
        self._receipts = self._find_receipts(transactions)
        self._namespaces = self._find_namespaces(transactions)
        self._make_orders(transactions)
        self._orders = self._find_orders(transactions)
        self._named = self._find_named(transactions)
        self._requested = self._find_requested(transactions)
        self._operations: list[Operation] = []

    def order_ids(self) -> set[str]:
        """Every order that is touched, to be locked at once in the order of their ids."""
        found = {*self._orders, *self._orders_of_payments.values()}
        found |= {receipt.order_id for receipt in self._receipts.values()}
        found |= {order_id for named in self._named.values() for order_id in named.values()}
        found |= set(self._requested.values())
        for row in self.evidence:
            if row.payment is not None:
                found.add(row.payment.order_id)
            if row.operation is not None and row.operation.refund_part is not None:
                found.add(row.operation.refund_part.refund.order_id)
        return found

    def read(self, uow: UnitOfWork) -> None:
        """Once the orders are locked: the operations of their payments, and what earlier transactions made."""
        operation_ids = {row.operation_id for row in self.evidence if row.operation_id} | self._requested.keys()
        if self._only_sales or not (uow.payments or operation_ids):
            return
        self._operations = list(
            Operation.objects.filter(Q(payment_id__in=uow.payments) | Q(id__in=operation_ids))
            .select_related("refund_part", "provider_account")
            .order_by("id")
        )
        by_id = {row.id: row for row in self._operations}
        later = self._later_words()
        for row in self.evidence:
            operation = by_id.get(row.operation_id or "")
            part = operation.refund_part if operation is not None else None
            self.places[row.sequence] = KnownTransaction(
                kind=row.type,
                outcome=row.settled or later.get(row.sequence, row.posted["outcome"]),
                payment=uow.payments.get(row.payment_id or ""),
                operation=operation,
                refund_id=part.refund_id if part is not None else None,
            )

    def requested(self, row: DeviceTransaction) -> Operation | None:
        """The operation of ours that the terminal was asked to carry out by this, as it stands under the lock."""
        return next((each for each in self._operations if each.id == row.operation_id), None)

    def order_of_sale(self, row: DeviceTransaction) -> str | None:
        """The order of a sale: of what was asked for; else by its id or its reference in the own (or named) namespace.

        What was asked for has been answered where this is looked for: a further charge is one on the same order.
        """
        if row.operation_id in self._requested:
            return self._requested[row.operation_id]
        if row.order_id is not None:
            return row.order_id if self.has_order(row.order_id) else None
        return self._named.get(row.order_reference or "", {}).get(row.namespace or self.device.channel.namespace)

    def orders_of_return(self, row: DeviceTransaction, uow: UnitOfWork) -> list[Order]:
        """The orders that what is given back may be about, as they stand under the lock: one, or nobody knows."""
        about = row.about
        order_id = self._receipts[about.receipt].order_id if about.receipt in self._receipts else about.order_id
        if order_id is not None:
            return [uow.orders[order_id]] if order_id in uow.orders else []
        called = self.orders_called(row, uow)
        if row.namespace is not None and row.original is None:
            return [order for order in called if order.namespace == row.namespace]
        requested = self._requested_of_this_terminal(called, row.amount, uow)
        return requested or meant(
            called, namespace=self.device.channel.namespace, amount=row.amount, currency=row.currency
        )

    def _requested_of_this_terminal(self, called: Sequence[Order], amount: int, uow: UnitOfWork) -> list[Order]:
        """The order with a refund part of this amount that waits for this terminal; the part reserves the amount."""
        if not called:
            return []
        parts = transitions.waiting_at_terminal(uow, terminal_id=self.device.terminal_id, amount=amount)
        waiting = {part.refund.order_id for part in parts}
        found = [order for order in called if order.id in waiting]
        return found if len(found) == 1 else []

    def orders_called(self, row: DeviceTransaction, uow: UnitOfWork) -> list[Order]:
        """Every order of the merchant that has the reference which a refund or reversal names."""
        return [uow.orders[order_id] for order_id in self._named.get(row.about.order_reference or "", {}).values()]

    def payment_id(self, about: Original) -> str | None:
        """The payment that is named by its id or by the number on its receipt."""
        receipt = self._receipts.get(about.receipt or "")
        return receipt.payment_id if receipt is not None else about.payment_id

    def has_order(self, order_id: str) -> bool:
        return order_id in self._orders

    def has_namespace(self, namespace: str) -> bool:
        return namespace in self._namespaces

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
        """Make a charge of this registration known, for what takes it back."""
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
        """How later transactions resolved refunds and reversals in doubt, which left no operation with the outcome."""
        unbooked = [row for row in self.evidence if row.operation_id is None]
        doubtful = [row.sequence for row in unbooked if row.posted["outcome"] == DeviceOutcome.UNKNOWN]
        if not doubtful:
            return {}
        words = CardEvidence.objects.filter(
            terminal_id=self.device.terminal_id, series=self.device.series, posted__resolves__in=doubtful
        )
        known = [
            posted for posted in words.values_list("posted", flat=True) if posted["outcome"] != DeviceOutcome.UNKNOWN
        ]
        return {posted["resolves"]: posted["outcome"] for posted in known}

    def _find_payments(self, transactions: Sequence[DeviceTransaction]) -> dict[str, str]:
        ids = _ids((row.about.payment_id for row in transactions), "pay")
        if not ids:
            return {}
        return dict(Payment.objects.filter(merchant=self.merchant, id__in=ids).values_list("id", "order_id"))

    def _find_receipts(self, transactions: Sequence[DeviceTransaction]) -> dict[str, _Receipt]:
        """What the numbers on receipts stand for: payments, or orders of which something was refunded before."""
        numbers = {row.about.receipt for row in transactions if row.about.receipt is not None}
        if not numbers:
            return {}
        payments = Payment.objects.filter(merchant=self.merchant, receipt_number__in=numbers)
        found = {
            number: _Receipt(order_id, None)
            for number, order_id in refunded_by_numbers(numbers, merchants=[self.merchant.id]).items()
        }
        for number, order_id, payment_id in payments.values_list("receipt_number", "order_id", "id"):
            found[str(number)] = _Receipt(order_id, payment_id)
        return found

    def _find_namespaces(self, transactions: Sequence[DeviceTransaction]) -> set[str]:
        """Of the namespaces that are named those that a channel of the merchant uses."""
        named = {row.namespace for row in transactions if row.namespace is not None}
        if not named:
            return set()
        used = Channel.objects.filter(merchant=self.merchant, namespace__in=named)
        return set(used.values_list("namespace", flat=True))

    def _make_orders(self, transactions: Sequence[DeviceTransaction]) -> None:
        """Make the orders that sales name for the first time; a concurrent request creates the same ones."""
        currencies = {name: row.currency for row in transactions for name in self._sold_under(row)}
        if not currencies:
            return
        known = set(self._under(currencies).values_list("namespace", "reference"))
        rows = [
            Order(
                merchant=self.merchant,
                channel=self.device.channel,
                namespace=namespace,
                reference=reference,
                currency=currencies[namespace, reference],
            )
            for namespace, reference in sorted(currencies.keys() - known)
        ]
        bulk.insert(rows, ignore_conflicts=True)

    def _find_orders(self, transactions: Sequence[DeviceTransaction]) -> set[str]:
        ids = _ids((name for row in transactions for name in (row.order_id, row.about.order_id)), "ord")
        rows = Order.objects.filter(merchant=self.merchant, id__in=ids)
        return set(rows.values_list("id", flat=True)) if ids else set()

    def _find_requested(self, transactions: Sequence[DeviceTransaction]) -> dict[str | None, str]:
        """The orders behind the operations of ours that transactions carry out, by operation."""
        ids = [row.operation_id for row in transactions if row.operation_id is not None]
        if not ids:
            return {}
        rows = Operation.objects.filter(merchant=self.merchant, id__in=ids)
        named = rows.values_list("id", "payment__order_id", "refund_part__refund__order_id")
        return {operation_id: refunded or paid for operation_id, paid, refunded in named}

    def _find_named(self, transactions: Sequence[DeviceTransaction]) -> dict[str, dict[str, str]]:
        """The orders of each reference, by their namespace: of a sale the one it names, of a return all there are."""
        sold = {name for row in transactions for name in self._sold_under(row)}
        returned = {row.about.order_reference for row in transactions if row.kind != Kind.SALE}
        returned.discard(None)
        if not sold and not returned:
            return {}
        rows = (
            Order.objects.filter(merchant=self.merchant, reference__in=returned) if returned else Order.objects.none()
        )
        rows = rows | self._under(sold) if sold else rows
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for reference, namespace, order_id in rows.order_by("id").values_list("reference", "namespace", "id"):
            found[reference or ""][namespace] = order_id
        return found

    def _sold_under(self, row: DeviceTransaction) -> list[tuple[str, str]]:
        """The namespace and reference that a sale names, if it does and they can be."""
        if row.kind != Kind.SALE or row.order_reference is None:
            return []
        if row.namespace is not None and not self.has_namespace(row.namespace):
            return []
        return [(row.namespace or self.device.channel.namespace, row.order_reference)]

    def _under(self, names: Collection[tuple[str, str]]) -> QuerySet[Order]:
        """The merchant's orders of these references, each in its namespace."""
        by_namespace: dict[str, list[str]] = defaultdict(list)
        for namespace, reference in names:
            by_namespace[namespace].append(reference)
        each = [Q(namespace=namespace, reference__in=names) for namespace, names in by_namespace.items()]
        return Order.objects.filter(reduce(or_, each), merchant=self.merchant)


def _ids(texts: Iterable[str | None], prefix: str) -> set[str]:
    """The well-formed ids among texts."""
    return {text for text in texts if text is not None and is_id(text, prefix)}
