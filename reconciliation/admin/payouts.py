"""Payouts, read-only: what is on its way, and what the bank has shown."""

from typing import ClassVar

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from payments.admin.access import ScopedAdmin
from payments.admin.show import label
from payments.people.permissions import May
from reconciliation.admin.show import column
from reconciliation.models import Payout

_COLORS = {"announced": "info", "received": "success", "failed": "danger"}


@admin.register(Payout)
class PayoutAdmin(ScopedAdmin):
    """What providers transfer."""

    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = (
        *("reference", "provider_account", "shown_status", "shown_amount", "shown_received"),
        *("expected_on", "received_on", "merchant"),
    )
    list_filter = ("status", "provider_account", "merchant")
    list_select_related = ("provider_account", "merchant")
    search_fields = ("id__exact", "reference")
    date_hierarchy = "expected_on"
    ordering = ("-id",)

    @admin.display(description=_("status"))
    def shown_status(self, row: Payout) -> SafeString:
        return label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=_("amount"))
    def shown_amount(self, row: Payout) -> str | SafeString:
        return column(row.amount, row.currency)

    @admin.display(description=_("received"))
    def shown_received(self, row: Payout) -> str | SafeString:
        return column(row.amount_received, row.currency)
