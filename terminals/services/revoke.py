"""Revoke a terminal: lost, stolen or retired; nothing it sends is believed any more."""

from django.db import transaction

from payments.people.services import audit_log
from payments.services.intent import Intent
from terminals.models import Terminal


@transaction.atomic
def revoke(*, terminal_id: str, actor: str, intent: Intent | None = None) -> Terminal:
    """End a terminal for good; its transactions stay. Revoking it again changes nothing."""
    if intent is not None:
        intent.begin(terminal_id)
    rows = Terminal.objects.select_for_update(of=("self",)).select_related("merchant", "channel")
    terminal = rows.get(id=terminal_id)
    if terminal.status != Terminal.Status.REVOKED:
        terminal.status = Terminal.Status.REVOKED
        terminal.secret = terminal.public_key = terminal.pairing_code_hash = terminal.pairing_expires_at = None
        terminal.save()
        audit_log.write(actor=actor, action="terminal.revoked", subject=terminal, merchant_id=terminal.merchant_id)
    return terminal
