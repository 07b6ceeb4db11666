"""Write down who changed what."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db.models import Model
from django.utils import timezone

from payments.audit_log.models import AuditLog
from payments.core.pan import mask_tree

SYSTEM: Final = "system"
LOOKED_AT: Final = "personal_data.seen"
ONE_LOOK: Final = timedelta(hours=1)  # of one person at one object, however often its page is opened meanwhile


def write(
    *,
    actor: str,
    action: str,
    subject: Model,
    merchant_id: str | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add one action, in the caller's transaction, so that neither is committed without the other.

    Card numbers are masked here; secrets and personal data the caller leaves out.
    """
    row = _row(actor, action, subject, merchant_id)
    row.before, row.after = _scrubbed(before), _scrubbed(after)
    row.save(force_insert=True)


def note_looks(*, actor: str, subjects: Iterable[Model], merchant_id: str) -> None:
    """Write down that a person saw personal data of these; what they saw within the hour is one look."""
    named = {str(subject.pk): subject for subject in subjects}
    lately = AuditLog.objects.filter(
        object_id__in=named, actor=actor, action=LOOKED_AT, at__gt=timezone.now() - ONE_LOOK
    )
    known = set(lately.values_list("object_id", flat=True)) if named else set()
    fresh = [subject for name, subject in named.items() if name not in known]
    write_each(actor=actor, action=LOOKED_AT, subjects=[(subject, merchant_id) for subject in fresh])


def write_each(*, actor: str, action: str, subjects: Iterable[tuple[Model, str | None]]) -> None:
    """Add the same action for each of these, with its merchant, in one statement."""
    rows = [_row(actor, action, subject, merchant_id) for subject, merchant_id in subjects]
    if rows:
        AuditLog.objects.bulk_create(rows)


def _row(actor: str, action: str, subject: Model, merchant_id: str | None) -> AuditLog:
    kind = getattr(subject, "OBJECT", None) or type(subject).__name__.lower()
    return AuditLog(actor=actor, action=action, object_type=kind, object_id=str(subject.pk), merchant_id=merchant_id)


def _scrubbed(details: Mapping[str, Any] | None) -> Any:
    return None if details is None else mask_tree(dict(details))[0]
