"""What stands open at providers by the day it is from, how long their money took lately, and what they charged."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django.db import connection

# What is folded, and the tail that is not: each summed up by the day of an item's oldest event, which is the day of the
# sale, or the one on which a settlement was closed. The tail adds to the day of its item, so that what it settles nets
# to nothing there, and the many folded items are not compared with it. Those are summed up by quarters of an hour
# first, at one of which a day begins in every zone: it costs a third of finding the day of each.
_OPEN: Final = """
WITH tail AS (
    SELECT posting.account_id, posting.item, sum(posting.amount)::bigint AS amount, min(entry.occurred_at) AS since
    FROM unnest(%(numbers)s::int[]) account (number)
    CROSS JOIN LATERAL (
        SELECT * FROM ledger_posting
        WHERE account_id = account.number AND item IS NOT NULL
          AND xid > COALESCE((SELECT xid FROM ledger_foldcursor WHERE id = 1), 0)
        OFFSET 0
    ) posting
    CROSS JOIN LATERAL (SELECT * FROM ledger_journalentry WHERE id = posting.entry_id LIMIT 1) entry
    GROUP BY posting.account_id, posting.item
)
SELECT open.account_id, open.day, sum(open.amount)::bigint, sum(open.items)::int
FROM (
    SELECT folded.account_id, (folded.quarter AT TIME ZONE %(zone)s)::date AS day, folded.amount, folded.items
    FROM (
        SELECT account_id, date_bin('15 minutes', since, TIMESTAMPTZ '2000-01-01 00:00+00') AS quarter,
               sum(amount)::bigint AS amount, count(*) AS items
        FROM ledger_openitem WHERE account_id = ANY(%(numbers)s::int[])
        GROUP BY 1, 2
    ) folded
    UNION ALL
    SELECT tail.account_id, (COALESCE(folded.since, tail.since) AT TIME ZONE %(zone)s)::date, tail.amount,
           CASE WHEN folded.amount IS NULL THEN (tail.amount <> 0)::int
                WHEN folded.amount + tail.amount = 0 THEN -1 ELSE 0 END
    FROM tail
    LEFT JOIN LATERAL (
        SELECT amount, since FROM ledger_openitem
        WHERE account_id = tail.account_id AND item = tail.item LIMIT 1
    ) folded ON true
) open
GROUP BY 1, 2
HAVING sum(open.amount) <> 0 OR sum(open.items) > 0
ORDER BY 1, 2
"""
# Of the last payouts that the bank has shown whole: from which days their sales were. Of a long settlement its ends,
# so that a million lines cost what two hundred do.
_TOOK: Final = """
SELECT payout.provider_account_id, payout.received_on, (line.occurred_at AT TIME ZONE %(zone)s)::date, count(*)
FROM (
    SELECT last.* FROM payments_provideraccount account
    CROSS JOIN LATERAL (
        SELECT payout.* FROM reconciliation_payout payout
        WHERE payout.provider_account_id = account.id AND payout.status = 'received'
        ORDER BY payout.received_on DESC, payout.id DESC LIMIT %(payouts)s
    ) last
    WHERE account.merchant_id = %(merchant)s
) payout
CROSS JOIN LATERAL (
    SELECT max(number) AS number FROM reconciliation_settlementline WHERE settlement_id = payout.settlement_id
) final
JOIN reconciliation_settlementline line ON line.settlement_id = payout.settlement_id
 AND (line.number <= 100 OR line.number > final.number - 100)
WHERE line.type = 'sale'
GROUP BY 1, 2, 3
"""
# Refunds by bank transfer that the bank does not show yet: accepted and owed to customers, or ordered and in transit.
# What is folded and the tail, by item, of the few accounts that such a part stands on.
_LEAVING: Final = """
WITH account AS (
    SELECT number, currency, code <> 'refunds_payable' AS ordered FROM ledger_account
    WHERE merchant_id = %(merchant)s AND (code = 'refunds_payable' OR split_part(code, ':', 1) = 'in_transit')
),
open AS (
    SELECT account_id, item, sum(amount)::bigint AS amount FROM (
        SELECT account_id, item, amount FROM ledger_openitem WHERE account_id IN (SELECT number FROM account)
        UNION ALL
        SELECT posting.account_id, posting.item, posting.amount
        FROM account
        CROSS JOIN LATERAL (
            SELECT * FROM ledger_posting
            WHERE account_id = account.number AND item IS NOT NULL
              AND xid > COALESCE((SELECT xid FROM ledger_foldcursor WHERE id = 1), 0)
            OFFSET 0
        ) posting
    ) either
    GROUP BY account_id, item HAVING sum(amount) < 0
)
SELECT account.currency, account.ordered, batch.id, batch.iban, batch.execute_on,
       CASE WHEN batch.id IS NULL THEN (part.released_at AT TIME ZONE %(zone)s)::date END,
       -sum(open.amount)::bigint, count(*)::int
FROM open
JOIN account ON account.number = open.account_id
JOIN payments_refundpart part ON part.item = open.item AND part.route = 'bank'
LEFT JOIN payments_transferbatch batch ON batch.id = part.batch_id AND batch.status <> 'canceled'
WHERE account.ordered OR part.status = 'pending'
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 5, 6, 3
"""
_CHARGED: Final = """
SELECT settlement.provider_account_id, line.currency, payment.method, COALESCE(payment.card_brand, ''),
       count(*), sum(line.gross)::bigint, sum(line.fee)::bigint, sum(line.vat)::bigint
FROM reconciliation_settlement settlement
JOIN reconciliation_settlementline line ON line.settlement_id = settlement.id
JOIN payments_payment payment ON payment.id = line.payment_id
WHERE settlement.merchant_id = %(merchant)s AND settlement.closed_at >= %(since)s
  AND line.type = 'sale' AND line.state = 'matched'
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 6 DESC
"""


class OpenAtProvider(NamedTuple):
    """What stands on one receivable (by its account's number) of one day, in minor units, over how many items."""

    account: int
    day: date
    amount: int
    items: int


class Took(NamedTuple):
    """On which day the bank showed how many sales of another day."""

    provider_account_id: str
    received_on: date
    sold_on: date
    sales: int


class Charged(NamedTuple):
    """What was charged for sales of one method and brand, in minor units; `fee` is without its VAT."""

    provider_account_id: str
    currency: str
    method: str | None
    brand: str
    sales: int
    gross: int
    fee: int
    vat: int


class TransfersLeaving(NamedTuple):
    """Refunds by transfer of one batch, or of one day on which they were ordered one by one; or that nobody ordered."""

    currency: str
    ordered: bool
    batch_id: str | None
    iban: str | None
    execute_on: date | None
    released_on: date | None
    amount: int
    transfers: int


def open_at_providers(numbers: Collection[int], zone: str) -> list[OpenAtProvider]:
    """Return what stands on these receivables, by the day it is from."""
    return [OpenAtProvider(*row) for row in _read(_OPEN, {"numbers": list(numbers), "zone": zone})]


def took(merchant_id: str, zone: str, *, payouts: int) -> list[Took]:
    """Return how old sales were when the bank showed them, over the last payouts of each provider account."""
    return [Took(*row) for row in _read(_TOOK, {"merchant": merchant_id, "zone": zone, "payouts": payouts})]


def transfers_leaving(merchant_id: str, zone: str) -> list[TransfersLeaving]:
    """Return the refunds by bank transfer that have not left the merchant's accounts yet, in minor units."""
    return [TransfersLeaving(*row) for row in _read(_LEAVING, {"merchant": merchant_id, "zone": zone})]


def charged(merchant_id: str, *, since: datetime) -> list[Charged]:
    """Return what settlements closed since then charged for sales, by account, currency, method and brand."""
    return [Charged(*row) for row in _read(_CHARGED, {"merchant": merchant_id, "since": since})]


def _read(statement: str, names: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, names)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
