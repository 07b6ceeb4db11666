"""Bank lines matched and stored as sets.

A payout is recognized by its reference as a word of its own in what the bank passes on: a letter or digit right before
or after makes it another word. Banks break long texts anywhere, so spaces within it do not count, and of several that
fit the longest is meant. A short reference counts only with the payout's amount, and a short bare number (`13`, a batch
number, which might be anybody's invoice) only beside the provider's own name or account, too. What only might be a
payout is held in suspense for a person. A refund by bank transfer carries its operation's id as end-to-end id, or in
its text where the bank passes on no such id; banks write it in capitals, and put another character (or none) in place
of its underscore. A batch of such transfers that the bank debits as one carries the batch's id, as the name of the
payment order. What is debited once more, or with another amount, is held in suspense.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

from reconciliation.sql.open_items import UNSETTLED
from reconciliation.sql.payout_names import (
    REFERENCE,
    RULE_OFF,
    STAGED,
    TEXTS,
    UNSPACED,
    find_names,
)
from reconciliation.sql.repeated_lines import NOT_REPEATED, REPEATED

_NO_PARTS: Final = RULE_OFF.format(rule="payout_parts", account="named.provider_account_id")
# The operation's id that we gave as end-to-end id, as banks spell it.
_OUR_ID: Final = r"""'op_' || substring(
    lower(concat_ws('|', line.end_to_end_id, line.remittance) COLLATE "C")
    FROM '(?:^|[^0-9a-z])op[^0-9a-z]?([0-9a-z]{26})(?![0-9a-z])')"""
# The batch's id that we gave as the payment order's, in the same spellings.
_OUR_BATCH: Final = r"""'trb_' || substring(
    lower(concat_ws('|', line.batch, line.end_to_end_id, line.remittance) COLLATE "C")
    FROM '(?:^|[^0-9a-z])trb[^0-9a-z]?([0-9a-z]{26})(?![0-9a-z])')"""
# What of a refund's transfer, or of all of a batch, was ordered and is not at the bank yet: below zero as the books
# have it. The account is the one that it was ordered from.
_IN_TRANSIT: Final = """
SELECT coalesce(sum(posting.amount), 0)
FROM ledger_posting posting
JOIN ledger_account account ON account.number = posting.account_id
JOIN payments_refundpart part ON part.item = posting.item
WHERE account.merchant_id = %(merchant)s AND split_part(account.code, ':', 1) = 'in_transit' AND {which}
"""
# A sale that the provider credits by itself, with our end-to-end id, and that nothing has settled yet.
CREDITED: Final = f"""
SELECT line.position, operation.id, operation.provider_account_id,
       operation.outcome = 'succeeded' AND operation.reversed_at IS NULL AND operation.amount = line.amount
       AND operation.currency = line.currency AND {UNSETTLED} AS fits,
       row_number() OVER (PARTITION BY operation.id ORDER BY line.position) AS nth
FROM line
JOIN payments_operation operation
  ON operation.id = {_OUR_ID} AND operation.merchant_id = %(merchant)s AND operation.verb IN ('sale', 'capture')
 AND operation.executor NOT IN ('recorded', 'bank')
WHERE line.amount > 0
"""
_MATCH: Final = rf"""
INSERT INTO staged_statement_match (
    position, state, payout_id, operation_id, transfer_batch_id, provider_account_id, booked_before
)
WITH line AS (
    SELECT staged.*, account.iban, account.booked, account.opening, {TEXTS.format("staged")} AS texts
    FROM staged_statement_line staged
    JOIN unnest(%(accounts)s::text[], %(booked)s::boolean[], %(openings)s::bigint[])
             WITH ORDINALITY account(iban, booked, opening, place)
      ON account.place = staged.statement + 1
),
{{repeated}},
-- Of several payouts that a line names by themselves it is none for sure, unless its amount is the one's.
several AS (
    SELECT position, count(*) FILTER (WHERE owed = amount) = 1 AS one_fits
    FROM staged_payout_name
    WHERE status = 'announced' AND word AND telling AND alone AND sign(owed) = sign(amount)
    GROUP BY position HAVING count(*) > 1
),
best AS (
    SELECT DISTINCT ON (named.position) named.position, named.payout_id AS id, named.amount, named.owed
    FROM staged_payout_name named
    LEFT JOIN several ON several.position = named.position
    WHERE named.status = 'announced' AND named.word AND sign(named.owed) = sign(named.amount)
      AND (named.telling OR named.owed = named.amount AND (named.lettered OR named.by_provider))
      AND (several.position IS NULL OR several.one_fits AND named.owed = named.amount)
      AND (named.owed = named.amount OR NOT {_NO_PARTS})
      AND named.position NOT IN (SELECT position FROM staged_payout_part)
    ORDER BY named.position, named.longest DESC, named.owed = named.amount DESC, named.payout_id
),
-- What comes after all of a payout has come is another transfer: it may have been paid twice.
payout AS (
    SELECT position, id FROM (
        SELECT best.*, COALESCE(sum(amount) OVER (
            PARTITION BY id ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS before
        FROM best
    ) best
    WHERE before <> owed
),
-- A payout that was sent back as a whole: the only one that is named, and that the bank has shown.
back AS (
    SELECT position, min(payout_id) AS id
    FROM staged_payout_name named
    WHERE word AND alone AND (telling OR lettered OR by_provider) AND status <> 'failed'
      AND amount = owed - whole AND amount <> 0
    GROUP BY position
    HAVING count(*) = 1 AND NOT EXISTS (
        -- Or was it paid twice, and this takes the second one back?
        SELECT FROM reconciliation_bankstatementline second
        JOIN reconciliation_bankstatement statement ON statement.id = second.statement_id
        JOIN reconciliation_payout payout ON payout.id = min(named.payout_id)
        WHERE statement.merchant_id = %(merchant)s AND second.state = 'suspense' AND second.amount = -min(named.amount)
          AND second.currency = payout.currency
          AND position(upper({REFERENCE}) IN upper({UNSPACED.format(TEXTS.format("second"))})) > 0
    )
),
credited AS ({CREDITED}),
-- Whose it might be: the provider that is named, else the one of a payout that some of the text could mean, or of the
-- sale that it names.
owner AS (
    SELECT DISTINCT ON (position) position, id FROM (
        SELECT position, id, 1 AS place FROM staged_payout_provider
        UNION ALL
        SELECT position, provider_account_id, 2 FROM staged_payout_name
        WHERE status = 'announced' AND sign(owed) = sign(amount) AND (word OR owed = amount) OR word AND telling
        UNION ALL
        SELECT position, provider_account_id, 3 FROM credited
    ) either
    ORDER BY position, place, id
),
transfers AS (
    SELECT line.position, batch.id,
           batch.status = 'released' AND batch.currency = line.currency AND batch.amount = -line.amount
           AND ({_IN_TRANSIT.format(which="part.batch_id = batch.id")}) = line.amount AS fits,
           row_number() OVER (PARTITION BY batch.id ORDER BY line.position) AS nth
    FROM line
    JOIN payments_transferbatch batch ON batch.id = {_OUR_BATCH} AND batch.merchant_id = %(merchant)s
),
named AS (
    SELECT line.position, operation.id, part.batch_id, line.amount > 0 AS incoming,
           row_number() OVER (PARTITION BY operation.id, line.amount > 0 ORDER BY line.position) AS nth,
           operation.outcome IS DISTINCT FROM 'succeeded'
           OR ({_IN_TRANSIT.format(which="part.id = operation.refund_part_id")}) = line.amount AS leaving
    FROM line
    JOIN payments_operation operation
      ON operation.id = {_OUR_ID} AND operation.merchant_id = %(merchant)s
     AND operation.executor = 'bank' AND operation.currency = line.currency
     AND operation.amount = abs(line.amount)
    JOIN payments_refundpart part ON part.id = operation.refund_part_id
),
-- A transfer leaves once: what is debited again, by itself or with its batch, is the bank's to explain.
refund AS (
    SELECT position, id, incoming OR leaving AND nth = 1 AND NOT EXISTS (
        SELECT FROM transfers WHERE transfers.id = named.batch_id AND fits AND nth = 1
    ) AS fits
    FROM named
)
SELECT line.position,
       CASE
           WHEN NOT line.booked OR line.amount = 0 THEN 'other'  -- for information: no money
           WHEN repeated.position IS NOT NULL THEN 'repeated'
           WHEN payout.id IS NOT NULL OR back.id IS NOT NULL
                OR line.position IN (SELECT position FROM staged_payout_part) THEN 'payout'
           WHEN refund.fits OR refund.id IS NULL AND transfers.fits AND transfers.nth = 1 THEN 'refund'
           WHEN credited.fits AND credited.nth = 1 THEN 'payment'
           WHEN owner.id IS NOT NULL OR refund.id IS NOT NULL OR transfers.id IS NOT NULL THEN 'suspense'
           ELSE 'other'
       END,
       COALESCE(payout.id, back.id), COALESCE(refund.id, credited.id),
       CASE WHEN refund.id IS NULL THEN transfers.id END, owner.id, coalesce(repeated.was_booked, false)
FROM line
LEFT JOIN repeated ON repeated.position = line.position
LEFT JOIN payout ON payout.position = line.position
LEFT JOIN back ON back.position = line.position
LEFT JOIN refund ON refund.position = line.position
LEFT JOIN transfers ON transfers.position = line.position
LEFT JOIN credited ON credited.position = line.position
LEFT JOIN owner ON owner.position = line.position
"""


def match_statement_lines(
    *,
    merchant_id: str,
    accounts: Sequence[str],
    openings: Sequence[int | None],
    booked: bool,
    parts: bool = False,
) -> None:
    """Say of each staged line what explains it.

    Args:
        accounts: of each staged statement, in their order.
        openings: the balance each opens with, in minor units; None where its format has none.
        booked: whether lines of this kind of file are booked at all.
        parts: whether they are the parts of lines that are stored, which were held against other statements then.
    """
    values: dict[str, Any] = {
        "merchant": merchant_id,
        "accounts": list(accounts),
        "openings": list(openings),
        "booked": [booked] * len(accounts),
    }
    find_names(STAGED, merchant_id=merchant_id)
    with connection.cursor() as cursor:
        cursor.execute(_MATCH.replace("{repeated}", NOT_REPEATED if parts else REPEATED), values)


def booked_before() -> set[int]:
    """The positions of staged lines that an earlier statement has, which were booked from there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT position FROM staged_statement_match WHERE booked_before")
        return {position for (position,) in cursor.fetchall()}


_STORE: Final = """
INSERT INTO reconciliation_bankstatementline (
    statement_id, position, number, amount, currency, booked_on, valued_on, reversal, bank_reference, end_to_end_id,
    batch, counterparty_name, counterparty_iban, remittance, code, state, payout_id, operation_id,
    transfer_batch_id, provider_account_id, item
)
SELECT statement.id, line.position, line.number, line.amount, line.currency, line.booked_on, line.valued_on,
       line.reversal, line.bank_reference, line.end_to_end_id, line.batch, line.counterparty_name,
       line.counterparty_iban, line.remittance, line.code, match.state,
       CASE WHEN match.state = 'payout' THEN match.payout_id END,
       CASE WHEN match.state IN ('refund', 'payment') THEN match.operation_id END,
       CASE WHEN match.state = 'refund' THEN match.transfer_batch_id END,
       match.provider_account_id,
       CASE WHEN match.state = 'suspense' THEN nextval('ledger_item') END
FROM staged_statement_line line
JOIN staged_statement_match match ON match.position = line.position
JOIN unnest(%(statements)s::bigint[]) WITH ORDINALITY statement(id, place) ON statement.place = line.statement + 1
ORDER BY line.position
"""


def store_statement_lines(statement_ids: Sequence[int | None]) -> None:
    """Keep the staged lines with what explains them; ids in the order of the file's statements, None if left out."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"statements": list(statement_ids)})
