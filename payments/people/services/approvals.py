"""A second person's word: asked for when something is large, given by somebody else, never by a key."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from payments.errors import Conflict, Forbidden, NotFound
from payments.people.models import Approval, User
from payments.people.permissions import APPROVING, may
from payments.people.services import audit_log

SECOND_FACTOR_LASTS: Final = timedelta(minutes=15)


def request(
    *, subject: models.Model, action: str, merchant_id: str, channel_id: str | None, requested_by: str
) -> Approval:
    """Ask for a second person, in the transaction that makes what waits for it."""
    row = Approval(
        merchant_id=merchant_id,
        channel_id=channel_id,
        subject_type=getattr(subject, "OBJECT", type(subject).__name__.lower()),
        subject_id=subject.pk,
        action=action,
        requested_by=requested_by,
    )
    row.save(force_insert=True)
    return row


def withdraw(*, subject_id: str, action: str, actor: str) -> None:
    """Nothing waits any more: what was asked for has been given up."""
    for row in Approval.objects.filter(subject_id=subject_id, action=action, decision=None):
        audit_log.write(actor=actor, action=f"{action}.withdrawn", subject=row, merchant_id=row.merchant_id)
        row.delete()


def decide(*, subject_id: str, action: str, user: User, approved: bool, note: str) -> Approval:
    """Write down what the second person said, in the transaction that acts on it.

    Raises:
        Conflict: `approval_not_open`, when nobody asked or somebody has decided.
        Forbidden: `own_request`, when it is the person's own, whoever they are; `role_missing`, when it is not theirs
            to say; `second_factor_required`, when they have not just proved who they are.
    """
    row = Approval.objects.select_for_update().filter(subject_id=subject_id, action=action, decision=None).first()
    if row is None:
        raise Conflict("approval_not_open", "Nothing waits for a second person here.")
    _check(row, user)
    row.decided_by, row.decided_at, row.note = user, timezone.now(), note
    row.decision = Approval.Decision.APPROVED if approved else Approval.Decision.REJECTED
    row.save(update_fields=["decided_by", "decided_at", "note", "decision"])
    audit_log.write(actor=user.id, action=f"{action}.{row.decision}", subject=row, merchant_id=row.merchant_id)
    return row


def settle(*, approval_id: str, user: User, approved: bool, note: str) -> None:
    """Decide, and have it carried out by whoever asked (`APPROVAL_ACTIONS` in the settings).

    Raises:
        NotFound: no such approval.
        Conflict, Forbidden: as `decide`, and as what it is about says.
    """
    row = Approval.objects.filter(id=approval_id).first()
    if row is None:
        raise NotFound
    act: Callable[..., Any] = import_string(settings.APPROVAL_ACTIONS[row.action])
    with transaction.atomic():
        act(row.subject_id, user=user, approved=approved, note=note)


def _check(row: Approval, user: User) -> None:
    if row.requested_by == user.id:
        raise Forbidden("own_request", "A second person has to decide; this is your own request.")
    if not may(user, APPROVING[row.action], merchant_id=row.merchant_id, channel_id=row.channel_id):
        raise Forbidden("role_missing", "Your role does not decide about this. Ask an owner, or finance.")
    if not has_recent_second_factor(user):
        raise Forbidden("second_factor_required", "Prove with your second factor who you are, then decide again.")


def has_recent_second_factor(user: User) -> bool:
    """Tell whether this person has just proved who they are, in the session they act from."""
    proved = user.second_factor_at
    return proved is not None and timezone.now() - proved < SECOND_FACTOR_LASTS
