"""Decline a refund that waits for a second person."""

from django.db import transaction

from payments.models import Refund
from payments.people.models import User
from payments.services.refunds.give_up import give_up
from payments.services.refunds.open import open_waiting
from payments.services.refunds.result import read


def decline_refund(refund: Refund, *, user: User, note: str) -> Refund:
    """A second person rejects it: what the refund held is free again.

    Raises:
        Conflict: `refund_not_waiting`, when it waits for nobody.
        Forbidden: as `approvals.decide`.
    """
    with transaction.atomic():
        uow, parts = open_waiting(refund, user, approved=False, note=note)
        give_up(uow, parts, detail="A second person declined it.")
        uow.flush()
    return read(refund.id)
