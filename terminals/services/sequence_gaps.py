"""Gaps in a terminal's sequence: one discrepancy per series, which follows them and closes by itself."""

from typing import Any

from django.utils.translation import gettext_noop

from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.services import discrepancy
from payments.text.messages import message_columns
from terminals import sequences
from terminals.models import Terminal


def follow(terminal: Terminal, before: sequences.Ranges) -> None:
    """Bring the discrepancy in line with `terminal.missing`, which was `before`; joins the caller's transaction."""
    missing: sequences.Ranges = terminal.missing
    # The usual case by far: nothing to write, nothing to ask.
    if missing == before:
        return
    key = f"sequence_gap:{terminal.id}/{terminal.series}"
    if not missing:
        discrepancy.resolve_discrepancies(merchant=terminal.merchant, keys=[key], actor=terminal.id)
        return
    # Only a new gap opens one: what a person has resolved is not opened again for shrinking.
    grown = terminal.last_sequence and missing[-1][1] > (before[-1][1] if before else 0)
    is_open = discrepancy.update_open_discrepancy(
        merchant=terminal.merchant, key=key, sequences=missing, **_detail(terminal)
    )
    if not is_open and grown:
        discrepancy.open_discrepancies(
            [
                Discrepancy(
                    merchant=terminal.merchant,
                    kind=DiscrepancyKind.SEQUENCE_GAP,
                    key=key,
                    channel_id=terminal.channel_id,
                    terminal_id=terminal.id,
                    sequences=missing,
                    **_detail(terminal),
                )
            ]
        )


def _detail(terminal: Terminal) -> dict[str, Any]:
    return message_columns(
        gettext_noop("{terminal} has not sent {count} of its transactions up to {last}."),
        terminal=terminal.label,
        count=sequences.count(terminal.missing),
        last=terminal.last_sequence or 0,
    )
