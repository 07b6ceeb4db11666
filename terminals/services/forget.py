"""Forget signed requests after a month: after that a repetition is known by its sequence alone."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from terminals.models import SignedRequest

LIFETIME: Final = timedelta(days=31)


def forget(*, limit: int = 10_000) -> int:
    """Delete rows that have outlived their month; return how many."""
    old = SignedRequest.objects.filter(created_at__lt=timezone.now() - LIFETIME).order_by("created_at")
    deleted, _ = SignedRequest.objects.filter(id__in=old.values("id")[:limit]).delete()
    return deleted
