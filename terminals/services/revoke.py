"""Revoke a terminal: lost, stolen or retired; nothing it sends is believed any more."""

from django.db import transaction

from payments import audit_log
from payments.services.idempotency import IdempotencyGuard
from terminals.models import Terminal
from terminals.services.create import require_manager


def revoke(*, terminal_id: str, actor: str, guard: IdempotencyGuard | None = None) -> Terminal:
    """End a terminal for good; its transactions stay. Revoking it again changes nothing.

    Raises:
        Forbidden: `permission_missing`.
    """
    # Without the lock, which a device's request may hold: who may not ask waits for nobody.
    place = Terminal.objects.only("merchant_id", "channel_id").get(id=terminal_id)
    require_manager(actor, place.merchant_id, place.channel_id, "terminal.revoked")
    return _revoke(terminal_id, actor, guard)


@transaction.atomic
def _revoke(terminal_id: str, actor: str, guard: IdempotencyGuard | None) -> Terminal:
    if guard is not None:
        guard.begin(terminal_id)
    rows = Terminal.objects.select_for_update(of=("self",)).select_related("merchant", "channel")
    terminal = rows.get(id=terminal_id)
    if terminal.status != Terminal.Status.REVOKED:
        terminal.status = Terminal.Status.REVOKED
        # Emptied, not only marked: nothing that still reads the key could accept it.
        terminal.secret = terminal.public_key = terminal.pairing_code_hash = terminal.pairing_expires_at = None
        terminal.save()
        audit_log.write(actor=actor, action="terminal.revoked", subject=terminal, merchant_id=terminal.merchant_id)
    return terminal
