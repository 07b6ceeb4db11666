"""Payouts that providers announce, read-only: what is still to be read there, and why it could not be."""

from typing import ClassVar

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments.admin.access import ScopedAdmin
from payments.people.permissions import May
from reconciliation.models import Announcement


@admin.register(Announcement)
class AnnouncementAdmin(ScopedAdmin):
    """What a worker reads, or has read."""

    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = (
        "reference",
        "provider_account",
        "shown_done",
        "attempts",
        "shown_detail",
        "file",
        "created_at",
        "merchant",
    )
    list_filter = (("due_at", admin.EmptyFieldListFilter), "provider_account", "merchant")
    list_select_related = ("provider_account", "merchant", "file")
    search_fields = ("reference",)
    ordering = ("-id",)

    @admin.display(description=_("detail"))
    def shown_detail(self, row: Announcement) -> str:
        """Ours in the reader's language, the provider's as it came."""
        return gettext(row.detail) if row.detail else ""

    @admin.display(description=_("read"), boolean=True)
    def shown_done(self, row: Announcement) -> bool:
        return row.due_at is None
