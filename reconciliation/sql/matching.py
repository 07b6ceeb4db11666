"""Staged settlement lines matched as a set, never looked up one by one.

A line is ours by the first rank of `_CANDIDATES` that finds something: our own operation id, the provider's
reference, what a PIN acquirer prints, the payment's reference, the order's with the amount.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import connection

from reconciliation.card_present.sql import LIKELIEST

# Nothing of a payment to find, so that they are booked by their type alone.
_ABOUT_NO_PAYMENT: Final = "('fee', 'rounding', 'conversion', 'reserve_hold', 'reserve_release', 'balance_carried')"
# What an operation must have been for a line to be about it.
_FITS: Final = """
(line.type = 'sale' AND operation.verb IN ('sale', 'capture')
 OR line.type = 'refund' AND operation.verb = 'refund'
 OR line.type NOT IN ('sale', 'refund'))
"""
# Lines that name a payment by the provider's reference for it, and the payment's operations that no line settled yet.
_NAMING: Final = """
naming AS (
    SELECT line.position, line.type, line.gross, payment.id AS payment_id,
           row_number() OVER (PARTITION BY payment.id, line.type, line.gross ORDER BY line.position) AS nth,
           count(*) OVER (PARTITION BY payment.id, line.type) AS lines,
           sum(line.gross) OVER (PARTITION BY payment.id, line.type) AS together
    FROM staged_settlement_line line
    JOIN payments_payment payment
      ON payment.provider_account_id = %(account)s AND payment.provider_reference = line.payment_reference
    WHERE line.payment_reference <> ''
),
unsettled AS (
    SELECT operation.id, operation.payment_id, operation.verb, operation.amount,
           row_number() OVER (
               PARTITION BY operation.payment_id, operation.verb = 'refund', operation.amount ORDER BY operation.id
           ) AS nth,
           count(*) OVER (PARTITION BY operation.payment_id, operation.verb = 'refund') AS operations
    FROM payments_operation operation
    WHERE operation.provider_account_id = %(account)s AND operation.outcome = 'succeeded'
      AND operation.payment_id IN (SELECT payment_id FROM naming)
      AND operation.verb IN ('sale', 'capture', 'refund')
      AND NOT EXISTS (
          SELECT FROM reconciliation_settlementline settled
          WHERE settled.operation_id = operation.id AND settled.state = 'matched'
      )
),
exact AS (
    -- The n-th line of one amount about a payment is the n-th operation of that amount which no line settled yet.
    SELECT line.position, operation.id, line.payment_id
    FROM naming line
    JOIN unsettled operation
      ON operation.payment_id = line.payment_id AND operation.amount = abs(line.gross) AND operation.nth = line.nth
     AND line.type IN ('sale', 'refund') AND (line.type = 'refund') = (operation.verb = 'refund')
)"""
# The lower the rank the surer: 1 is our own id, which nobody else can have written. One scan for each rank, however
# many lines there are.
_CANDIDATES: Final = f"""
SELECT line.position, 1 AS rank, operation.id AS operation_id, operation.payment_id, NULL::varchar AS evidence_id,
       true AS proven
FROM staged_settlement_line line
JOIN payments_operation operation
  ON operation.id = line.reported_operation AND operation.provider_account_id = %(account)s AND {_FITS}
UNION ALL
SELECT line.position, 2, operation.id, operation.payment_id, NULL, true
FROM staged_settlement_line line
JOIN payments_operation operation
  ON operation.provider_account_id = %(account)s AND operation.provider_reference = line.reference AND {_FITS}
WHERE line.reference <> ''
UNION ALL
SELECT position, 3, operation_id, payment_id, evidence_id, proven FROM likeliest WHERE place = 1 AND alike = 1
UNION ALL
SELECT position, 4, id, payment_id, NULL, false FROM exact
UNION ALL
-- The merchant's own name for the order, where one unsettled operation of this amount alone can be meant and nothing
-- that the provider calls its payment by contradicts.
SELECT line.position, 5, min(operation.id), min(operation.payment_id), NULL, false
FROM staged_settlement_line line
JOIN payments_order sold ON sold.merchant_id = %(merchant)s AND sold.reference = line.order_reference
JOIN payments_payment payment ON payment.order_id = sold.id AND payment.provider_account_id = %(account)s
JOIN payments_operation operation
  ON operation.payment_id = payment.id AND operation.outcome = 'succeeded' AND operation.amount = abs(line.gross)
 AND operation.currency = line.currency AND (payment.provider_reference IS NULL OR operation.executor = 'reported')
WHERE line.order_reference <> '' AND line.type IN ('sale', 'refund') AND {_FITS}
  AND NOT EXISTS (
      SELECT FROM reconciliation_settlementline settled
      WHERE settled.operation_id = operation.id AND settled.state = 'matched'
  )
  AND NOT EXISTS (
      SELECT FROM payments_cardevidence evidence
      WHERE evidence.operation_id = operation.id
        AND (line.rrn <> '' AND evidence.rrn <> line.rrn OR line.tid <> '' AND evidence.acquirer_tid <> line.tid
             OR line.authorization_code <> '' AND evidence.authorization_code <> line.authorization_code)
  )
GROUP BY line.position HAVING count(*) = 1
UNION ALL
-- A sale of another amount, or in several parts, that can only be the payment's one sale which no line settled. A
-- refund of another amount may be one that the books do not know yet.
SELECT line.position, 6, operation.id, line.payment_id, NULL, false
FROM naming line
JOIN unsettled operation
  ON operation.payment_id = line.payment_id AND operation.verb <> 'refund' AND operation.operations = 1
 AND (line.lines = 1 OR line.together = operation.amount)
WHERE line.type = 'sale' AND operation.id NOT IN (SELECT id FROM exact)
UNION ALL
-- The rest of a sale that an earlier settlement paid in part.
SELECT line.position, 6, operation.id, line.payment_id, NULL, false
FROM naming line
JOIN payments_operation operation
  ON operation.payment_id = line.payment_id AND operation.verb IN ('sale', 'capture')
 AND operation.outcome = 'succeeded'
JOIN reconciliation_settlementline earlier
  ON earlier.operation_id = operation.id AND earlier.state = 'matched' AND earlier.type = 'sale'
 AND earlier.gross + line.gross = operation.amount
WHERE line.type = 'sale'
UNION ALL
SELECT position, 7, NULL, payment_id, NULL, false FROM naming
"""
# Rules by rank, as they are stored with a line.
_RULES: Final = "('{operation,reference,card_present,payment,order,payment_only,payment_only}'::text[])"
# Chargebacks, failed refunds and reversals have no operation: they are matched with postings on the payment's
# receivable, by sign and entry key. The n-th such line of a payment is the n-th such posting (of the dispute it names).
_POSTED: Final = """
SELECT line.position, posting.amount, line.named
FROM (
    SELECT found.*, rule.sign, rule.keys, named.id AS named,
           row_number() OVER (PARTITION BY found.payment_id, found.type ORDER BY found.position) AS place,
           row_number() OVER (PARTITION BY named.id, found.type ORDER BY found.position) AS named_place
    FROM found
    JOIN (VALUES ('chargeback', -1, '^chargeback_'), ('chargeback_reversal', 1, '^chargeback_'),
                 ('refund_failed', 1, '^refund_failed:'), ('reversal', -1, '^(reversal|unconfirmed|unpaid_after_all):')
    ) rule(type, sign, keys) ON rule.type = found.type
    LEFT JOIN payments_chargeback named
      ON named.payment_id = found.payment_id AND named.provider_reference = found.reference
     AND found.type IN ('chargeback', 'chargeback_reversal')
    WHERE found.item IS NOT NULL
) line
CROSS JOIN LATERAL (
    SELECT count(*) AS settled FROM reconciliation_settlementline settled
    WHERE settled.payment_id = line.payment_id AND settled.type = line.type AND settled.state = 'matched'
      AND settled.id IS DISTINCT FROM line.line_id AND (line.named IS NULL OR settled.reference = line.reference)
) before
CROSS JOIN LATERAL (
    SELECT posting.amount
    FROM ledger_posting posting
    JOIN ledger_account account ON account.number = posting.account_id
    JOIN ledger_journalentry entry ON entry.id = posting.entry_id
    WHERE posting.item = line.item AND account.code = 'receivable:' || %(account)s
      AND sign(posting.amount) = line.sign AND entry.key ~ line.keys
      AND (line.named IS NULL OR split_part(entry.key, ':', 2) = line.named)
    ORDER BY posting.entry_id, posting.line
    OFFSET before.settled + CASE WHEN line.named IS NULL THEN line.place ELSE line.named_place END - 1 LIMIT 1
) posting
"""
# `expected` is what the books have of a line, in the currency of its sale: what is settled in another one is booked so.
_MATCH: Final = f"""
INSERT INTO staged_settlement_match
WITH {LIKELIEST},
{_NAMING},
candidate AS ({_CANDIDATES}),
-- What a line says of itself must be about one payment, and its reference the one of the operation that it names.
contradicting AS (
    SELECT position FROM candidate GROUP BY position
    HAVING count(DISTINCT payment_id) FILTER (WHERE rank <> 5) > 1
        OR array_agg(operation_id) FILTER (WHERE rank = 2) IS NOT NULL
           AND NOT array_agg(operation_id) FILTER (WHERE rank = 2) @> array_agg(operation_id) FILTER (WHERE rank = 1)
),
best AS (
    SELECT DISTINCT ON (position) * FROM candidate
    WHERE position NOT IN (SELECT position FROM contradicting)
    ORDER BY position, rank, operation_id
),
found AS (
    SELECT line.position, line.line_id, line.type, line.reference, line.gross, line.currency AS settled_in,
           CASE WHEN line.type IN ('sale', 'refund', 'confirmed', 'declined')
                THEN best.operation_id END AS operation_id,
           best.payment_id, best.evidence_id, best.proven, best.rank,
           -- Money in a direction that its type does not have is nobody's until a person has looked.
           sign(line.gross) = direction.wrong AS wrong_sign,
           CASE WHEN contradicting.position IS NOT NULL THEN 'contradicts'
                WHEN best.position IS NULL AND line.position IN (SELECT position FROM likeliest WHERE alike > 1)
                THEN 'ambiguous' END AS doubt,
           operation.outcome, operation.reversed_at, operation.amount,
           COALESCE(payment.currency, operation.currency) AS currency,
           operation.verb, payment.status,
           COALESCE(payment.item, part.item) AS item,
           row_number() OVER (PARTITION BY best.operation_id, line.type ORDER BY line.position) AS nth,
           count(*) OVER (PARTITION BY best.operation_id, line.type) > 1
               AND abs(sum(line.gross) OVER (PARTITION BY best.operation_id, line.type)) = operation.amount
               AND line.currency = operation.currency AS part
    FROM staged_settlement_line line
    LEFT JOIN best ON best.position = line.position
    LEFT JOIN contradicting ON contradicting.position = line.position
    LEFT JOIN (VALUES ('sale', -1), ('refund', 1), ('refund_failed', -1), ('reversal', 1), ('chargeback', 1),
                      ('chargeback_reversal', -1)) direction(type, wrong) ON direction.type = line.type
    LEFT JOIN payments_operation operation ON operation.id = best.operation_id
    LEFT JOIN payments_payment payment ON payment.id = best.payment_id
    LEFT JOIN payments_refundpart part ON part.id = operation.refund_part_id
),
posted AS ({_POSTED}),
judged AS (
SELECT found.*, posted.named, returned.item AS returned_item,
       COALESCE(settled.id IS NULL AND found.part, false) AS in_parts,
       COALESCE(other_part.rest = found.gross, false) AS last_part,
       CASE
           WHEN found.type = 'sale' THEN found.amount
           WHEN found.type = 'refund' THEN -found.amount
           WHEN found.type = 'refund_failed' AND found.verb = 'refund' THEN found.amount
           ELSE posted.amount
       END AS expected,
       CASE
           WHEN found.type IN {_ABOUT_NO_PAYMENT} OR returned.item IS NOT NULL THEN 'plain'
           -- A confirmation without money: stored, and as unknown while its transaction may still arrive.
           WHEN found.gross = 0 THEN CASE
               WHEN found.type IN ('confirmed', 'declined') AND found.operation_id IS NULL AND found.evidence_id IS NULL
               THEN 'unknown' ELSE 'plain' END
           WHEN found.item IS NULL OR found.type = 'payout_returned' OR found.wrong_sign THEN 'unknown'
           WHEN settled.id IS NULL AND found.part AND found.outcome = 'succeeded'
                OR other_part.rest = found.gross THEN 'matched'
           WHEN settled.id IS NOT NULL OR (found.operation_id IS NOT NULL AND found.nth > 1) THEN 'repeated'
           WHEN found.type IN ('sale', 'refund') AND found.outcome = 'succeeded' THEN 'matched'
           -- A refund that left and came back: after it had succeeded, or before its success was reported.
           WHEN found.type = 'refund' AND (found.reversed_at IS NOT NULL OR EXISTS (
               SELECT FROM staged_settlement_line back
               WHERE back.type = 'refund_failed' AND back.reference = found.reference AND back.reference <> ''
           )) THEN 'matched'
           WHEN found.type = 'reversal' AND found.status = 'reversed' THEN 'matched'
           WHEN found.type IN ('chargeback', 'chargeback_reversal') AND posted.amount IS NOT NULL THEN 'matched'
           WHEN found.type = 'refund_failed' AND EXISTS (
               SELECT FROM payments_operation operation
               WHERE operation.payment_id = found.payment_id AND operation.verb = 'refund'
                 AND (operation.reversed_at IS NOT NULL OR operation.outcome = 'declined')
           ) THEN 'matched'
           ELSE 'early'
       END AS state
FROM found
LEFT JOIN posted ON posted.position = found.position
LEFT JOIN LATERAL (
    SELECT settled.id FROM reconciliation_settlementline settled
    WHERE settled.operation_id = found.operation_id AND settled.type = found.type AND settled.state = 'matched'
    UNION ALL
    SELECT settled.id FROM reconciliation_settlementline settled
    WHERE found.type NOT IN ('sale', 'refund') AND found.reference <> '' AND settled.payment_id = found.payment_id
      AND settled.type = found.type AND settled.reference = found.reference
      AND settled.id IS DISTINCT FROM found.line_id AND posted.position IS NULL
    LIMIT 1
) settled ON true
LEFT JOIN LATERAL (
    -- The rest of what an earlier settlement paid in part, as long as it is owed.
    SELECT sign(found.gross)::int * found.amount - earlier.gross AS rest
    FROM reconciliation_settlementline earlier
    WHERE settled.id IS NOT NULL AND earlier.id = settled.id AND found.type IN ('sale', 'refund') AND found.nth = 1
      AND found.settled_in = found.currency AND found.outcome = 'succeeded'
      AND found.gross = (
          SELECT sum(posting.amount) FROM ledger_posting posting
          JOIN ledger_account account ON account.number = posting.account_id
          WHERE posting.item = found.item AND account.code = 'receivable:' || %(account)s
      )
) other_part ON true
LEFT JOIN LATERAL (
    SELECT settlement.item
    FROM reconciliation_payout payout
    JOIN reconciliation_settlement settlement ON settlement.id = payout.settlement_id
    WHERE found.type = 'payout_returned' AND payout.provider_account_id = %(account)s
      AND payout.reference = found.reference
    LIMIT 1
) returned ON true
)
SELECT position,
       -- What it is in the sale's currency, nobody knows yet: it waits in suspense until the books do.
       CASE WHEN state IN ('matched', 'early') AND settled_in <> currency AND expected IS NULL THEN 'unknown'
            ELSE state END,
       -- One line is the operation's: of its parts, the first.
       CASE WHEN NOT last_part AND (nth = 1 OR NOT in_parts) THEN operation_id END, payment_id,
       CASE WHEN type = 'payout_returned' THEN returned_item
            WHEN type NOT IN {_ABOUT_NO_PAYMENT} AND gross <> 0 THEN item END,
       CASE WHEN gross <> 0 THEN expected END,
       CASE WHEN gross <> 0 AND expected IS NOT NULL THEN currency END,
       -- Of what keeps no operation, and only where it is certain which posting it is: one of the dispute it names.
       CASE WHEN state = 'matched' AND settled_in = currency
                 AND (named IS NOT NULL OR type = 'refund_failed' AND verb = 'refund')
            THEN NULLIF(expected, gross)
            WHEN (in_parts OR last_part) AND state = 'matched' THEN gross END,
       evidence_id, proven,
       COALESCE(doubt, CASE WHEN wrong_sign AND item IS NOT NULL THEN 'sign'
                            WHEN (in_parts OR last_part) AND state = 'matched' THEN 'parts'
                            ELSE {_RULES}[rank] END, '')
FROM judged
"""


def match_settlement_lines(*, merchant_id: str, account_id: str) -> None:
    """Say of each staged line what it is about, and in which state."""
    with connection.cursor() as cursor:
        cursor.execute(_MATCH, {"merchant": merchant_id, "account": account_id})
        cursor.execute("ANALYZE staged_settlement_match")


def accounts_of_staged_lines(*, merchant_id: str, account_ids: list[str]) -> list[str]:
    """The provider accounts, among these, whose operations the staged lines name."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT operation.provider_account_id
            FROM staged_settlement_line line
            JOIN payments_operation operation ON operation.id = line.reported_operation
            WHERE operation.provider_account_id = ANY(%(accounts)s)
            UNION
            SELECT DISTINCT payment.provider_account_id
            FROM staged_settlement_line line
            JOIN payments_payment payment ON payment.provider_reference = line.payment_reference
            WHERE payment.provider_account_id = ANY(%(accounts)s) AND line.payment_reference <> ''
            UNION
            SELECT DISTINCT operation.provider_account_id
            FROM staged_settlement_line line
            JOIN payments_cardevidence evidence ON evidence.merchant_id = %(merchant)s AND evidence.rrn = line.rrn
            JOIN payments_operation operation ON operation.id = evidence.operation_id
            WHERE operation.provider_account_id = ANY(%(accounts)s) AND line.rrn <> ''
            UNION
            SELECT DISTINCT payment.provider_account_id
            FROM staged_settlement_line line
            JOIN payments_order sold ON sold.merchant_id = %(merchant)s AND sold.reference = line.order_reference
            JOIN payments_payment payment ON payment.order_id = sold.id
            WHERE payment.provider_account_id = ANY(%(accounts)s) AND line.order_reference <> ''
            """,
            {"merchant": merchant_id, "accounts": account_ids},
        )
        return [row[0] for row in cursor.fetchall()]


def staged_card_present() -> bool:
    """Return whether any staged line has a PIN acquirer's numbers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM staged_settlement_line WHERE rrn <> '' OR tid <> '' OR stan <> '')")
        row = cursor.fetchone()
    return bool(row and row[0])


def stage_stored_lines(account_id: str, *, leave: Sequence[int] = ()) -> int:
    """Stage the stored, unexplained lines of this provider account, to be matched again. Return how many.

    Lines that a person has taken out of suspense, and those of `leave`, are left alone. A `repeated` line is staged,
    too: it may be a second movement of the same name that was not in the books yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO staged_settlement_line
            SELECT row_number() OVER (ORDER BY line.id), 0, line.id, line.number, line.type, line.reference,
                   line.payment_reference, line.reported_operation, line.rrn, line.tid, line.stan,
                   line.authorization_code, line.occurred_at, line.currency, line.gross, line.fee, line.vat,
                   line.order_reference
            FROM reconciliation_settlementline line
            JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
            WHERE settlement.provider_account_id = %(account)s AND line.id <> ALL(%(leave)s::bigint[])
              AND (line.gross <> 0 OR line.type IN ('confirmed', 'declined'))
              AND (line.state = 'early'
                   OR (line.state = 'unknown' OR line.state = 'repeated' AND line.type NOT IN ('sale', 'refund'))
                      AND -line.gross = COALESCE(
                          (SELECT sum(posting.amount) FROM ledger_posting posting WHERE posting.item = line.item), 0))
            """,
            {"account": account_id, "leave": list(leave)},
        )
        return int(cursor.rowcount)


class LateMatch(NamedTuple):
    """What a stored line turns out to be."""

    line_id: int
    state: str
    operation_id: str | None
    payment_id: str | None
    evidence_id: str | None
    item: int
    booked_amount: int | None
    booked_currency: str | None
    differs: int | None
    rule: str


def late_matches() -> list[LateMatch]:
    """What was staged again and is explained now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT line.line_id, match.state, match.operation_id, match.payment_id, match.evidence_id, match.item,
                   CASE WHEN match.expected_currency <> line.currency THEN match.expected END,
                   CASE WHEN match.expected_currency <> line.currency THEN match.expected_currency END,
                   match.differs, match.rule
            FROM staged_settlement_match match
            JOIN staged_settlement_line line ON line.position = match.position
            JOIN reconciliation_settlementline stored ON stored.id = line.line_id
            WHERE match.state IN ('matched', 'early') AND match.state <> stored.state
            ORDER BY line.line_id
            """
        )
        return [LateMatch(*row) for row in cursor.fetchall()]
