"""What stands open of one difference on a payment's receivable, apart from what else is open there."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import connection

# The bank's lines by which providers credit sales one by one.
CREDITED: Final = """
SELECT FROM reconciliation_bankstatementline credited
WHERE credited.operation_id = {operation} AND credited.state = 'payment'
"""
# Of an operation: no settlement's line is about it yet, and the bank has not shown it by itself.
UNSETTLED: Final = f"""
NOT EXISTS (
    SELECT FROM reconciliation_settlementline settled
    WHERE settled.operation_id = operation.id AND settled.state = 'matched'
)
AND NOT EXISTS ({CREDITED.format(operation="operation.id")})
"""
# `facts` is what was sold, given back and disputed, `settled` what settlements say of it; `own_…` the part of both that
# this difference is about. Lines that a person matched with the payment explain it before anything else.
_OPEN: Final = """
WITH posting AS (
    SELECT posting.amount, entry.event
    FROM ledger_posting posting
    JOIN ledger_account account ON account.number = posting.account_id
    JOIN ledger_journalentry entry ON entry.id = posting.entry_id
    WHERE posting.item = %(item)s AND account.merchant_id = %(merchant)s AND account.code = %(code)s
      AND account.currency = %(currency)s
),
line AS (
    SELECT COALESCE(line.booked_amount, line.gross) AS gross, line.rule = 'by_hand' AS by_hand,
           COALESCE(line.id = %(line)s::bigint OR line.operation_id = %(operation)s, false) AS own
    FROM reconciliation_settlementline line
    WHERE line.payment_id = %(payment)s AND line.item = %(item)s AND line.state IN ('matched', 'early')
      AND COALESCE(line.booked_currency, line.currency) = %(currency)s
    UNION ALL
    SELECT credited.amount, false, COALESCE(operation.id = %(operation)s, false)
    FROM payments_operation operation
    JOIN reconciliation_bankstatementline credited
      ON credited.operation_id = operation.id AND credited.state = 'payment'
    WHERE operation.payment_id = %(payment)s AND credited.currency = %(currency)s
)
SELECT (SELECT COALESCE(sum(amount), 0) FROM posting)::bigint,
       (SELECT COALESCE(sum(amount), 0) FROM posting
        WHERE event NOT IN
              ('settled', 'late_match', 'discrepancy_resolved', 'resolution_undone', 'payment_credited'))::bigint,
       COALESCE(sum(gross) FILTER (WHERE NOT by_hand), 0)::bigint,
       COALESCE(sum(gross) FILTER (WHERE own AND NOT by_hand), 0)::bigint,
       COALESCE(sum(gross) FILTER (WHERE by_hand), 0)::bigint
FROM line
"""


class Parts(NamedTuple):
    """The parts of a payment's receivable, in minor units, debit positive."""

    balance: int
    facts: int
    settled: int
    own_settled: int
    by_hand: int

    def open_of(self, own_fact: int, booked: int) -> int:
        """Return what is open of a difference about this part of the facts, of which people have `booked` some.

        Where nothing else of the payment is unsettled that is the balance. Else it is what settlements have not shown
        of this part yet, less what people have matched with the payment or booked elsewhere.
        """
        others = self.facts - own_fact - (self.settled - self.own_settled)
        return self.balance if others == 0 else own_fact - self.own_settled - self.by_hand - booked


def parts(
    *,
    merchant_id: str,
    payment_id: str,
    code: str,
    currency: str,
    item: int,
    operation_id: str | None,
    line_id: int | None,
) -> Parts:
    """Read the parts of one payment's receivable; the operation or settlement line is the one that differs."""
    names: dict[str, str | int | None] = {
        "merchant": merchant_id,
        "payment": payment_id,
        "code": code,
        "currency": currency,
        "item": item,
        "operation": operation_id,
        "line": line_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, names)
        row = cursor.fetchone()
    assert row is not None  # an aggregate has one row
    return Parts(*row)


def balances(merchant_id: str, code: str, currency: str, items: Sequence[int]) -> dict[int, int]:
    """Return what stands on one account about each of these items, in minor units, debit positive."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT posting.item, sum(posting.amount)::bigint
            FROM ledger_posting posting
            JOIN ledger_account account ON account.number = posting.account_id
            WHERE posting.item = ANY(%s) AND account.merchant_id = %s AND account.code = %s AND account.currency = %s
            GROUP BY posting.item
            """,
            [list(items), merchant_id, code, currency],
        )
        return dict(cursor.fetchall())


def sole_unsettled(payment_id: str, *, line_type: str, amount: int) -> str | None:
    """Return the payment's one operation of this direction and amount that no line settled yet, None if several are."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT operation.id FROM payments_operation operation
            WHERE operation.payment_id = %(payment)s AND operation.outcome = 'succeeded'
              AND operation.reversed_at IS NULL AND operation.amount = %(amount)s
              AND (operation.verb = 'refund' AND %(type)s = 'refund'
                   OR operation.verb IN ('sale', 'capture') AND %(type)s = 'sale')
              AND {UNSETTLED}
            LIMIT 2
            """,
            {"payment": payment_id, "type": line_type, "amount": amount},
        )
        found = [row[0] for row in cursor.fetchall()]
    return found[0] if len(found) == 1 else None
