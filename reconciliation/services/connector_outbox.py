"""What people do with a connector's outbox: send it now, try a failed document again, or mark it as sent."""

from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from payments.core.errors import Conflict
from payments.people.permissions import May
from payments.runtime.task_queue import enqueue_on_commit
from payments.services.idempotency import IdempotencyGuard
from reconciliation.models import Connector, ConnectorDocument
from reconciliation.services import connector_rows

Status = ConnectorDocument.Status
# Nobody can say but a person who has looked whether it is there, and how often.
BY_HAND: Final = ("sent_twice", "differs_there", "outcome_unclear")
_SENDS: Final = (Connector.Status.CONNECTED, Connector.Status.FAILING)


def send_now(row: Connector, *, actor: str, guard: IdempotencyGuard | None = None) -> None:
    """Have everything sent at once, also what failed or rests; not what only a person can decide about.

    Raises:
        Conflict: `connector_not_connected`.
        Forbidden: `permission_missing`; so do all below.
    """
    connector_rows.require(actor, row, "sent_now", May.RESOLVE)
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        connector_rows.lock(row)
        if row.status not in _SENDS:
            raise Conflict("connector_not_connected", "Sign in first, or switch it on.")
        waiting = row.documents.exclude(status=Status.SENT).exclude(error_code__in=BY_HAND)
        waiting.update(status=Status.PENDING, due_at=Now())
        row.due_at = timezone.now()
        row.save(update_fields=["due_at"])
        connector_rows.log(row, "sent_now", actor)
        enqueue_on_commit("reconciliation.send_connector", row.id)


def send_again(document: ConnectorDocument, *, actor: str) -> None:
    """Try a failed document again.

    Raises:
        Conflict: `document_not_failed`; so does the next.
    """
    _decide(document, "sent_again", actor, status=Status.PENDING, due_at=Now(), asked_at=None)


def mark_sent(document: ConnectorDocument, *, remote_id: str, actor: str) -> None:
    """Write down what a person found in the package: it is there, under this id."""
    _decide(document, "marked_sent", actor, status=Status.SENT, remote_id=remote_id, sent_at=Now())


def _decide(document: ConnectorDocument, what: str, actor: str, **changes: Any) -> None:
    row = document.connector
    connector_rows.require(actor, row, what, May.RESOLVE)
    with transaction.atomic():
        failed = ConnectorDocument.objects.filter(id=document.id, status=Status.FAILED)
        if not failed.update(error_code="", error_detail="", **changes):
            raise Conflict("document_not_failed", "This document did not fail, or is taken up again already.")
        there = {"remote_id": changes["remote_id"]} if "remote_id" in changes else {}
        connector_rows.log(row, what, actor, after={"key": document.key, **there})
    document.refresh_from_db()
