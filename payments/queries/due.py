"""What an order still has to pay, and what was paid beyond what it costs: pure sums over its row and its payments."""

from collections import defaultdict
from collections.abc import Iterable

from payments.models import Order, Payment
from payments.models.payment import PaymentStatus


def being_charged(payments: Iterable[Payment]) -> list[Payment]:
    """The payments that a customer is completing right now, the oldest first.

    One that waits for its customer (`requires_action`) is not among them: it may never be paid, and holds nothing.
    """
    return sorted((row for row in payments if row.status == PaymentStatus.PROCESSING), key=lambda row: row.id)


def due(order: Order, payments: Iterable[Payment]) -> int | None:
    """What may still be charged on an order, in minor units: never below 0, None while no total is known."""
    if order.unpaid is None:
        return None
    return max(0, order.unpaid - sum(row.amount for row in being_charged(payments)))


def overpaid(order: Order, payments: Iterable[Payment]) -> int:
    """How much more an order's merchant keeps than the order costs, in minor units; 0 where it is not overpaid.

    What was given back does not count, nor do tips and cash that was handed out. Without a total nobody knows what it
    costs; then the same amount paid once more counts as paid twice.
    """
    rows = [row for row in payments if row.amount_captured]
    if order.total is not None:
        return max(0, order.kept - sum(min(row.refundable, row.tip + row.cashback) for row in rows) - order.total)
    alike: dict[int, int] = defaultdict(int)
    for row in rows:
        alike[row.amount_captured] += row.refundable
    beyond = sum(max(0, kept - amount) for amount, kept in alike.items())
    returned_unlinked = max(0, sum(row.refundable for row in rows) - max(0, order.kept))
    return max(0, beyond - returned_unlinked)
