"""What a device has posted settles the actions that it answers: their status follows what was booked."""

from collections.abc import Iterable
from datetime import datetime

from terminals.models import Terminal, TerminalAction
from terminals.services.actions.transitions import follow


def follow_actions(terminal: Terminal, operation_ids: Iterable[str | None], now: datetime) -> None:
    """Bring the actions of these operations in line; the caller holds the terminal's lock, and has recorded them."""
    known = [operation_id for operation_id in operation_ids if operation_id is not None]
    if not known:
        return
    for action in TerminalAction.objects.filter(terminal=terminal, operation_id__in=known).select_related("operation"):
        follow(action, actor=terminal.id, now=now)
