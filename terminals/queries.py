"""Queries for terminals."""

from django.db.models import QuerySet

from terminals.models import Terminal

RELATED = ("merchant", "channel")


def terminals(*, status: str | None = None, channel_id: str | None = None) -> QuerySet[Terminal]:
    """Terminals with what their shape needs, by what they may be filtered on."""
    rows = Terminal.objects.select_related(*RELATED)
    if status is not None:
        rows = rows.filter(status=status)
    return rows if channel_id is None else rows.filter(channel_id=channel_id)
