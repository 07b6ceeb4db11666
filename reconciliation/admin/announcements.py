"""Payouts that providers announce, read-only: what is still to be read there, and why it could not be."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from payments.admin.base import render
from payments.admin.base.filters import OwnRelated
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.people.permissions import May
from reconciliation.models import Announcement


class WasRead(DropdownFilter):
    """Whether a worker is still to read it at the provider."""

    parameter_name = "read"
    title = gettext_lazy("read")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("read")), ("no", _("still to be read"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(due_at__isnull=self.value() == "yes") if self.value() in ("yes", "no") else queryset


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnlyModelAdmin):
    """What a worker reads, or has read."""

    empty_text = gettext_lazy("No provider has announced a payout by API yet.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = ("reference", "provider_account", "shown_read", "tries", "shown_detail", "shown_file", "made")
    list_filter = (WasRead, ("provider_account", OwnRelated), ("merchant", OwnRelated), ("created_at", DayRange))
    list_select_related = ("provider_account", "merchant", "file")
    search_fields = ("reference",)
    search_help_text = gettext_lazy("Reference of the payout")

    @admin.display(description=gettext_lazy("detail"))
    def shown_detail(self, row: Announcement) -> str:
        """Ours in the reader's language, the provider's as it came."""
        return _(row.detail) if row.detail else render.NOTHING

    @admin.display(description=gettext_lazy("status"))
    def shown_read(self, row: Announcement) -> SafeString:
        read = row.due_at is None
        return render.label(_("read") if read else _("still to be read"), "success" if read else "info")

    @admin.display(description=gettext_lazy("attempts"), ordering="attempts")
    def tries(self, row: Announcement) -> int:
        return row.attempts

    @admin.display(description=gettext_lazy("file"))
    def shown_file(self, row: Announcement) -> str | SafeString:
        return row_link(row.file)

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def made(self, row: Announcement) -> str:
        return render.moment(row.created_at, row.merchant.zone)

    def page(self, request: HttpRequest, row: Announcement) -> Page:
        """What was announced, and what came of reading it."""
        zone = row.merchant.zone
        facts: list[tuple[str, Any]] = [
            (_("provider account"), render.link(row.provider_account_id, row.provider_account.name)),
            (_("reference"), row.reference),
            (_("file"), row.file and row_link(row.file)),
            (_("detail"), row.detail and self.shown_detail(row)),
            (_("attempts"), row.attempts),
            (_("next attempt at"), row.due_at and render.moment(row.due_at, zone)),
            (_("created at"), render.moment(row.created_at, zone)),
            (_("merchant"), row.merchant.name),
        ]
        return Page(
            title=_("Announced payout %(reference)s") % {"reference": row.reference},
            label=self.shown_read(row),
            facts=[Fact(name, value) for name, value in facts if value],
        )
