"""Sales figures: what was sold, given back and charged back, by channel, day, method, origin, brand and hour.

Every transition writes a change (`StatisticDelta`) in its own transaction; `fold` moves changes into totals in the
background; `figures` adds up both, so that what was committed a moment ago counts.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from django.db import connection

from payments.runtime.fail_points import fail_point
from payments.runtime.sweeps import Sweep
from payments.statistics import sql

BATCH: Final = 5_000
# The dimensions by which totals may be grouped, and their columns.
GROUPS: Final[dict[str, str]] = {
    "channel": "channel_id",
    "business_day": "business_day",
    "method": "method",
    "origin": "origin",
    "brand": "brand",
    "hour": "hour",
}


def figures(
    *,
    merchant_id: str,
    first: date,
    last: date,
    groups: Sequence[str] = (),
    channel_id: str | None = None,
    channel_ids: Sequence[str] | None = None,
    currency: str | None = None,
) -> list[dict[str, Any]]:
    """Figures over business days, both inclusive: one row per group and currency, those without any left out.

    `channel_ids` are those that a reader may see: none of them, no figures; without it, all of the merchant's.
    """
    parameters: dict[str, Any] = {
        "merchant": merchant_id,
        "first": first,
        "last": last,
        "channel": channel_id,
        "channels": None if channel_ids is None else list(channel_ids),
        "currency": currency,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.figures([GROUPS[group] for group in groups]), parameters)
        names = [column.name for column in cursor.description or ()]
        return [_with_results(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def fold(limit: int = BATCH) -> int:
    """Move the next changes into the totals and return how many; 0 when there are none, or another fold runs.

    One that cannot be moved (its total would be too large a number) stays a change, and counts as that.
    """
    sweep = Sweep("payments.fold_statistics")
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT, {"resting": [int(subject) for subject in sweep.resting], "limit": limit})
        ids = [row[0] for row in cursor.fetchall()]
    folded: list[int] = []
    sweep.together(ids, lambda some: folded.append(_fold_some(some)), subject=str)
    fail_point("statistics.committed")
    return sum(folded)


def fold_all(limit: int = BATCH) -> int:
    """Fold until nothing is left."""
    total = 0
    while count := fold(limit):
        total += count
    return total


def _fold_some(ids: Sequence[int]) -> int:
    """Move these changes, within the caller's transaction; none while another fold runs."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TRY_LOCK)
        if not _one(cursor):
            return 0
        fail_point("statistics.opened")
        cursor.execute(sql.FOLD, {"ids": list(ids)})
        folded = int(_one(cursor))
        fail_point("statistics.written")
    return folded


def _with_results(row: dict[str, Any]) -> dict[str, Any]:
    net = row["sales_amount"] - row["refunds_amount"] - row["chargebacks_amount"]
    return row | {"net_amount": net, "average_amount": average(row["sales_amount"], row["sales_count"])}


def average(amount: int, count: int) -> int:
    """Rounded half up, in whole minor units; 0 where nothing was sold."""
    return (2 * amount + count) // (2 * count) if count > 0 else 0


def _one(cursor: Any) -> Any:
    return cursor.fetchone()[0]
