"""The audit's queries: each row that one returns is a violation, as (subject, detail)."""

from typing import Final

from reconciliation.sql.allocations import ALLOCATED
from reconciliation.sql.differences import RELEASED_TOO_MUCH

# What a settlement must have booked by its rows, against what is booked under its key and its lines' late matches.
# Each `part` payments have an entry of their own. Resolutions of its differences (`resolved:…`) are left out.
SETTLEMENTS_WRONG: Final = """
WITH expected AS (
    SELECT id AS settlement, 'receivable:' || provider_account_id AS code, currency, item, net AS amount
    FROM reconciliation_settlement
    UNION ALL
    SELECT id, 'fees:' || provider_account_id, currency, NULL, fee FROM reconciliation_settlement
    UNION ALL
    SELECT id, 'vat_on_fees', currency, NULL, vat FROM reconciliation_settlement
    UNION ALL
    SELECT settlement.id,
           CASE WHEN line.type = 'payout_returned' AND line.state = 'plain'
                THEN 'receivable:' || settlement.provider_account_id
                WHEN line.type = 'fee' THEN 'fees:' || settlement.provider_account_id
                WHEN line.type = 'rounding' THEN 'rounding'
                WHEN line.type = 'conversion' THEN 'exchange'
                WHEN line.state = 'plain' THEN 'reserve:' || settlement.provider_account_id
                WHEN line.state IN ('unknown', 'repeated') THEN 'suspense'
                WHEN line.booked_currency IS NOT NULL THEN 'exchange'
                ELSE 'receivable:' || settlement.provider_account_id END,
           line.currency,
           CASE WHEN line.type NOT IN ('fee', 'rounding', 'conversion') AND line.booked_currency IS NULL
                THEN line.item END,
           -line.gross
    FROM reconciliation_settlementline line
    JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
    UNION ALL
    SELECT settlement.id, leg.code, line.booked_currency, leg.item, leg.amount
    FROM reconciliation_settlementline line
    JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
    CROSS JOIN LATERAL (VALUES
        ('receivable:' || settlement.provider_account_id, line.item, -line.booked_amount),
        ('exchange', NULL::bigint, line.booked_amount)
    ) leg(code, item, amount)
    WHERE line.booked_currency IS NOT NULL AND line.state IN ('matched', 'early')
),
entry AS (
    SELECT settlement.id AS settlement, entry.id
    FROM reconciliation_settlement settlement
    CROSS JOIN LATERAL (
        SELECT '' AS part
        UNION ALL
        SELECT ':' || number FROM generate_series(1, (
            SELECT count(*) / {part} FROM reconciliation_settlementline line WHERE line.settlement_id = settlement.id
        )) number
    ) part
    JOIN ledger_journalentry entry ON entry.key = 'settlement:' || settlement.item || part.part
    UNION ALL
    SELECT line.settlement_id, entry.id
    FROM reconciliation_settlementline line JOIN ledger_journalentry entry ON entry.key = 'late_match:' || line.id
    WHERE line.undone = 0
    UNION ALL
    -- What was matched, undone and matched once more: all of it, with what took it back.
    SELECT line.settlement_id, either.id
    FROM reconciliation_settlementline line
    CROSS JOIN generate_series(0, line.undone) nth
    JOIN ledger_journalentry entry
      ON entry.key = 'late_match:' || line.id || CASE nth WHEN 0 THEN '' ELSE ':' || nth END
    JOIN ledger_journalentry either ON either.id = entry.id OR either.reverses_id = entry.id
    WHERE line.undone > 0
),
side AS (
    SELECT settlement, code, currency, item, amount AS expected, 0 AS booked FROM expected
    UNION ALL
    SELECT entry.settlement, account.code, account.currency, posting.item, 0, posting.amount
    FROM entry
    JOIN ledger_posting posting ON posting.entry_id = entry.id
    JOIN ledger_account account ON account.number = posting.account_id
)
SELECT settlement.file_id,
       concat('settlement ', settlement.reference, ': ', side.code, ' item ', side.item,
              ' must have ', sum(side.expected), ' and has ', sum(side.booked))
FROM side JOIN reconciliation_settlement settlement ON settlement.id = side.settlement
GROUP BY settlement.id, side.code, side.currency, side.item
HAVING sum(side.expected) <> sum(side.booked)
"""

SETTLEMENT_SUMS_WRONG: Final = """
SELECT settlement.file_id, concat('settlement ', settlement.reference, ' is not the sum of its lines')
FROM reconciliation_settlement settlement
LEFT JOIN (
    SELECT settlement_id, sum(gross) AS gross, sum(fee) AS fee, sum(vat) AS vat
    FROM reconciliation_settlementline GROUP BY settlement_id
) line ON line.settlement_id = settlement.id
WHERE (settlement.gross, settlement.fee, settlement.vat)
      <> (COALESCE(line.gross, 0), COALESCE(line.fee, 0), COALESCE(line.vat, 0))
"""

# What a line is about is booked in the currency of its sale, over exchange where that is another one.
SETTLED_CURRENCY_WRONG: Final = """
SELECT settlement.file_id,
       concat('settlement ', settlement.reference, ': line ', line.number, ' is booked about payment ', payment.id,
              ' in ', COALESCE(line.booked_currency, line.currency), ' and not in ', payment.currency)
FROM reconciliation_settlementline line
JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
JOIN payments_payment payment ON payment.id = line.payment_id
WHERE line.state IN ('matched', 'early') AND COALESCE(line.booked_currency, line.currency) <> payment.currency
"""

PAYOUTS_WRONG: Final = """
SELECT payout.id,
       concat('in transit must be ', due.amount, ' and is ', COALESCE(booked.amount, 0))
FROM reconciliation_payout payout
CROSS JOIN LATERAL (
    SELECT CASE payout.status WHEN 'failed' THEN 0 ELSE payout.amount - payout.amount_received END AS amount
) due
LEFT JOIN LATERAL (
    SELECT sum(posting.amount) AS amount
    FROM ledger_posting posting
    JOIN ledger_account account ON account.number = posting.account_id
    JOIN ledger_journalentry entry ON entry.id = posting.entry_id
    WHERE posting.item = payout.item AND account.code = 'in_transit:' || payout.provider_account_id
      AND entry.event NOT IN ('discrepancy_resolved', 'resolution_undone')
) booked ON true
WHERE due.amount <> COALESCE(booked.amount, 0)
"""

PAYOUTS_RECEIVED_WRONG: Final = f"""
SELECT payout.id, concat('the bank has shown ', COALESCE(sum(part.amount), 0), ', not ', payout.amount_received)
FROM reconciliation_payout payout
LEFT JOIN ({ALLOCATED}) part ON part.payout_id = payout.id
GROUP BY payout.id
HAVING COALESCE(sum(part.amount), 0) <> payout.amount_received
"""

# A line that is payouts is so with all of its amount, one in suspense with no more than that.
BANK_LINE_PARTS_WRONG: Final = f"""
SELECT 'bank line ' || line.id,
       concat('is ', line.state, ' of ', line.amount, ' and ', COALESCE(sum(part.amount), 0), ' of it is payouts')
FROM reconciliation_bankstatementline line
LEFT JOIN ({ALLOCATED}) part ON part.bank_line_id = line.id
GROUP BY line.id
HAVING CASE WHEN line.state = 'payout' THEN COALESCE(sum(part.amount), 0) <> line.amount
            WHEN line.state = 'suspense'
            THEN COALESCE(sum(part.amount), 0) * sign(line.amount) NOT BETWEEN 0 AND abs(line.amount) - 1
            ELSE count(part.amount) > 0 END
"""

# What is explained is booked at the bank once, with its amount; what is not, is not booked.
BANK_LINES_WRONG: Final = """
SELECT 'bank line ' || line.id,
       concat('is ', line.state, ' of ', line.amount, ' and has ', COALESCE(sum(posting.amount), 0), ' at the bank')
FROM reconciliation_bankstatementline line
JOIN reconciliation_bankstatement statement ON statement.id = line.statement_id
LEFT JOIN LATERAL (
    SELECT entry.id FROM ledger_journalentry entry WHERE entry.key = 'bank_line:' || line.id
    UNION ALL
    -- What was booked, taken back and booked once more.
    SELECT either.id
    FROM generate_series(0, line.undone) nth
    JOIN ledger_journalentry entry
      ON entry.key = 'bank_line:' || line.id || CASE nth WHEN 0 THEN '' ELSE ':' || nth END
    JOIN ledger_journalentry either ON either.reverses_id = entry.id OR nth > 0 AND either.id = entry.id
    WHERE line.undone > 0
) entry ON true
LEFT JOIN ledger_account account
  ON account.merchant_id = statement.merchant_id AND account.code = 'bank:' || statement.account
 AND account.currency = line.currency
LEFT JOIN ledger_posting posting ON posting.entry_id = entry.id AND posting.account_id = account.number
GROUP BY line.id
HAVING COALESCE(sum(posting.amount), 0)
       <> CASE WHEN line.state IN ('payout', 'refund', 'payment', 'deposit', 'suspense') THEN line.amount ELSE 0 END
"""

# A sale that the bank shows by itself is taken from its payment's receivable, once and with its amount.
PAYMENT_LINES_WRONG: Final = """
SELECT 'bank line ' || line.id,
       concat('is the payment ', payment.id, ' of ', operation.amount, ' with ', line.amount, ', and ',
              COALESCE(-booked.amount, 0), ' is taken from its receivable')
FROM reconciliation_bankstatementline line
LEFT JOIN payments_operation operation ON operation.id = line.operation_id
LEFT JOIN payments_payment payment ON payment.id = operation.payment_id
LEFT JOIN LATERAL (
    SELECT sum(posting.amount) AS amount
    FROM ledger_journalentry entry
    JOIN ledger_posting posting ON posting.entry_id = entry.id AND posting.item = payment.item
    JOIN ledger_account account
      ON account.number = posting.account_id AND account.code = 'receivable:' || operation.provider_account_id
    WHERE entry.key IN ('bank_line:' || line.id, 'payment_found:' || line.id)
) booked ON true
WHERE line.state = 'payment' AND (line.amount, -line.amount) IS DISTINCT FROM (operation.amount, booked.amount)
"""

# The discrepancies that must be open by the state of a settlement's line, or of a bank's line in suspense.
_EXPECTED_OF_LINES: Final = f"""
SELECT settlement.merchant_id, CASE line.rule WHEN 'sign' THEN 'sign_differs' ELSE kind.name END
           || ':' || line.settlement_id || ':' || line.number AS key, settlement.file_id AS subject
FROM reconciliation_settlementline line
JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
JOIN (VALUES ('unknown', 'unknown_line'), ('repeated', 'duplicate'), ('early', 'missing_in_books')) kind(state, name)
  ON kind.state = line.state
WHERE line.gross <> 0
UNION ALL
SELECT settlement.merchant_id, 'amount_differs:' || line.settlement_id || ':' || line.number, settlement.file_id
FROM reconciliation_settlementline line
JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
LEFT JOIN payments_operation operation ON operation.id = line.operation_id
WHERE line.state = 'matched' AND line.booked_currency IS NULL
  AND COALESCE(line.expected, operation.amount * sign(line.gross)::int) <> line.gross
UNION ALL
SELECT settlement.merchant_id, 'missing_in_books:' || line.settlement_id || ':' || line.number, settlement.file_id
FROM reconciliation_settlementline line
JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
CROSS JOIN LATERAL ({RELEASED_TOO_MUCH}) reserve
WHERE line.type = 'reserve_release' AND reserve.over > 0
UNION ALL
SELECT statement.merchant_id, 'unknown_line:bank:' || line.id, statement.file_id
FROM reconciliation_bankstatementline line
JOIN reconciliation_bankstatement statement ON statement.id = line.statement_id
WHERE line.state = 'suspense'
"""
OF_LINES_UNTRUE: Final = f"""
SELECT d.id, d.kind || ' is open, and its line is no longer in that state'
FROM payments_discrepancy d
WHERE d.status <> 'resolved' AND d.settlement_file_id IS NOT NULL
  AND d.kind IN ('unknown_line', 'sign_differs', 'duplicate', 'missing_in_books', 'amount_differs')
  AND (d.key ~ '^(unknown_line|sign_differs|duplicate|missing_in_books|amount_differs):[0-9]+:[0-9]+$'
       OR d.key LIKE 'unknown_line:bank:%%')
  AND NOT EXISTS (
      SELECT FROM ({_EXPECTED_OF_LINES}) expected
      WHERE expected.merchant_id = d.merchant_id AND expected.key = d.key
  )
"""
OF_LINES_MISSING: Final = f"""
SELECT expected.subject, 'should be open: ' || expected.key
FROM ({_EXPECTED_OF_LINES}) expected
WHERE NOT EXISTS (
    SELECT FROM payments_discrepancy d
    WHERE d.merchant_id = expected.merchant_id AND d.key = expected.key
      AND (d.status <> 'resolved' OR d.resolution ->> 'action' <> 'explained')
)
"""
OF_PAYOUTS_UNTRUE: Final = """
SELECT d.id, format('%s is open, and %s of %s is %s', d.kind, payout.amount_received, payout.amount, payout.status)
FROM reconciliation_payout payout
JOIN payments_discrepancy d
  ON d.merchant_id = payout.merchant_id AND d.status <> 'resolved'
 AND d.key IN ('payout_not_received:' || payout.id, 'payout_differs:' || payout.id)
WHERE payout.status <> 'announced' OR (d.kind = 'payout_not_received') <> (payout.amount_received = 0)
"""
OF_PAYOUTS_MISSING: Final = """
SELECT payout.id, format('was received with %s instead of %s, and no discrepancy is open for it',
                         payout.amount_received, payout.amount)
FROM reconciliation_payout payout
WHERE payout.status = 'announced' AND payout.amount_received <> 0 AND NOT EXISTS (
    SELECT FROM payments_discrepancy d
    WHERE d.merchant_id = payout.merchant_id AND d.key = 'payout_differs:' || payout.id
      AND (d.status <> 'resolved' OR d.resolution ->> 'action' <> 'explained')
)
"""
MISSING_UNTRUE: Final = """
SELECT d.id, format('%s is open, and %s was %s', d.kind, operation.id,
                    CASE WHEN operation.reversed_at IS NOT NULL THEN 'taken back' ELSE 'settled' END)
FROM payments_discrepancy d
JOIN payments_operation operation ON d.key = 'missing_in_settlement:' || operation.id
WHERE d.status <> 'resolved' AND d.kind = 'missing_in_settlement'
  AND (operation.reversed_at IS NOT NULL OR EXISTS (
      SELECT FROM reconciliation_settlementline line WHERE line.operation_id = operation.id AND line.state = 'matched'
  ) OR EXISTS (
      SELECT FROM reconciliation_bankstatementline line
      WHERE line.operation_id = operation.id AND line.state = 'payment'
  ))
"""
# What a step booked is reversed if the step is undone, and stands if it is not.
UNDONE_UNTRUE: Final = """
SELECT step.discrepancy_id, format('%s is %s, and its resolution %s is %s', entry.key,
                                   CASE WHEN reversal.id IS NULL THEN 'not reversed' ELSE 'reversed' END,
                                   step.number, CASE WHEN step.undone_at IS NULL THEN 'in force' ELSE 'undone' END)
FROM reconciliation_resolutionstep step
JOIN ledger_journalentry entry ON entry.key = ANY(step.entries)
LEFT JOIN ledger_journalentry reversal ON reversal.reverses_id = entry.id
WHERE (step.undone_at IS NULL) <> (reversal.id IS NULL)
"""
# What the log of closings says last is what the ledger's lock does: of a day its channel's, of a month all of its days.
PERIODS_UNTRUE: Final = """
SELECT period.id, format('%s of %s was %s at last, and the ledger has %s %s', period.first,
                         COALESCE(period.channel_id, period.merchant_id), change.status, day::date,
                         CASE WHEN lock.closed THEN 'closed' ELSE 'open' END)
FROM reconciliation_period period
JOIN LATERAL (
    SELECT status FROM reconciliation_periodchange
    WHERE period_id = period.id ORDER BY number DESC LIMIT 1
) change ON true
CROSS JOIN LATERAL generate_series(period.first, CASE
    WHEN period.channel_id IS NULL THEN (period.first + interval '1 month - 1 day')::date ELSE period.first
END, interval '1 day') day
CROSS JOIN LATERAL (
    SELECT ledger_day_closed(period.merchant_id, day::date, ARRAY[period.channel_id]) AS closed
) lock
WHERE change.status = 'closed' AND NOT lock.closed
   OR change.status = 'reopened' AND lock.closed AND period.channel_id IS NOT NULL
"""
