"""Unpair a device: its key is worth nothing from now on, and a new code lets another (or the same) pair."""

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict
from payments.services.idempotency import IdempotencyGuard
from terminals.models import Terminal
from terminals.services.create import NewTerminal, offer_code, require_manager


def unpair(*, terminal_id: str, actor: str, guard: IdempotencyGuard | None = None) -> NewTerminal:
    """Take the device's key away and give the terminal a new pairing code, also where it only lost its last one.

    Raises:
        Conflict: the terminal has been revoked.
        Forbidden: `permission_missing`.
    """
    place = Terminal.objects.only("merchant_id", "channel_id").get(id=terminal_id)
    require_manager(actor, place.merchant_id, place.channel_id, "terminal.unpaired")
    return _unpair(terminal_id, actor, guard)


@transaction.atomic
def _unpair(terminal_id: str, actor: str, guard: IdempotencyGuard | None) -> NewTerminal:
    if guard is not None:
        guard.begin(terminal_id)
    rows = Terminal.objects.select_for_update(of=("self",)).select_related("merchant", "channel")
    terminal = rows.get(id=terminal_id)
    if terminal.status == Terminal.Status.REVOKED:
        raise Conflict("terminal_revoked", "This terminal has been revoked for good. Create another.")
    terminal.status = Terminal.Status.UNPAIRED
    # Under the lock: a request that was verified before is verified again with the locked row.
    terminal.secret = terminal.public_key = None
    code = offer_code(terminal, timezone.now())
    terminal.save()
    audit_log.write(actor=actor, action="terminal.unpaired", subject=terminal, merchant_id=terminal.merchant_id)
    return NewTerminal(terminal, code)
