"""Settlements stored, booked and doubted as sets: their lines, what they book, and what is missing in them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from reconciliation.sql.differences import RELEASED_TOO_MUCH

# An unknown or repeated line is an open item of its own. What a provider keeps and gives back (a reserve, a balance) is
# one item per reference, whichever side of it comes first and whether one file brings both or two do.
_STORE: Final = """
WITH kept AS MATERIALIZED (
    SELECT line.carried, line.reference, COALESCE(
        (SELECT earlier.item FROM reconciliation_settlementline earlier
         JOIN reconciliation_settlement holder ON holder.id = earlier.settlement_id
         WHERE holder.provider_account_id = %(account)s AND earlier.reference = line.reference
           AND earlier.type IN ('reserve_hold', 'reserve_release', 'balance_carried')
           AND (earlier.type = 'balance_carried') = line.carried
         ORDER BY earlier.id DESC LIMIT 1),
        nextval('ledger_item')) AS item
    FROM (
        SELECT DISTINCT type = 'balance_carried' AS carried, reference FROM staged_settlement_line
        WHERE type IN ('reserve_hold', 'reserve_release', 'balance_carried') AND reference <> ''
    ) line
)
INSERT INTO reconciliation_settlementline (
    settlement_id, number, type, reference, payment_reference, reported_operation, rrn, tid, stan,
    authorization_code, occurred_at, currency, gross, fee, vat, state, operation_id, payment_id, item,
    booked_currency, booked_amount, expected, evidence_id, fee_parts, order_reference, rule,
    card_last4
)
SELECT settlement.id, line.number, line.type, line.reference, line.payment_reference, line.reported_operation,
       line.rrn, line.tid, line.stan, line.authorization_code, line.occurred_at, line.currency, line.gross, line.fee,
       line.vat, match.state, match.operation_id, match.payment_id,
       CASE
           WHEN match.state IN ('unknown', 'repeated') THEN nextval('ledger_item')
           WHEN line.type IN ('reserve_hold', 'reserve_release', 'balance_carried')
           THEN COALESCE(kept.item, nextval('ledger_item'))
           ELSE match.item
       END,
       CASE WHEN match.state IN ('matched', 'early') AND match.expected_currency <> line.currency
            THEN match.expected_currency END,
       CASE WHEN match.state IN ('matched', 'early') AND match.expected_currency <> line.currency
            THEN match.expected END,
       match.differs, match.evidence_id, line.fee_parts, line.order_reference, match.rule, line.card_last4
FROM staged_settlement_line line
JOIN staged_settlement_match match ON match.position = line.position
JOIN unnest(%(settlements)s::bigint[]) WITH ORDINALITY settlement(id, place) ON settlement.place = line.settlement + 1
LEFT JOIN kept
  ON line.type IN ('reserve_hold', 'reserve_release', 'balance_carried') AND kept.reference = line.reference
 AND kept.carried = (line.type = 'balance_carried')
ORDER BY line.position
"""


def store_settlement_lines(*, account_id: str, settlement_ids: Sequence[int]) -> None:
    """Keep the staged lines with what was found; `settlement_ids` are in the order of the staged settlements."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"account": account_id, "settlements": list(settlement_ids)})


# One posting per payment: the sum of a settlement's lines about each open item, by the account it is booked to.
_BOOKINGS: Final = """
SELECT 'receivable', currency, item, sum(gross)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND booked_currency IS NULL
  AND (state IN ('matched', 'early') OR state = 'plain' AND type = 'payout_returned')
GROUP BY currency, item
UNION ALL
SELECT 'receivable', booked_currency, item, sum(booked_amount)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND state IN ('matched', 'early') AND booked_currency IS NOT NULL
GROUP BY booked_currency, item
UNION ALL
SELECT 'exchange', currency, NULL, sum(gross)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND state IN ('matched', 'early') AND booked_currency IS NOT NULL
GROUP BY currency
UNION ALL
SELECT 'exchange', booked_currency, NULL, -sum(booked_amount)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND state IN ('matched', 'early') AND booked_currency IS NOT NULL
GROUP BY booked_currency
UNION ALL
SELECT 'suspense', currency, item, sum(gross)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND state IN ('unknown', 'repeated')
GROUP BY currency, item
UNION ALL
SELECT 'reserve', currency, item, sum(gross)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND type IN ('reserve_hold', 'reserve_release', 'balance_carried')
GROUP BY currency, item
UNION ALL
SELECT 'exchange', currency, NULL, sum(gross)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND type = 'conversion'
GROUP BY currency
UNION ALL
SELECT 'rounding', currency, NULL, sum(gross)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND type = 'rounding'
GROUP BY currency
UNION ALL
SELECT 'fees', currency, NULL, sum(gross)::bigint FROM reconciliation_settlementline
WHERE settlement_id = %(settlement)s AND type = 'fee'
GROUP BY currency
"""


def bookings(settlement_id: int) -> Iterator[tuple[str, str, int | None, int]]:
    """(account, currency, item, amount to credit) for everything but the net, fees and VAT columns."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_BOOKINGS, {"settlement": settlement_id})
        while rows := cursor.fetchmany(5000):
            yield from rows


def fee_parts(settlement_id: int) -> list[tuple[str, int]]:
    """(part, amount in minor units) of what a settlement's fees consist of, where its provider tells."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT part.key, sum(part.value::bigint)::bigint
            FROM reconciliation_settlementline line CROSS JOIN LATERAL jsonb_each_text(line.fee_parts) part
            WHERE line.settlement_id = %s AND line.fee_parts IS NOT NULL
            GROUP BY part.key ORDER BY part.key
            """,
            [settlement_id],
        )
        return [tuple(row) for row in cursor.fetchall()]


def provisional_payments(settlement_id: int) -> list[tuple[str, str]]:
    """(payment, order) of provisional sales that this settlement shows to be paid, by order."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT payment.id, payment.order_id FROM reconciliation_settlementline line
            JOIN payments_payment payment ON payment.id = line.payment_id
            WHERE line.settlement_id = %s
              AND (payment.provisional OR payment.offline_declined_at IS NOT NULL AND payment.confirmed_at IS NULL)
              AND (line.state = 'matched' AND line.type = 'sale' OR line.type = 'confirmed')
            ORDER BY payment.order_id, payment.id
            """,
            [settlement_id],
        )
        return [tuple(row) for row in cursor.fetchall()]


def declined_operations(settlement_id: int) -> list[tuple[str, str, bool]]:
    """(operation, order, still provisional) of sales that succeeded in the books and that the acquirer never pays."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT operation.id, payment.order_id, payment.provisional
            FROM reconciliation_settlementline line
            JOIN payments_operation operation ON operation.id = line.operation_id
            JOIN payments_payment payment ON payment.id = operation.payment_id
            WHERE line.settlement_id = %s AND line.type = 'declined' AND operation.verb = 'sale'
              AND operation.outcome = 'succeeded' AND operation.reversed_at IS NULL
              AND payment.offline_declined_at IS NULL
            ORDER BY payment.order_id, operation.id
            """,
            [settlement_id],
        )
        return [tuple(row) for row in cursor.fetchall()]


def explained_keys(settlement_id: int) -> list[str]:
    """Discrepancies that a settlement explains.

    They are open because an operation was missing in it, or because two amounts of a dispute were reported: the line's
    own difference shows now which one counts.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT discrepancy.key FROM reconciliation_settlementline line
            JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
            JOIN payments_discrepancy discrepancy
              ON discrepancy.merchant_id = settlement.merchant_id AND discrepancy.status <> 'resolved'
             AND discrepancy.key = 'missing_in_settlement:' || line.operation_id
            WHERE line.settlement_id = %(settlement)s AND line.state = 'matched'
            UNION ALL
            SELECT discrepancy.key FROM reconciliation_settlementline line
            JOIN payments_chargeback chargeback
              ON chargeback.payment_id = line.payment_id AND chargeback.provider_reference = line.reference
            JOIN payments_discrepancy discrepancy
              ON discrepancy.merchant_id = chargeback.merchant_id AND discrepancy.status <> 'resolved'
             AND discrepancy.key = 'amount_differs:' || chargeback.id
            WHERE line.settlement_id = %(settlement)s AND line.expected IS NOT NULL
              AND line.type IN ('chargeback', 'chargeback_reversal')
            UNION ALL
            -- A reserve whose release came before it.
            SELECT discrepancy.key FROM reconciliation_settlementline hold
            JOIN reconciliation_settlement holding ON holding.id = hold.settlement_id
            JOIN reconciliation_settlement settlement ON settlement.provider_account_id = holding.provider_account_id
            JOIN reconciliation_settlementline line
              ON line.settlement_id = settlement.id AND line.type = 'reserve_release'
             AND line.reference = hold.reference
            JOIN payments_discrepancy discrepancy
              ON discrepancy.merchant_id = settlement.merchant_id AND discrepancy.status <> 'resolved'
             AND discrepancy.key = 'missing_in_books:' || line.settlement_id || ':' || line.number
            WHERE hold.settlement_id = %(settlement)s AND hold.type = 'reserve_hold'
              AND COALESCE(({RELEASED_TOO_MUCH}), 0) <= 0
            """,
            {"settlement": settlement_id},
        )
        return [row[0] for row in cursor.fetchall()]


def complete_parts(settlement_id: int) -> list[str]:
    """Know a line that was paid in part as a part, now that this settlement pays the rest.

    Return the keys of the differences that this explains.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE reconciliation_settlementline earlier SET rule = 'parts', expected = earlier.gross
            FROM reconciliation_settlementline line, payments_operation operation
            WHERE line.settlement_id = %s AND line.rule = 'parts' AND line.operation_id IS NULL
              AND earlier.payment_id = line.payment_id AND earlier.type = line.type AND earlier.state = 'matched'
              AND earlier.rule <> 'parts' AND operation.id = earlier.operation_id
              AND operation.amount = abs(earlier.gross + line.gross)
            RETURNING 'amount_differs:' || earlier.settlement_id || ':' || earlier.number
            """,
            [settlement_id],
        )
        return [row[0] for row in cursor.fetchall()]


def known_line(account_id: str) -> tuple[int, str, str] | None:
    """(source line, reference, file) of the first staged line whose movement this account was settled before."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT staged.number, staged.reference, settlement.file_id
            FROM staged_settlement_line staged
            JOIN reconciliation_settlementline line
              ON line.reference = staged.reference AND line.type = staged.type AND line.currency = staged.currency
            JOIN reconciliation_settlement settlement
              ON settlement.id = line.settlement_id AND settlement.provider_account_id = %s
            WHERE staged.reference <> '' AND staged.type NOT IN ('reserve_hold', 'reserve_release', 'balance_carried')
            ORDER BY staged.position LIMIT 1
            """,
            [account_id],
        )
        row = cursor.fetchone()
    return None if row is None else (row[0], row[1], row[2])


def figures(numbers: Sequence[int]) -> list[tuple[int, int, datetime | None, datetime | None, str | None, int]]:
    """(settlement, its lines, the first and last movement, its first payout, what is still to come of it)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT settlement.id, lines.number, lines.first, lines.last, paid.id,
                   (SELECT COALESCE(sum(posting.amount), 0) FROM ledger_posting posting
                    JOIN ledger_account account ON account.number = posting.account_id
                    WHERE posting.item = settlement.item AND account.currency = settlement.currency
                      AND account.code = 'receivable:' || settlement.provider_account_id)::bigint
                   + (SELECT COALESCE(sum(posting.amount), 0) FROM reconciliation_payout payout
                      JOIN ledger_posting posting ON posting.item = payout.item
                      JOIN ledger_account account ON account.number = posting.account_id
                      WHERE payout.settlement_id = settlement.id
                        AND account.code = 'in_transit:' || settlement.provider_account_id)::bigint
            FROM reconciliation_settlement settlement
            CROSS JOIN LATERAL (
                SELECT count(*) AS number, min(line.occurred_at) AS first, max(line.occurred_at) AS last
                FROM reconciliation_settlementline line WHERE line.settlement_id = settlement.id
            ) lines
            LEFT JOIN LATERAL (
                SELECT payout.id FROM reconciliation_payout payout
                WHERE payout.settlement_id = settlement.id ORDER BY payout.id LIMIT 1
            ) paid ON true
            WHERE settlement.id = ANY(%s)
            """,
            [list(numbers)],
        )
        return [tuple(row) for row in cursor.fetchall()]
