"""Where settlements and books differ: in a settlement's lines, and in operations that no settlement shows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection

# Of a release: by how much its reference has released more than was held, its earlier releases counted first.
# Nothing is added up for lines of other types, of which a settlement may have a million.
RELEASED_TOO_MUCH: Final = """
    SELECT CASE WHEN line.type = 'reserve_release' THEN (
        SELECT sum(other.gross)::bigint
        FROM reconciliation_settlementline other
        JOIN reconciliation_settlement holder ON holder.id = other.settlement_id
        WHERE holder.provider_account_id = settlement.provider_account_id
          AND other.type IN ('reserve_hold', 'reserve_release') AND other.reference = line.reference
          AND other.currency = line.currency AND (other.type = 'reserve_hold' OR other.id <= line.id)
    ) END AS over
"""
# `rates` is a list of {"method", "brand", "type", "fixed", "basis_points", "vat_basis_points"}: the first that fits is
# a line's fee. A fee or its VAT may be a unit off without being worth anybody's time: providers round as they like.
_ISSUES: Final = f"""
SELECT line.number, line.state, line.type, line.reference, line.currency, line.gross, line.fee, line.item,
       line.payment_id, line.booked_currency,
       COALESCE(line.booked_amount, line.expected, operation.amount * sign(line.gross)::int), rate.fee,
       line.rule, line.vat, rate.vat, CASE WHEN reserve.over > 0 THEN LEAST(reserve.over, line.gross) END
FROM reconciliation_settlementline line
JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
LEFT JOIN payments_operation operation ON operation.id = line.operation_id
LEFT JOIN payments_payment payment ON payment.id = line.payment_id
LEFT JOIN LATERAL (
    SELECT COALESCE((rate.value->>'fixed')::bigint, 0)
           + round(abs(line.gross) * COALESCE((rate.value->>'basis_points')::numeric, 0) / 10000)::bigint AS fee,
           round(line.fee * (rate.value->>'vat_basis_points')::numeric / 10000)::bigint AS vat
    FROM jsonb_array_elements(%(rates)s::jsonb) WITH ORDINALITY rate(value, place)
    WHERE COALESCE(rate.value->>'type', 'sale') = line.type
      AND COALESCE(rate.value->>'method', payment.method) IS NOT DISTINCT FROM payment.method
      AND COALESCE(rate.value->>'brand', payment.card_brand) IS NOT DISTINCT FROM payment.card_brand
    ORDER BY rate.place LIMIT 1
) rate ON line.state = 'matched'
LEFT JOIN LATERAL ({RELEASED_TOO_MUCH}) reserve ON true
WHERE line.settlement_id = %(settlement)s AND (%(number)s::int IS NULL OR line.number = %(number)s::int)
  AND (line.state IN ('early', 'unknown', 'repeated') OR line.booked_currency IS NOT NULL
       OR line.expected IS NOT NULL OR operation.amount <> abs(line.gross) OR abs(rate.fee - line.fee) > 1
       OR abs(rate.vat - line.vat) > 1 OR reserve.over > 0)
ORDER BY line.id
"""


class Issue(NamedTuple):
    """A settlement line that differs from the books, and what the books have."""

    number: int
    state: str
    type: str
    reference: str
    currency: str
    gross: int
    fee: int
    item: int | None
    payment_id: str | None
    booked_currency: str | None
    expected: int | None
    expected_fee: int | None
    rule: str
    vat: int
    expected_vat: int | None
    released_too_much: int | None


def issues(*, settlement_id: int, rates: str, number: int | None = None) -> Iterator[Issue]:
    """Return the lines of a settlement (or one of them) that differ from the books."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ISSUES, {"settlement": settlement_id, "rates": rates, "number": number})
        while rows := cursor.fetchmany(1000):
            yield from (Issue(*row) for row in rows)


class OpenAmount(NamedTuple):
    """A line's difference in amount that is open: by which rule it was matched, and what the books expected."""

    rule: str
    amount: int
    expected: int


def open_amounts(*, merchant_id: str, account_id: str, most: int) -> list[OpenAmount]:
    """Return the newest open differences in amount of an account's settlement lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT line.rule, discrepancy.amount, discrepancy.amount + line.gross
            FROM payments_discrepancy discrepancy
            JOIN reconciliation_settlementline line
              -- Another key is about no line, and its second word may be no number.
              ON line.settlement_id = CASE WHEN discrepancy.key ~ '^amount_differs:[0-9]+:[0-9]+$'
                                           THEN split_part(discrepancy.key, ':', 2)::bigint END
             AND line.number = split_part(discrepancy.key, ':', 3)::int
            JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
            WHERE discrepancy.merchant_id = %(merchant)s AND discrepancy.kind = 'amount_differs'
              AND discrepancy.status = 'open' AND discrepancy.amount IS NOT NULL
              AND settlement.provider_account_id = %(account)s
            ORDER BY discrepancy.id DESC LIMIT %(most)s
            """,
            {"merchant": merchant_id, "account": account_id, "most": most},
        )
        return [OpenAmount(*row) for row in cursor.fetchall()]


class Missing(NamedTuple):
    """An operation that no settlement shows."""

    operation_id: str
    merchant_id: str
    payment_id: str
    verb: str
    amount: int
    currency: str
    item: int
    channel_id: str


_MISSING: Final = """
WITH doubtful AS MATERIALIZED (
    SELECT settlement.provider_account_id AS account, line.reported_operation AS operation,
           NULLIF(line.reference, '') AS reference, NULLIF(line.payment_reference, '') AS payment_reference
    FROM reconciliation_settlementline line
    JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
    WHERE line.state = 'unknown' AND line.rule = 'contradicts'
)
SELECT operation.id, operation.merchant_id, operation.payment_id, operation.verb, operation.amount,
       operation.currency, payment.item, payment.channel_id
FROM payments_operation operation
JOIN payments_payment payment ON payment.id = operation.payment_id
WHERE operation.outcome = 'succeeded' AND operation.verb IN ('sale', 'capture', 'refund')
  AND operation.reversed_at IS NULL
  AND operation.executor NOT IN ('recorded', 'bank') AND operation.occurred_at < %(before)s
  AND operation.id <> ALL(%(leave)s)
  AND EXISTS (
      SELECT FROM reconciliation_settlement settlement
      WHERE settlement.provider_account_id = operation.provider_account_id
        AND settlement.currency = operation.currency AND settlement.closed_at > operation.occurred_at
  )
  AND NOT EXISTS (
      SELECT FROM reconciliation_settlementline line
      WHERE line.operation_id = operation.id AND (line.state = 'matched' OR line.rule = 'sign')
  )
  AND NOT EXISTS (
      SELECT FROM reconciliation_bankstatementline credited
      WHERE credited.operation_id = operation.id AND credited.state = 'payment'
  )
  -- A line that names this and another payment is told with both of them; once a person has said whose it is, the
  -- other one is missing.
  AND NOT EXISTS (
      SELECT FROM doubtful WHERE doubtful.account = operation.provider_account_id AND doubtful.operation = operation.id
  )
  AND NOT EXISTS (
      SELECT FROM doubtful
      WHERE doubtful.account = operation.provider_account_id AND doubtful.reference = operation.provider_reference
  )
  AND NOT EXISTS (
      SELECT FROM doubtful
      WHERE doubtful.account = operation.provider_account_id
        AND doubtful.payment_reference = payment.provider_reference
  )
  -- A refund of another amount under the payment's reference alone is reported already, with this as candidate.
  AND NOT EXISTS (
      SELECT FROM reconciliation_settlementline line
      WHERE line.payment_id = operation.payment_id AND line.state = 'early'
        AND line.operation_id IS NULL AND line.type = 'refund' AND operation.verb = 'refund'
  )
  -- A person has matched a line with the payment, alone or with others: nothing of it is owed any more.
  AND NOT (
      (EXISTS (
          SELECT FROM reconciliation_settlementline line
          WHERE line.payment_id = operation.payment_id AND line.rule = 'by_hand'
      ) OR EXISTS (
          SELECT FROM reconciliation_resolutionstep step
          WHERE step.matched @> ARRAY[operation.payment_id] AND step.undone_at IS NULL
      ))
      AND 0 = (
          SELECT COALESCE(sum(posting.amount), 0) FROM ledger_posting posting
          JOIN ledger_account account ON account.number = posting.account_id
          WHERE posting.item = payment.item
            AND account.code = 'receivable:' || operation.provider_account_id
      )
  )
  AND NOT EXISTS (
      SELECT FROM payments_discrepancy discrepancy
      WHERE discrepancy.merchant_id = operation.merchant_id
        AND discrepancy.key = 'missing_in_settlement:' || operation.id
  )
ORDER BY operation.id LIMIT %(limit)s
"""


def missing(*, before: datetime, limit: int, leave: Sequence[str] = ()) -> list[Missing]:
    """Operations that succeeded before a moment and that no settlement of their provider account has shown.

    Those of `leave` are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _MISSING,
            {"before": before, "limit": limit, "leave": list(leave)},
        )
        return [Missing(*row) for row in cursor.fetchall()]
