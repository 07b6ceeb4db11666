"""Bank statements and their lines, read-only."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from payments.admin.base import render
from payments.admin.base.access import merchants, own_merchants, person
from payments.admin.base.filters import OwnRelated, TextFilter
from payments.admin.base.links import list_link, row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import AmountRange, DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.lists.totals import Total
from payments.models import Merchant, Operation, ProviderAccount
from payments.people.permissions import May
from reconciliation.admin.render import column, text
from reconciliation.models import BankAccount, BankStatement, BankStatementLine
from reconciliation.services.allocations import of_line

_COLORS = {
    "payout": "success",
    "refund": "success",
    "payment": "success",
    "suspense": "danger",
    "repeated": "warning",
    "other": "info",
}
SHOWN: Final = 200  # lines on a statement's own page


class OfAccount(DropdownFilter):
    """Which bank account: the merchants' own, of which there are few."""

    parameter_name = "account"
    title = gettext_lazy("account")
    column: ClassVar[str] = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        own = own_merchants(request, May.SEE_BOOKS)
        plain = BankAccount.objects.filter(merchant__in=own).values_list("iban", flat=True)
        ibans = [*(row.iban for row in own), *_bank_ibans(own), *plain]
        return [(iban, iban) for iban in sorted({iban.replace(" ", "").upper() for iban in ibans if iban})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


def _bank_ibans(own: Sequence[Merchant]) -> QuerySet[ProviderAccount, str]:
    """Where providers pay out to."""
    return ProviderAccount.objects.filter(merchant__in=own).values_list("bank_iban", flat=True)


class OfStatementsAccount(OfAccount):
    """The same of a line."""

    column = "statement__account"


@admin.register(BankStatement)
class BankStatementAdmin(ReadOnlyModelAdmin):
    """The bank statements, each of one account and period."""

    empty_text = gettext_lazy("No bank statement was imported yet. Upload one under Settlement files.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = (
        *("account", "reference", "sequence", "amount_opening", "amount_closing", "closed", "kind"),
        "merchant",
    )
    list_display_links = ("account", "reference")
    list_filter = (("kind", ChoicesDropdownFilter), OfAccount, ("merchant", OwnRelated), ("closed_on", DayRange))
    list_select_related = ("merchant", "file")
    search_fields = ("reference", "=account", "=file__id")
    search_help_text = gettext_lazy("Reference or account")

    @admin.display(description=gettext_lazy("opening balance"))
    def amount_opening(self, row: BankStatement) -> str | SafeString:
        return column(row.opening, row.currency)

    @admin.display(description=gettext_lazy("closing balance"))
    def amount_closing(self, row: BankStatement) -> str | SafeString:
        return column(row.closing, row.currency)

    @admin.display(description=gettext_lazy("closed on"), ordering="closed_on")
    def closed(self, row: BankStatement) -> str:
        return render.day(row.closed_on)

    def page(self, request: HttpRequest, row: BankStatement) -> Page:
        """Its balances and its first lines."""
        facts: list[tuple[str, Any]] = [
            (_("opening balance"), row.opening is not None and text(row.opening, row.currency)),
            (_("closing balance"), row.closing is not None and text(row.closing, row.currency)),
            (_("account"), row.account),
            (_("currency"), row.currency),
            (_("kind"), row.get_kind_display()),
            (_("reference"), row.reference),
            (_("number"), row.sequence),
            (_("opened on"), row.opened_on and render.day(row.opened_on)),
            (_("closed on"), row.closed_on and render.day(row.closed_on)),
            (_("file"), row_link(row.file)),
            (_("merchant"), row.merchant.name),
        ]
        return Page(
            title=_("Bank statement %(reference)s") % {"reference": row.reference},
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_lines(row)],
        )


def _lines(row: BankStatement) -> Section:
    lines = list(row.lines.order_by("position")[:SHOWN])
    every = list_link(BankStatementLine, _("All lines of this statement"), statement__id__exact=row.pk)
    return Section(
        id="lines",
        title=_("Lines"),
        columns=[_("booked on"), _("amount"), _("counterparty"), _("description"), _("state")],
        rows=[
            [
                row_link(line, render.day(line.booked_on)),
                render.money(line.amount, line.currency),
                line.counterparty_name or render.NOTHING,
                line.remittance or render.NOTHING,
                render.label(line.get_state_display(), _COLORS.get(line.state, "")),
            ]
            for line in lines
        ],
        empty=_("It has no lines."),
        more=every,
    )


class Counterparty(TextFilter):
    """With whom, by a part of the name or the whole IBAN."""

    parameter_name = "counterparty"
    title = gettext_lazy("counterparty")

    def rows(self, request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        iban = text.replace(" ", "").upper()
        return queryset.filter(Q(counterparty_name__icontains=text) | Q(counterparty_iban=iban))


class OfProviderAccount(DropdownFilter):
    """With which provider account it has to do: it is its payout, or seems to be its line."""

    parameter_name = "provider_account"
    title = gettext_lazy("provider account")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        own = merchants(person(request), May.SEE_BOOKS)
        return [(row.id, str(row)) for row in ProviderAccount.objects.filter(merchant__in=own).order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        reach = Q(provider_account_id=wanted) | Q(payout__provider_account_id=wanted)
        return queryset.filter(reach) if wanted else queryset


@admin.register(BankStatementLine)
class BankStatementLineAdmin(ReadOnlyModelAdmin):
    """Transactions at the bank and what explains them."""

    empty_text = gettext_lazy("No bank statement was imported yet. Upload one under Settlement files.")
    sees: ClassVar[May] = May.SEE_BOOKS
    merchant_path: ClassVar[str] = "statement__merchant_id"
    channel_path: ClassVar[str | None] = None
    # A statement's and a file's page lead to their lines.
    linked_filters: ClassVar[Sequence[str]] = ("statement__id__exact", "statement__file__id__exact")
    list_display = ("booked", "amount_shown", "counterparty", "about", "shown_state", "shown_statement")
    ordering = ("-booked_on", "-id")
    sorted_with = {"booked_on": ("booked_on", "id")}
    phone = ("booked", "amount_shown", "counterparty", "shown_state")
    totals = (
        Total("received", gettext_lazy("received"), Case(When(amount__gt=0, then="amount"), default=0)),
        Total("paid", gettext_lazy("paid"), Case(When(amount__lt=0, then="amount"), default=0)),
        Total("net", gettext_lazy("net"), "amount"),
    )
    list_filter = (
        ("booked_on", DayRange),
        ("state", ChoicesDropdownFilter),
        AmountRange,
        Counterparty,
        OfStatementsAccount,
        OfProviderAccount,
    )
    list_select_related = ("statement__merchant", "payout")
    search_fields = ("counterparty_name", "remittance", "=end_to_end_id", "=bank_reference")
    search_help_text = gettext_lazy("Counterparty, description or reference")

    @admin.display(description=gettext_lazy("booked on"), ordering="booked_on")
    def booked(self, row: BankStatementLine) -> str:
        return render.day(row.booked_on)

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, row: BankStatementLine) -> SafeString:
        return render.label(row.get_state_display(), _COLORS.get(row.state, ""))

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_shown(self, row: BankStatementLine) -> str | SafeString:
        return column(row.amount, row.currency)

    @admin.display(description=gettext_lazy("counterparty"))
    def counterparty(self, row: BankStatementLine) -> str:
        return row.counterparty_name or render.NOTHING

    @admin.display(description=gettext_lazy("description"))
    def about(self, row: BankStatementLine) -> str:
        return row.remittance or render.NOTHING

    @admin.display(description=gettext_lazy("statement"))
    def shown_statement(self, row: BankStatementLine) -> str | SafeString:
        return row_link(row.statement)

    def page(self, request: HttpRequest, row: BankStatementLine) -> Page:
        """Return the transaction as the bank reported it, and what it is matched with."""
        facts: list[tuple[str, Any]] = [
            (_("amount"), render.amount(row.amount, row.currency)),
            (_("booked on"), render.day(row.booked_on)),
            (_("value date"), row.valued_on and render.day(row.valued_on)),
            (_("counterparty"), row.counterparty_name),
            (_("counterparty's IBAN"), row.counterparty_iban),
            (_("description"), row.remittance),
            (_("payouts"), _payouts(row)),
            (_("payment"), _payment(row)),
            (_("provider account"), _account(row)),
            (_("reversal"), row.reversal and _("yes")),
            (_("statement"), row_link(row.statement)),
            (_("account"), row.statement.account),
            (_("bank's reference"), row.bank_reference),
            (_("end-to-end id"), row.end_to_end_id),
            (_("batch"), row.batch),
            (_("transaction code"), row.code),
            (_("merchant"), row.statement.merchant.name),
        ]
        return Page(
            title=_("Bank line %(amount)s") % {"amount": render.amount(row.amount, row.currency)},
            label=self.shown_state(row),
            facts=[Fact(name, value) for name, value in facts if value],
        )


def _payouts(row: BankStatementLine) -> str | SafeString:
    """The payouts that it is, each with its part."""
    parts = of_line(row)
    shown = [(row_link(part.payout), render.amount(part.amount, row.currency)) for part in parts]
    return format_html_join(", ", "{} ({})", shown) if len(shown) > 1 else (shown[0][0] if shown else "")


def _payment(row: BankStatementLine) -> str | SafeString:
    """The payment that the provider has credited by itself."""
    if row.state != BankStatementLine.State.PAYMENT:
        return ""
    found = Operation.objects.filter(id=row.operation_id).values_list("payment_id", flat=True).first()
    return render.link(found)


def _account(row: BankStatementLine) -> str | SafeString:
    """Whose line it seems to be, where nothing else explains it."""
    found = ProviderAccount.objects.filter(id=row.provider_account_id).first() if row.provider_account_id else None
    return render.link(found.id, found.name) if found is not None else ""
