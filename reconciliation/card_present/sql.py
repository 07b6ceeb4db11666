"""Match an acquirer's staged lines with devices' transactions by the numbers a PIN acquirer prints."""

from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection

_NEAR: Final = (
    "evidence.occurred_at BETWEEN line.occurred_at - make_interval(days => %(card_present_days)s::int) "
    "AND line.occurred_at + make_interval(days => %(card_present_days)s::int)"
)
# A number that both a line and a device's transaction give: 1 if it is the same, -1 if not; 0 if one does not give it.
_COMPARED: Final = (
    "CASE WHEN line.{0} = '' OR evidence.{1} IS NULL THEN 0 WHEN evidence.{1} = line.{0} THEN 1 ELSE -1 END"
)
# RRN, STAN and authorization code repeat between terminals and days: they count only if no TID and no RRN contradicts,
# with amount and sign. Of several transactions the one with more equal numbers is taken; of two with as many, neither.
# `proven` matches may settle a transaction in doubt without a person: they need two equal numbers, one of them the TID
# where the device reports it.
_NAMED: Final = "(found.tid = 1 AND (found.rrn = 1 OR found.stan = 1) OR found.rrn = 1 AND found.stan = 1)"
# A transaction is found by any of these. A number other than the RRN counts where one of the two sides has no RRN:
# each side by itself, so that neither is read for it where all have one.
_STAN: Final = f"evidence.acquirer_tid = line.tid AND evidence.stan = line.stan AND line.stan <> '' AND {_NEAR}"
_CODE: Final = f"evidence.authorization_code = line.authorization_code AND line.authorization_code <> '' AND {_NEAR}"
_FOUND_BY: Final = (
    "evidence.rrn = line.rrn AND line.rrn <> ''",
    f"{_STAN} AND line.rrn = ''",
    f"{_STAN} AND line.rrn <> '' AND evidence.rrn IS NULL",
    f"{_CODE} AND line.rrn = ''",
    f"{_CODE} AND line.rrn <> '' AND evidence.rrn IS NULL",
)
_FOUND: Final = f"""
    SELECT line.position, line.type, evidence.id AS evidence_id, evidence.type AS kind, evidence.operation_id,
           evidence.payment_id, evidence.terminal_id, evidence.series, evidence.sequence,
           line.type IN ('confirmed', 'declined') OR evidence.currency = line.currency
               AND line.gross = evidence.amount * CASE evidence.type WHEN 'refund' THEN -1 ELSE 1 END AS same_amount,
           {_COMPARED.format("tid", "acquirer_tid")} AS tid, {_COMPARED.format("rrn", "rrn")} AS rrn,
           {_COMPARED.format("stan", "stan")} AS stan,
           {_COMPARED.format("authorization_code", "authorization_code")} AS code
    FROM staged_settlement_line line
    JOIN payments_cardevidence evidence ON evidence.merchant_id = %(merchant)s AND {{}}
    WHERE evidence.type = line.type OR line.type IN ('confirmed', 'declined') AND evidence.type IN ('sale', 'refund')
"""
LIKELIEST: Final = f"""
named AS ({"UNION ALL".join(map(_FOUND.format, _FOUND_BY))}),
compared AS (
    SELECT named.position, named.type, named.evidence_id, named.kind, named.payment_id, named.same_amount, named.tid,
           named.rrn, named.stan, named.code, COALESCE(named.operation_id, later.operation_id) AS operation_id
    FROM named
    LEFT JOIN LATERAL (
        -- A refund in doubt that a later transaction resolved has its operation there.
        SELECT later.operation_id FROM payments_cardevidence later
        WHERE named.operation_id IS NULL AND later.operation_id IS NOT NULL
          AND later.terminal_id = named.terminal_id AND later.series = named.series
          AND later.sequence > named.sequence
          AND (later.posted ->> 'resolves')::bigint = named.sequence
        LIMIT 1
    ) later ON true
),
fitting AS (
    SELECT DISTINCT ON (found.position, COALESCE(found.operation_id, found.evidence_id))
           found.position, found.operation_id, found.evidence_id,
           COALESCE(operation.payment_id, found.payment_id) AS payment_id,
           found.tid + found.rrn + found.stan + found.code AS agreement,
           EXISTS (
               SELECT FROM reconciliation_settlementline settled
               WHERE settled.operation_id = found.operation_id AND settled.type = found.type
                 AND settled.state = 'matched'
           ) AS settled,
           CASE operation.outcome WHEN 'succeeded' THEN 0 WHEN 'declined' THEN 2 ELSE 1 END AS outcome_rank,
           found.same_amount AND least(found.stan, found.code) >= 0 AND {_NAMED} AS proven
    FROM compared found
    LEFT JOIN payments_operation operation ON operation.id = found.operation_id
    -- Of what has an operation, that tells the account.
    LEFT JOIN payments_payment payment ON payment.id = CASE WHEN operation.id IS NULL THEN found.payment_id END
    WHERE found.tid >= 0 AND found.rrn >= 0 AND found.tid + found.rrn + found.stan + found.code > 0
      AND (found.type IN ('sale', 'refund') OR {_NAMED})
      AND COALESCE(operation.provider_account_id, payment.provider_account_id, %(account)s) = %(account)s
      AND (operation.id IS NULL OR (operation.verb = 'refund') = (found.kind = 'refund'))
      -- Another amount, or a wrong sign, may be the same sale's only where its numbers leave no doubt.
      AND (found.same_amount OR found.tid = 1 AND found.rrn = 1 AND greatest(found.stan, found.code) = 1)
      AND (operation.outcome = 'succeeded' OR found.rrn = 1 OR found.stan = 1)
    ORDER BY found.position, COALESCE(found.operation_id, found.evidence_id),
             found.tid + found.rrn + found.stan + found.code DESC
),
likeliest AS (
    SELECT fitting.*, rank() OVER (PARTITION BY position ORDER BY agreement DESC, settled, outcome_rank) AS place,
           count(*) OVER (PARTITION BY position, agreement, settled, outcome_rank) AS alike
    FROM fitting
)"""


class Proof(NamedTuple):
    """A staged line that proves the outcome of a transaction which a device or provider left in doubt."""

    position: int
    line_type: str
    operation_id: str | None
    evidence_id: str | None
    occurred_at: datetime


_PROOFS: Final = """
SELECT match.position, line.type, match.operation_id, match.evidence_id, line.occurred_at
FROM staged_settlement_match match
JOIN staged_settlement_line line ON line.position = match.position
LEFT JOIN payments_operation operation ON operation.id = match.operation_id
LEFT JOIN payments_cardevidence evidence ON evidence.id = match.evidence_id
WHERE match.proven AND match.state IN ('early', 'unknown', 'plain')
  AND (operation.outcome = 'unknown'
           AND (line.type IN ('confirmed', 'declined')
                OR operation.currency = line.currency AND operation.amount = abs(line.gross))
       OR operation.id IS NULL AND evidence.settled IS NULL AND evidence.posted ->> 'outcome' = 'unknown'
          AND NOT EXISTS (
              SELECT FROM payments_cardevidence later
              WHERE later.terminal_id = evidence.terminal_id AND later.series = evidence.series
                AND later.sequence > evidence.sequence AND later.posted ->> 'outcome' <> 'unknown'
                AND (later.posted ->> 'resolves')::bigint = evidence.sequence
          ))
ORDER BY match.position
"""


def proofs_of_doubts() -> list[Proof]:
    """Return the staged lines that prove the outcome of a transaction in doubt, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(_PROOFS)
        return [Proof(*row) for row in cursor.fetchall()]


_SETTLED: Final = """
UPDATE staged_settlement_match match
SET operation_id = operation.id, payment_id = operation.payment_id,
    state = CASE WHEN line.gross = 0 THEN match.state ELSE 'matched' END,
    item = CASE WHEN line.gross <> 0 THEN COALESCE(payment.item, part.item) END,
    expected = CASE WHEN line.gross <> 0 THEN sign(line.gross)::int * operation.amount END,
    expected_currency = CASE WHEN line.gross <> 0 THEN operation.currency END
FROM staged_settlement_line line, payments_operation operation
LEFT JOIN payments_payment payment ON payment.id = operation.payment_id
LEFT JOIN payments_refundpart part ON part.id = operation.refund_part_id
WHERE match.position = %(position)s AND line.position = match.position AND operation.id = %(operation)s
  AND operation.outcome = 'succeeded' AND operation.reversed_at IS NULL
"""


def note_settled(position: int, operation_id: str) -> None:
    """Match a staged line with an operation that has succeeded by now."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, {"position": position, "operation": operation_id})


def link_confirmations() -> list[int]:
    """Link stored lines that confirm or decline a transaction with it, now that it is known.

    Return the ids of their settlements.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE reconciliation_settlementline stored
            SET state = 'plain', operation_id = match.operation_id, payment_id = match.payment_id,
                evidence_id = match.evidence_id
            FROM staged_settlement_match match
            JOIN staged_settlement_line line ON line.position = match.position
            WHERE stored.id = line.line_id AND line.type IN ('confirmed', 'declined')
              AND COALESCE(match.operation_id, match.evidence_id) IS NOT NULL
            RETURNING stored.settlement_id
            """
        )
        return sorted({row[0] for row in cursor.fetchall()})
