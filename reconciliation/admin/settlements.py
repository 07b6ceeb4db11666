"""Settlements and their lines, read-only."""

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from payments.admin.access import ScopedAdmin
from payments.admin.show import label, link
from payments.people.permissions import May
from reconciliation.admin.show import column
from reconciliation.models import Settlement, SettlementLine

_COLORS = {"matched": "success", "early": "warning", "repeated": "danger", "unknown": "danger", "plain": "info"}


@admin.register(Settlement)
class SettlementAdmin(ScopedAdmin):
    """What a provider says it owes."""

    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = ("reference", "provider_account", "closed_at", "shown_gross", "shown_fee", "shown_net", "merchant")
    list_filter = ("provider_account", "merchant")
    list_select_related = ("provider_account", "merchant")
    search_fields = ("reference", "file__id__exact")
    ordering = ("-id",)

    @admin.display(description=_("gross"))
    def shown_gross(self, row: Settlement) -> str | SafeString:
        return column(row.gross, row.currency)

    @admin.display(description=_("fees"))
    def shown_fee(self, row: Settlement) -> str | SafeString:
        return column(row.fee + row.vat, row.currency)

    @admin.display(description=_("net"))
    def shown_net(self, row: Settlement) -> str | SafeString:
        return column(row.net, row.currency)


@admin.register(SettlementLine)
class SettlementLineAdmin(ScopedAdmin):
    """Movements and what they are about. Counting a million of them for a page is left out."""

    sees: ClassVar[May] = May.SEE_BOOKS
    merchant_path: ClassVar[str] = "settlement__merchant_id"
    channel_path: ClassVar[str | None] = None
    list_display = (
        "settlement",
        "number",
        "type",
        "shown_state",
        "shown_gross",
        "shown_fee",
        "shown_payment",
        "occurred_at",
    )
    list_filter = ("state", "type", "settlement__provider_account")
    list_select_related = ("settlement",)
    search_fields = ("reference__exact", "payment_reference__exact", "rrn__exact", "payment_id__exact")
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description=_("state"))
    def shown_state(self, row: SettlementLine) -> SafeString:
        return label(row.get_state_display(), _COLORS.get(row.state, ""))

    @admin.display(description=_("gross"))
    def shown_gross(self, row: SettlementLine) -> str | SafeString:
        return column(row.gross, row.currency)

    @admin.display(description=_("fee with VAT"))
    def shown_fee(self, row: SettlementLine) -> str | SafeString:
        return column(row.fee + row.vat, row.currency)

    @admin.display(description=_("payment"))
    def shown_payment(self, row: SettlementLine) -> str | SafeString:
        return link(row.payment_id)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """A file's page leads to its lines."""
        return lookup == "settlement__file__id__exact" or super().lookup_allowed(lookup, value, request)
