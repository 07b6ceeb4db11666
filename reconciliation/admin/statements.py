"""Bank statements and their lines, read-only."""

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from payments.admin.access import ScopedAdmin
from payments.admin.show import label
from payments.people.permissions import May
from reconciliation.admin.show import column
from reconciliation.models import BankStatement, BankStatementLine

_COLORS = {"payout": "success", "refund": "success", "suspense": "danger", "repeated": "warning", "other": "info"}


@admin.register(BankStatement)
class BankStatementAdmin(ScopedAdmin):
    """What a bank says of one account and period."""

    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = (
        "account",
        "reference",
        "sequence",
        "shown_opening",
        "shown_closing",
        "closed_on",
        "kind",
        "merchant",
    )
    list_filter = ("kind", "account", "merchant")
    list_select_related = ("merchant",)
    search_fields = ("reference", "file__id__exact")
    date_hierarchy = "closed_on"
    ordering = ("-id",)

    @admin.display(description=_("opening balance"))
    def shown_opening(self, row: BankStatement) -> str | SafeString:
        return column(row.opening, row.currency)

    @admin.display(description=_("closing balance"))
    def shown_closing(self, row: BankStatement) -> str | SafeString:
        return column(row.closing, row.currency)


@admin.register(BankStatementLine)
class BankStatementLineAdmin(ScopedAdmin):
    """Transactions at the bank and what explains them."""

    sees: ClassVar[May] = May.SEE_BOOKS
    merchant_path: ClassVar[str] = "statement__merchant_id"
    channel_path: ClassVar[str | None] = None
    list_display = ("booked_on", "shown_amount", "counterparty_name", "remittance", "shown_state", "statement")
    list_filter = ("state", "statement__account")
    list_select_related = ("statement",)
    search_fields = ("counterparty_name", "remittance", "end_to_end_id__exact", "bank_reference__exact")
    date_hierarchy = "booked_on"
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description=_("state"))
    def shown_state(self, row: BankStatementLine) -> SafeString:
        return label(row.get_state_display(), _COLORS.get(row.state, ""))

    @admin.display(description=_("amount"))
    def shown_amount(self, row: BankStatementLine) -> str | SafeString:
        return column(row.amount, row.currency)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """A file's page leads to its lines."""
        return lookup == "statement__file__id__exact" or super().lookup_allowed(lookup, value, request)
