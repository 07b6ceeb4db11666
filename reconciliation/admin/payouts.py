"""Payouts, read-only: what is on its way, and what the bank has shown."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.filters import OwnRelated, Provider
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import AmountRange, DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.finance import journal
from payments.admin.lists.totals import Total
from payments.models import Discrepancy
from payments.people.permissions import May
from reconciliation.admin import forecast, home
from reconciliation.admin.render import column
from reconciliation.models import BankStatementLine, Payout

_COLORS = {"announced": "info", "received": "success", "failed": "danger"}


class Overdue(DropdownFilter):
    """Payouts that the bank should have shown by now."""

    parameter_name = "overdue"
    title = gettext_lazy("overdue")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("overdue"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(home.overdue(timezone.now())) if self.value() == "yes" else queryset


class Differs(DropdownFilter):
    """Payouts of which the bank has shown another amount than was announced."""

    parameter_name = "differs"
    title = gettext_lazy("difference")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("received differs from announced"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        differs = ~Q(amount_received=F("amount")) & Q(received_on__isnull=False)
        return queryset.filter(differs) if self.value() == "yes" else queryset


@admin.register(Payout)
class PayoutAdmin(ReadOnlyModelAdmin):
    """What providers transfer."""

    empty_text = gettext_lazy("No payout was announced yet. They come with the settlements of providers.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = (
        *("reference", "expected", "provider_account", "shown_status", "amount_announced", "amount_shown"),
        *("amount_difference", "received", "merchant"),
    )
    ordering = ("-expected_on", "-id")
    phone = ("reference", "amount_announced", "expected", "shown_status")
    totals = (
        Total("announced", gettext_lazy("announced"), "amount"),
        Total("received", gettext_lazy("received"), "amount_received"),
    )
    list_filter = (
        ("expected_on", DayRange),
        ("received_on", DayRange),
        ("status", ChoicesDropdownFilter),
        Overdue,
        Differs,
        AmountRange,
        ("provider_account", OwnRelated),
        Provider,
        ("merchant", OwnRelated),
    )
    list_select_related = ("provider_account", "merchant", "settlement")
    search_fields = ("=id", "reference", "settlement__reference")
    search_help_text = gettext_lazy("Reference of the payout or its settlement")

    @admin.display(description=gettext_lazy("status"))
    def shown_status(self, row: Payout) -> SafeString:
        return render.label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=gettext_lazy("announced"), ordering="amount")
    def amount_announced(self, row: Payout) -> str | SafeString:
        return column(row.amount, row.currency)

    @admin.display(description=gettext_lazy("received"), ordering="amount_received")
    def amount_shown(self, row: Payout) -> str | SafeString:
        return column(row.amount_received, row.currency)

    @admin.display(description=gettext_lazy("difference"))
    def amount_difference(self, row: Payout) -> str | SafeString:
        return column(row.amount_received - row.amount, row.currency) if row.received_on is not None else ""

    @admin.display(description=gettext_lazy("expected on"), ordering="expected_on")
    def expected(self, row: Payout) -> str:
        return render.day(row.expected_on)

    @admin.display(description=gettext_lazy("received on"), ordering="received_on")
    def received(self, row: Payout) -> str:
        return render.day(row.received_on)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("forecast/", view(forecast.forecast_page), name="reconciliation_payout_forecast"),
            path("fees/", view(forecast.fees_page), name="reconciliation_payout_fees"),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, row: Payout) -> Page:
        """The transfer, the settlement it pays, and the bank's lines of it."""
        facts: list[tuple[str, Any]] = [
            (_("announced"), render.amount(row.amount, row.currency)),
            (_("received"), render.amount(row.amount_received, row.currency)),
            (_("difference"), _difference(row)),
            (_("expected on"), row.expected_on and render.day(row.expected_on)),
            (_("received on"), row.received_on and render.day(row.received_on)),
            (_("settlement"), row_link(row.settlement)),
            (_("provider account"), render.link(row.provider_account_id, row.provider_account.name)),
            (_("reference"), row.reference),
            (_("merchant"), row.merchant.name),
            ("id", row.id),
        ]
        doubts = Discrepancy.objects.filter(merchant=row.merchant, item=row.item).order_by("-id")
        return Page(
            title=_("Payout %(amount)s") % {"amount": render.amount(row.amount, row.currency)},
            label=self.shown_status(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                _at_bank(row),
                tables.discrepancies(doubts, row.merchant.zone),
                journal.section({row.item: row.id}),
                tables.events([row.id], row.merchant.zone),
            ],
        )


def _difference(row: Payout) -> str:
    """What the bank shows more or less than was announced; nothing while it has shown nothing."""
    if row.received_on is None or row.amount_received == row.amount:
        return ""
    return render.amount(row.amount_received - row.amount, row.currency)


def _at_bank(row: Payout) -> Section:
    parts = dict(row.allocations.filter(undone_at=None).values_list("bank_line_id", "amount"))
    shown = BankStatementLine.objects.filter(Q(id__in=parts) | Q(payout=row))
    lines = shown.select_related("statement").order_by("booked_on", "id")
    return Section(
        id="bank-lines",
        title=_("Bank lines"),
        columns=[_("booked on"), _("amount"), _("counterparty"), _("description"), _("statement")],
        rows=[
            [
                row_link(line, render.day(line.booked_on)),
                render.money(parts.get(line.id, line.amount), line.currency),
                line.counterparty_name or render.NOTHING,
                line.remittance or render.NOTHING,
                row_link(line.statement),
            ]
            for line in lines[:100]
        ],
        empty=_("The bank has not shown it yet."),
    )
