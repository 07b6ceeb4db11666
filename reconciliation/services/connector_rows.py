"""How a connector's row is written, whoever decided about it."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict, NotFound
from payments.people.actors import Actor
from payments.people.permissions import May
from payments.people.services import authority, notices
from payments.people.services.notices import Notice
from payments.services.idempotency import IdempotencyGuard
from reconciliation.models import Connector
from reconciliation.services import connector_access


def save(row: Connector, *, actor: str, guard: IdempotencyGuard | None = None) -> Connector:
    """Write a new one down."""
    row.status = beginning(row)
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        row.save(force_insert=True)
        after = {"kind": row.kind, "name": row.name, "settings": row.settings, "starts_on": row.starts_on.isoformat()}
        log(row, "added", actor, after=after)
    return row


def apply(row: Connector, changes: Mapping[str, Any], credentials: Mapping[str, str], *, actor: str) -> None:
    """Change one.

    Raises:
        Conflict: `connector_exists`.
    """
    with transaction.atomic():
        lock(row)
        before = {name: getattr(row, name) for name in changes}
        for name, value in changes.items():
            setattr(row, name, value)
        refuse_second(row)
        if credentials or "settings" in changes:
            _start_over(row, credentials)
        row.filled_at = None  # which days may be sent is asked anew
        row.due_at = timezone.now()
        row.save()
        if changes:
            log(row, "changed", actor, before=before, after=dict(changes))
        if credentials:
            log(row, "credentials_set", actor, after={"names": sorted(credentials)})


def refuse_second(row: Connector) -> None:
    """Refuse two connectors to one administration, which would book everything twice there.

    Raises:
        Conflict: `connector_exists`.
    """
    others = Connector.objects.filter(merchant_id=row.merchant_id, kind=row.kind, removed_at=None).exclude(id=row.id)
    if others.filter(settings=row.settings).exists():
        raise Conflict("connector_exists", "This administration is connected already. Change that connector.")


def beginning(row: Connector) -> str:
    """How a connector stands that was not used yet."""
    waits = connector_access.signs_in(row) and not row.tokens
    return Connector.Status.NEEDS_SIGN_IN if waits else Connector.Status.CONNECTED


def lock(row: Connector) -> None:
    """Lock and refresh a row.

    Raises:
        NotFound: it was removed.
    """
    row.refresh_from_db(from_queryset=Connector.objects.select_for_update())
    if row.removed_at is not None:
        raise NotFound("There is no such connector.")


def tell_owners(notice: Notice, row: Connector, *, by: Actor) -> None:
    """Let the owners know that it is decided, or to be decided, where their books are sent."""
    owners = notices.owners(row.merchant_id)
    notices.send(owners, notice, about=row, merchant_id=row.merchant_id, by=by, what=row.name)


def require(actor: str, row: Connector, action: str, what: May) -> None:
    """Refuse a person whose roles do not cover this.

    Raises:
        Forbidden: `permission_missing`.
    """
    authority.require_of_person(
        actor=actor, what=what, merchant_id=row.merchant_id, channel_id=None, action=f"connector.{action}"
    )


def log(row: Connector, action: str, actor: str, **details: Any) -> None:
    """Add a line to the audit log."""
    audit_log.write(actor=actor, action=f"connector.{action}", subject=row, merchant_id=row.merchant_id, **details)


def _start_over(row: Connector, credentials: Mapping[str, str]) -> None:
    """Other credentials or another administration: what was signed in to before says nothing about these."""
    row.credentials = json.dumps({**connector_access.credentials_of(row), **credentials})
    row.tokens, row.administration, row.error_code, row.error_detail = "", "", "", ""
    row.status = row.status if row.status == Connector.Status.OFF else beginning(row)
    row.holder = ""  # who sends just now may not go on; the lease still ends by itself, after its last request
