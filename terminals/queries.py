"""Queries for terminals."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db.models import Max, Q, QuerySet

from payments.models import CardEvidence
from terminals.models import Shift, Terminal, TerminalAction
from terminals.models.action import MONEY_TYPES

RELATED = ("merchant", "channel")
ACTION_RELATED: Final = ("merchant", "channel", "terminal", "order", "refund_part", "target")


def terminals(*, status: str | None = None, channel_id: str | None = None) -> QuerySet[Terminal]:
    """Terminals with what their shape needs, by what they may be filtered on."""
    rows = Terminal.objects.select_related(*RELATED)
    if status is not None:
        rows = rows.filter(status=status)
    return rows if channel_id is None else rows.filter(channel_id=channel_id)


def open_shifts(merchant_id: str, channel_id: str | None, before: datetime) -> int:
    """How many shifts stand open of what was done before a moment; `channel_id` None asks for the whole merchant.

    Of a terminal that closes shifts, what it did since its last one belongs to one that it has not opened: it counts.
    """
    rows = Shift.objects.filter(merchant=merchant_id)
    rows = rows if channel_id is None else rows.filter(channel=channel_id)
    opened = set(rows.filter(status=Shift.Status.OPEN, opened_at__lt=before).values_list("terminal_id", flat=True))
    closed = rows.exclude(terminal__in=opened).exclude(status=Shift.Status.OPEN).values_list("terminal_id", "series")
    reached = closed.annotate(last=Max("last_sequence")).order_by()
    since = Q(pk__in=[])
    for terminal_id, series, last in reached:
        since |= Q(terminal_id=terminal_id, series=series, sequence__gt=last)
    left = CardEvidence.objects.filter(since, merchant=merchant_id, occurred_at__lt=before)
    return len(opened) + left.values("terminal_id").distinct().count()


def actions(*, terminal_id: str | None = None) -> QuerySet[TerminalAction]:
    """What terminals were asked to do, with what its shape needs."""
    rows = TerminalAction.objects.select_related(*ACTION_RELATED)
    return rows if terminal_id is None else rows.filter(terminal_id=terminal_id)


def shifts() -> QuerySet[Shift]:
    """Shifts with what their shape needs."""
    return Shift.objects.select_related("merchant", "terminal", "channel")


def operations_of(terminal_id: str, action_ids: Iterable[str | None]) -> dict[str, str]:
    """The operations that these actions of a terminal are to carry out, by action; a question or a stop has none."""
    rows = TerminalAction.objects.filter(terminal_id=terminal_id, id__in=list(filter(None, action_ids)))
    return dict(rows.filter(type__in=MONEY_TYPES).values_list("id", "operation_id"))
