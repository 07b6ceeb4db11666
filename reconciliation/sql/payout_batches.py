"""Several lines of the bank that are together several payouts: all that they name, or all that their provider owes.

As of a day's total, parts are never tried: all the lines that name the same payouts (or all of a provider that name
none) have to come to exactly these payouts, and no other line may be about one of them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from reconciliation.sql.payout_names import BEFORE, RULE_DAYS, RULE_OFF, STORED

_RULE: Final = {"rule": "payout_batch", "account": "reconciliation_payout.provider_account_id"}
_BATCHES: Final = f"""
WITH line AS ({STORED}),
free AS (
    SELECT * FROM line
    WHERE amount <> 0 AND position <> ALL(%(lines)s::bigint[])
      AND position NOT IN (SELECT position FROM staged_payout_part)
),
waiting AS (
    SELECT id, provider_account_id, currency, amount - amount_received AS owed,
           COALESCE(expected_on, created_at::date) AS expected,
           COALESCE(expected_on, created_at::date) + {RULE_DAYS.format(**_RULE)} AS until
    FROM reconciliation_payout
    WHERE merchant_id = %(merchant)s AND status = 'announced' AND id <> ALL(%(payouts)s::text[])
      AND NOT {RULE_OFF.format(**_RULE)}
),
meant AS (
    SELECT position, array_agg(payout_id ORDER BY payout_id) AS payouts
    FROM staged_payout_name
    WHERE status = 'announced' AND word AND alone AND (telling OR lettered OR by_provider)
    GROUP BY position
    UNION ALL
    SELECT free.position, ARRAY(
               SELECT id FROM waiting
               WHERE waiting.provider_account_id = provider.id AND waiting.currency = free.currency ORDER BY id
           )
    FROM free
    JOIN staged_payout_provider provider ON provider.position = free.position
    WHERE NOT EXISTS (SELECT FROM staged_payout_name named WHERE named.position = free.position AND named.word)
      AND NOT EXISTS (
          SELECT FROM staged_payout_provider other WHERE other.position = free.position AND other.id <> provider.id
      )
),
batch AS (
    SELECT meant.payouts, free.currency, array_agg(free.position ORDER BY free.booked_on, free.position) AS positions,
           array_agg(free.amount ORDER BY free.booked_on, free.position) AS amounts, sum(free.amount) AS together,
           min(free.booked_on) AS first_day, max(free.booked_on) AS last_day
    FROM meant JOIN free ON free.position = meant.position
    WHERE cardinality(meant.payouts) > 1
    GROUP BY meant.payouts, free.currency
    HAVING count(*) > 1 AND min(sign(free.amount)) = max(sign(free.amount))
)
SELECT batch.positions, batch.amounts, array_agg(waiting.id ORDER BY waiting.expected, waiting.id),
       array_agg(waiting.owed ORDER BY waiting.expected, waiting.id)
FROM batch
JOIN waiting ON waiting.id = ANY(batch.payouts) AND waiting.currency = batch.currency
WHERE NOT EXISTS (
    SELECT FROM meant other
    WHERE other.payouts && batch.payouts AND NOT other.position = ANY(batch.positions)
)
GROUP BY batch.positions, batch.amounts, batch.payouts, batch.together, batch.first_day, batch.last_day
HAVING count(*) = cardinality(batch.payouts) AND sum(waiting.owed) = batch.together
   AND min(sign(waiting.owed)) = sign(batch.together) AND max(sign(waiting.owed)) = sign(batch.together)
   AND count(DISTINCT waiting.provider_account_id) = 1
   AND batch.first_day >= min(waiting.expected) - {BEFORE} AND batch.last_day <= max(waiting.until)
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of the bank and the payouts that they are together, each with its amount in minor units."""

    lines: tuple[tuple[int, int], ...]
    payouts: tuple[tuple[str, int], ...]

    def parts(self) -> Iterator[tuple[int, tuple[tuple[str, int], ...]]]:
        """Yield each line with the payouts that it is: one of the same amount, else in the order of their days."""
        owed = dict(self.payouts)
        rest: list[tuple[int, int]] = []
        for line, amount in self.lines:
            same = next((payout for payout, left in owed.items() if left == amount), None)
            if same is None:
                rest.append((line, amount))
            else:
                del owed[same]
                yield line, ((same, amount),)
        for line, amount in rest:
            taken: list[tuple[str, int]] = []
            while left := amount - sum(part for _payout, part in taken):
                payout = next(iter(owed))
                part = min(left, owed[payout], key=abs)
                taken.append((payout, part))
                owed[payout] -= part
                if not owed[payout]:
                    del owed[payout]
            yield line, tuple(taken)


def find_batches(merchant_id: str, *, lines: Collection[int], payouts: Collection[str]) -> list[Batch]:
    """Return what is a batch, apart from lines and payouts that are known to be something else.

    Needs the names that stored lines have (`payout_names.find_names`).
    """
    values: dict[str, Any] = {"merchant": merchant_id, "lines": list(lines), "payouts": list(payouts)}
    with connection.cursor() as cursor:
        cursor.execute(_BATCHES, values)
        return [
            Batch(tuple(zip(positions, amounts, strict=True)), tuple(zip(ids, owed, strict=True)))
            for positions, amounts, ids, owed in cursor.fetchall()
        ]
