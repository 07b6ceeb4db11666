"""Open and close discrepancies: the one place, for every floor."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from payments import payloads
from payments.models import Discrepancy, Merchant
from payments.notify.services.emit import NewEvent, emit


def open_discrepancies(rows: Sequence[Discrepancy]) -> list[Discrepancy]:
    """Open discrepancies, joining the caller's transaction; one that is open under its key is left as it is.

    Returns the open rows in the order of `rows` (in place of a repetition the one that was open before).
    """
    if not rows:
        return []
    # Of two under one key the first one counts; one statement may not insert both.
    unique = {(row.merchant_id, row.key): row for row in reversed(rows)}
    # The partial unique index (one open row a key) decides, also between two transactions at once.
    Discrepancy.objects.bulk_create(list(unique.values()), ignore_conflicts=True)
    open_rows = {
        (row.merchant_id, row.key): row
        for row in Discrepancy.objects.filter(
            merchant_id__in={row.merchant_id for row in rows}, key__in={row.key for row in rows}
        )
        .exclude(status=Discrepancy.Status.RESOLVED)
        .select_related("merchant")
    }
    # Our id in the table means that ours was inserted: only then is there an event to emit.
    opened = [open_rows[at] for at, row in unique.items() if at in open_rows and open_rows[at].id == row.id]
    emit([_event("discrepancy.opened", row) for row in opened])
    return [open_rows[row.merchant_id, row.key] for row in rows if (row.merchant_id, row.key) in open_rows]


def update_open_discrepancy(*, merchant: Merchant, key: str, **columns: Any) -> bool:
    """Update columns of the discrepancy that is open under this key; return whether there is one."""
    rows = Discrepancy.objects.filter(merchant=merchant, key=key).exclude(status=Discrepancy.Status.RESOLVED)
    return bool(rows.update(**columns))


def resolve_discrepancies(
    *, merchant: Merchant, keys: Sequence[str], actor: str, resolution: dict[str, Any] | None = None
) -> list[Discrepancy]:
    """Resolve the discrepancies that are open under these keys; a key without one is no fault."""
    if not keys:
        return []
    rows = list(
        Discrepancy.objects.select_for_update(of=("self",))
        .filter(merchant=merchant, key__in=keys)
        .exclude(status=Discrepancy.Status.RESOLVED)
        # Locked in id order, as everywhere, so that two files that resolve the same ones cannot deadlock.
        .order_by("id")
        .select_related("merchant")
    )
    for row in rows:
        row.status = Discrepancy.Status.RESOLVED
        row.resolved_at = timezone.now()
        row.resolved_by = actor
        row.resolution = resolution or {"action": "explained"}
    Discrepancy.objects.bulk_update(rows, ["status", "resolved_at", "resolved_by", "resolution"])
    emit([_event("discrepancy.resolved", row) for row in rows])
    return rows


def resolve_one(row: Discrepancy, *, actor: str, resolution: dict[str, Any]) -> Discrepancy:
    """Resolve a discrepancy that the caller has locked, even if something has just explained it."""
    row.refresh_from_db(fields=["status", "resolved_at"])
    was_resolved = row.status == Discrepancy.Status.RESOLVED
    row.status, row.resolved_by, row.resolution = Discrepancy.Status.RESOLVED, actor, resolution
    row.resolved_at = row.resolved_at or timezone.now()
    row.save(update_fields=["status", "resolved_at", "resolved_by", "resolution"])
    if not was_resolved:
        emit([_event("discrepancy.resolved", row)])
    return row


def reopen(row: Discrepancy, *, resolution: dict[str, Any]) -> Discrepancy:
    """Open a resolved discrepancy again, which the caller has locked; no other may be open under its key.

    `resolution` says what was done about it so far.
    """
    row.status, row.resolved_at, row.resolved_by = Discrepancy.Status.OPEN, None, ""
    row.resolution, row.wait_until = resolution, None
    row.save(update_fields=["status", "resolved_at", "resolved_by", "resolution", "wait_until"])
    emit([_event("discrepancy.opened", row)])
    return row


def _event(event_type: str, row: Discrepancy) -> NewEvent:
    return NewEvent(
        merchant_id=row.merchant_id,
        channel_id=row.channel_id,
        type=event_type,
        object_type=row.OBJECT,
        object_id=row.id,
        data={"object": payloads.discrepancy(row)},
        test_mode=row.merchant.test_mode,
    )
