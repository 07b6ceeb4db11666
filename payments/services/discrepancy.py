"""Open and close discrepancies: the one place, for every floor."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from payments import payloads
from payments.models import Discrepancy, Merchant
from payments.notify.services.emit import NewEvent, emit


def raise_(rows: Sequence[Discrepancy]) -> list[Discrepancy]:
    """Open discrepancies, joining the caller's transaction; one that already stands under its key is left as it is.

    Returns the rows that now stand, in the order asked (a standing one in place of its repetition).
    """
    if not rows:
        return []
    unique = {(row.merchant_id, row.key): row for row in reversed(rows)}
    Discrepancy.objects.bulk_create(list(unique.values()), ignore_conflicts=True)
    standing = {
        (row.merchant_id, row.key): row
        for row in Discrepancy.objects.filter(
            merchant_id__in={row.merchant_id for row in rows}, key__in={row.key for row in rows}
        )
        .exclude(status=Discrepancy.Status.RESOLVED)
        .select_related("merchant")
    }
    opened = [standing[at] for at, row in unique.items() if at in standing and standing[at].id == row.id]
    emit([_news("discrepancy.opened", row) for row in opened])
    return [standing[row.merchant_id, row.key] for row in rows if (row.merchant_id, row.key) in standing]


def amend_(*, merchant: Merchant, key: str, **columns: Any) -> bool:
    """Bring columns of what stands open under this key up to date; tell whether anything does."""
    rows = Discrepancy.objects.filter(merchant=merchant, key=key).exclude(status=Discrepancy.Status.RESOLVED)
    return bool(rows.update(**columns))


def close_(
    *, merchant: Merchant, keys: Sequence[str], actor: str, resolution: dict[str, Any] | None = None
) -> list[Discrepancy]:
    """Resolve whatever stands open under these keys; what does not stand is no fault."""
    if not keys:
        return []
    rows = list(
        Discrepancy.objects.select_for_update(of=("self",))
        .filter(merchant=merchant, key__in=keys)
        .exclude(status=Discrepancy.Status.RESOLVED)
        .order_by("id")
        .select_related("merchant")
    )
    for row in rows:
        row.status = Discrepancy.Status.RESOLVED
        row.resolved_at = timezone.now()
        row.resolved_by = actor
        row.resolution = resolution or {"action": "explained"}
    Discrepancy.objects.bulk_update(rows, ["status", "resolved_at", "resolved_by", "resolution"])
    emit([_news("discrepancy.resolved", row) for row in rows])
    return rows


def _news(event_type: str, row: Discrepancy) -> NewEvent:
    return NewEvent(
        merchant_id=row.merchant_id,
        channel_id=row.channel_id,
        type=event_type,
        object_type=row.OBJECT,
        object_id=row.id,
        data={"object": payloads.discrepancy(row)},
        test_mode=row.merchant.test_mode,
    )
