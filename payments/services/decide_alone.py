"""A shop of one says aloud that one person decides where there is no other."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from payments.models import Merchant
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.services import setting_notices, update_setup

# A colleague whose role was taken away is notified before the one who did so decides alone.
COUNTS_AFTER: Final = timedelta(days=1)


def switch(merchant: Merchant, *, on: bool, actor: Actor) -> Approval | None:
    """Let one person decide where there is no other, or no longer; return the approval that waits, where one does.

    Switching it off never waits. Switching it on does, for a live merchant, as long as another person could approve it;
    without one it counts from a day later. The owners are notified at once.

    Raises:
        Forbidden: as `gate.check`.
        Conflict: `approval_waiting`.
    """
    gate.check(Action.DECIDE_ALONE, by=actor, merchant_id=merchant.id)
    with transaction.atomic():
        # Its settings may just be changing: what waits is decided by how they are under the lock.
        locked = update_setup.locked(merchant)
        # Nobody else there: the approval would wait for ever. The owners' notice and the day are what is left.
        if on and gate.waits(Action.DECIDE_ALONE, by=actor, merchant=locked) and not _alone(locked, actor):
            since = _counts_from(locked)
            approval = gate.propose(
                Action.DECIDE_ALONE,
                subject=merchant,
                by=actor,
                merchant_id=merchant.id,
                payload={"changes": {"decides_alone_from": since.isoformat()}, "before": {"decides_alone_from": None}},
            )
            setting_notices.requested(approval, ["decides_alone_from"], merchant, by=actor)
            return approval
        _write(merchant, _counts_from(locked) if on else None, actor=name_of(actor), notified_by=actor)
    return None


def decide(subject_id: str, *, user: User, approved: bool, note: str) -> None:
    """Switch it on as requested, or leave it off.

    Raises:
        Conflict: `approval_not_open`.
        Forbidden: as `approvals.decide`.
    """
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().get(id=subject_id)
        approval = approvals.decide(
            subject_id=subject_id, action=Action.DECIDE_ALONE, user=user, approved=approved, note=note
        )
        if approved:
            _write(merchant, _counts_from(merchant), actor=approval.requested_by, notified_by=user)


def _alone(merchant: Merchant, actor: Actor) -> bool:
    return approvals.nobody_else(Action.DECIDE_ALONE, merchant_id=merchant.id, channel_id=None, but=name_of(actor))


def _counts_from(merchant: Merchant) -> datetime:
    now = timezone.now()
    # In test mode no money is lost, and nobody waits a day to try it.
    return now if merchant.test_mode else now + COUNTS_AFTER


def _write(merchant: Merchant, since: datetime | None, *, actor: str, notified_by: Actor) -> None:
    update_setup.apply(merchant, {"decides_alone_from": since}, credentials={}, actor=actor)
    setting_notices.changed(merchant, ["decides_alone_from"], merchant=merchant, by=notified_by)
