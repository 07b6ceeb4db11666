"""Write down who changed what."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import models

from payments.pan import mask_tree
from payments.people.models import AuditLog

SYSTEM: Final = "system"


def write(
    *,
    actor: str,
    action: str,
    subject: models.Model,
    merchant_id: str | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add one deed, in the caller's transaction, so that neither stands without the other.

    Card numbers are masked here; secrets and personal data the caller leaves out.
    """
    kind = getattr(subject, "OBJECT", None) or type(subject).__name__.lower()
    AuditLog.objects.create(
        actor=actor,
        action=action,
        object_type=kind,
        object_id=str(subject.pk),
        merchant_id=merchant_id,
        before=_scrubbed(before),
        after=_scrubbed(after),
    )


def _scrubbed(details: Mapping[str, Any] | None) -> Any:
    return None if details is None else mask_tree(dict(details))[0]
