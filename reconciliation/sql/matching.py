"""Staged settlement lines matched as a set, never looked up one by one.

A line is ours by the first of its account's rules (`line_candidates.Ruleset`) that finds something. Whatever the rules
are, what contradicts itself, fits several or has the wrong sign is left to a person.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import connection

from reconciliation.card_present.sql import LIKELIEST
from reconciliation.sql.line_candidates import CANDIDATES, FITTING, LAST, NAMING, RULES, Ruleset

# Nothing of a payment to find, so that they are booked by their type alone.
_ABOUT_NO_PAYMENT: Final = "('fee', 'rounding', 'conversion', 'reserve_hold', 'reserve_release', 'balance_carried')"
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
{NAMING},
candidate AS (SELECT one.*, (%(places)s::int[])[rule] AS place FROM ({CANDIDATES}) one),
-- What a line says of itself must be about one payment, and its reference the one of the operation that it names. What
-- only fits may be another payment's, unless it is to count first.
several AS (SELECT position FROM candidate GROUP BY position HAVING count(*) > 1),
contradicting AS (
    SELECT position FROM candidate WHERE position IN (SELECT position FROM several) GROUP BY position
    HAVING min(payment_id) FILTER (WHERE NOT {FITTING}) <> max(payment_id) FILTER (WHERE NOT {FITTING})
        OR min(payment_id) <> max(payment_id)
           AND min(place) FILTER (WHERE {FITTING}) < COALESCE(min(place) FILTER (WHERE NOT {FITTING}), {LAST})
        OR array_agg(operation_id) FILTER (WHERE rule = 2) IS NOT NULL
           AND NOT array_agg(operation_id) FILTER (WHERE rule = 2) @> array_agg(operation_id) FILTER (WHERE rule = 1)
),
best AS (
    SELECT DISTINCT ON (position) * FROM candidate
    WHERE place IS NOT NULL AND position NOT IN (SELECT position FROM contradicting)
    ORDER BY position, place, operation_id
),
found AS (
    SELECT line.position, line.line_id, line.type, line.reference, line.gross, line.currency AS settled_in,
           CASE WHEN line.type IN ('sale', 'refund', 'confirmed', 'declined')
                THEN best.operation_id END AS operation_id,
           best.payment_id, best.evidence_id, best.proven, best.rule,
           -- Money in a direction that its type does not have is nobody's until a person has looked.
           sign(line.gross) = direction.wrong AS wrong_sign,
           CASE WHEN contradicting.position IS NOT NULL THEN 'contradicts'
                WHEN best.position IS NULL AND (
                    line.position IN (SELECT position FROM likeliest WHERE alike > 1)
                    OR line.position IN (SELECT position FROM alike WHERE operations > 1 OR lines > 1)
                ) THEN 'ambiguous' END AS doubt,
           operation.outcome, operation.reversed_at, operation.amount,
           COALESCE(payment.currency, operation.currency) AS currency,
           operation.verb, payment.status,
           COALESCE(payment.item, part.item) AS item,
           row_number() OVER (PARTITION BY best.operation_id, line.type ORDER BY line.position) AS nth,
           %(parts)s::boolean AND count(*) OVER (PARTITION BY best.operation_id, line.type) > 1
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
    UNION ALL
    -- The bank has shown it by itself.
    SELECT -credited.id FROM reconciliation_bankstatementline credited
    WHERE credited.operation_id = found.operation_id AND credited.state = 'payment' AND found.type = 'sale'
    LIMIT 1
) settled ON true
LEFT JOIN LATERAL (
    -- The rest of what an earlier settlement paid in part, as long as it is owed.
    SELECT sign(found.gross)::int * found.amount - earlier.gross AS rest
    FROM reconciliation_settlementline earlier
    WHERE %(parts)s::boolean AND settled.id IS NOT NULL AND earlier.id = settled.id
      AND found.type IN ('sale', 'refund') AND found.nth = 1
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
                            ELSE {RULES}[rule] END, '')
FROM judged
"""


def match_settlement_lines(*, merchant_id: str, account_id: str, zone: str, rules: Ruleset) -> None:
    """Say of each staged line what it is about, and in which state. `zone` is the merchant's: days are its days."""
    names = {"merchant": merchant_id, "account": account_id, "zone": zone, **rules.parameters()}
    with connection.cursor() as cursor:
        cursor.execute(_MATCH, names)
        # Made at once, which costs a tenth of what each row would.
        cursor.execute("CREATE UNIQUE INDEX IF NOT EXISTS staged_match_position ON staged_settlement_match (position)")
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


def stage_stored_lines(account_id: str, *, leave: Sequence[int] = (), most: int | None = None) -> int:
    """Stage the stored, unexplained lines of this provider account (the newest `most`), to be matched again.

    Return how many. Lines that a person has taken out of suspense, those of which a match was undone, and those of
    `leave` are left alone. A `repeated` line is staged, too: it may be a second movement of the same name that was not
    in the books yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO staged_settlement_line
            SELECT row_number() OVER (ORDER BY line.id), 0, line.id, line.number, line.type, line.reference,
                   line.payment_reference, line.reported_operation, line.rrn, line.tid, line.stan,
                   line.authorization_code, line.occurred_at, line.currency, line.gross, line.fee, line.vat,
                   line.order_reference, NULL, line.card_last4
            FROM reconciliation_settlementline line
            JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
            WHERE settlement.provider_account_id = %(account)s AND line.id <> ALL(%(leave)s::bigint[])
              AND line.undone = 0
              AND (line.gross <> 0 OR line.type IN ('confirmed', 'declined'))
              AND (line.state = 'early'
                   OR (line.state = 'unknown' OR line.state = 'repeated' AND line.type NOT IN ('sale', 'refund'))
                      AND -line.gross = COALESCE(
                          (SELECT sum(posting.amount) FROM ledger_posting posting WHERE posting.item = line.item), 0))
            ORDER BY line.id DESC LIMIT %(most)s
            """,
            {"account": account_id, "leave": list(leave), "most": most},
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
