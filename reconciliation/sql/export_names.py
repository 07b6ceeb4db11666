"""By what people know what the books are about: one statement for the open items of many entries, one for operations.

As arrays, since a list of a thousand parameters takes the driver longer to write than the server to answer.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from django.db import connection

# What is rarer stands before what is common: of an entry's items the first that is found gives its name.
PAYOUT, CHARGEBACK, REFUND, PAYMENT, SETTLEMENT, NAMELESS = range(6)
_OF_ITEMS: Final = f"""
    SELECT y.item, {PAYOUT}, y.id, y.reference, '', ''
    FROM reconciliation_payout y WHERE y.item = ANY(%(items)s::bigint[])
    UNION ALL
    SELECT c.item, {CHARGEBACK}, c.id, COALESCE(o.reference, o.id), c.reason, COALESCE(o.invoice_reference, '')
    FROM payments_chargeback c JOIN payments_order o ON o.id = c.order_id WHERE c.item = ANY(%(items)s::bigint[])
    UNION ALL
    SELECT r.item, {REFUND}, f.id, COALESCE(o.reference, o.id), f.reason, COALESCE(o.invoice_reference, '')
    FROM payments_refundpart r JOIN payments_refund f ON f.id = r.refund_id JOIN payments_order o ON o.id = f.order_id
    WHERE r.item = ANY(%(items)s::bigint[])
    UNION ALL
    SELECT p.item, {PAYMENT}, p.id, COALESCE(o.reference, o.id), p.description, COALESCE(o.invoice_reference, '')
    FROM payments_payment p JOIN payments_order o ON o.id = p.order_id WHERE p.item = ANY(%(items)s::bigint[])
    UNION ALL
    SELECT s.item, {SETTLEMENT}, s.file_id, s.reference, '', '' FROM reconciliation_settlement s
    WHERE s.item = ANY(%(items)s::bigint[])
    UNION ALL
    SELECT v.item, {NAMELESS}, v.id, '', '', '' FROM payments_voucher v WHERE v.item = ANY(%(items)s::bigint[])
    UNION ALL
    SELECT l.item, {NAMELESS}, s.file_id, '', '', ''
    FROM reconciliation_settlementline l JOIN reconciliation_settlement s ON s.id = l.settlement_id
    WHERE l.item = ANY(%(items)s::bigint[]) AND l.payment_id IS NULL
    UNION ALL
    SELECT l.item, {NAMELESS}, s.file_id, '', '', ''
    FROM reconciliation_bankstatementline l JOIN reconciliation_bankstatement s ON s.id = l.statement_id
    WHERE l.item = ANY(%(items)s::bigint[])
"""
_OF_OPERATIONS: Final = """
    SELECT n.id, COALESCE(o.reference, o.id, n.id), COALESCE(f.reason, p.description, ''),
        COALESCE(o.invoice_reference, '')
    FROM payments_operation n
    LEFT JOIN payments_refundpart r ON r.id = n.refund_part_id
    LEFT JOIN payments_refund f ON f.id = r.refund_id
    LEFT JOIN payments_payment p ON p.id = n.payment_id
    LEFT JOIN payments_order o ON o.id = COALESCE(f.order_id, p.order_id)
    WHERE n.id = ANY(%s::text[])
"""


class NamedItem(NamedTuple):
    """An open item: what it is about, and by what people know that; `invoice` is the one that its order pays."""

    item: int
    rank: int
    object_id: str
    reference: str
    note: str
    invoice: str


def of_items(items: Collection[int]) -> list[NamedItem]:
    """What is known of these items."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_ITEMS, {"items": list(items)})
        return [NamedItem._make(row) for row in cursor.fetchall()]


def of_operations(ids: Collection[str]) -> dict[str, tuple[str, str, str]]:
    """Reference, note and invoice of what each of these operations was for: its refund, else its payment."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_OPERATIONS, [list(ids)])
        return {operation: (reference, note, invoice) for operation, reference, note, invoice in cursor.fetchall()}
