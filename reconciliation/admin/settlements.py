"""Settlements and their lines, read-only."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Count, F, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render
from payments.admin.base.addresses import row_url
from payments.admin.base.filters import OwnRelated, Provider
from payments.admin.base.links import list_link, row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange, GrossRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.finance import journal
from payments.admin.lists.totals import Total
from payments.people.permissions import May
from payments.text.formatting import whole
from reconciliation.admin.choices import SIGNALS, compared, operations_of, written
from reconciliation.admin.render import column
from reconciliation.models import Settlement, SettlementLine
from reconciliation.models.settlement import FEE_PARTS, TYPES
from reconciliation.queries import fee_parts
from reconciliation.services.settlement_figures import matched_lines

SHOWN: Final = 50  # lines on a settlement's own page
_COLORS = {"matched": "success", "early": "warning", "repeated": "danger", "unknown": "danger", "plain": "info"}


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyModelAdmin):
    """The settlements: what a provider owes."""

    empty_text = gettext_lazy("No settlement was imported yet. Upload one under Settlement files.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = (
        *("reference", "closed", "provider_account", "amount_gross", "amount_fee", "amount_net"),
        "merchant",
    )
    ordering = ("-closed_at", "-id")
    phone = ("reference", "amount_net", "closed", "provider_account")
    totals = (
        Total("gross", gettext_lazy("gross"), "gross"),
        Total("fee", gettext_lazy("fees with VAT"), F("fee") + F("vat")),
        Total("net", gettext_lazy("net"), "net"),
    )
    list_filter = (
        ("closed_at", DayRange),
        GrossRange,
        ("provider_account", OwnRelated),
        Provider,
        ("merchant", OwnRelated),
    )
    list_select_related = ("provider_account", "merchant", "file")
    search_fields = ("reference", "=file__id", "payouts__reference")
    search_help_text = gettext_lazy("Reference of the settlement or its payout")

    @admin.display(description=gettext_lazy("closed at"), ordering="closed_at")
    def closed(self, row: Settlement) -> str:
        return render.moment(row.closed_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("gross"), ordering="gross")
    def amount_gross(self, row: Settlement) -> str | SafeString:
        return column(row.gross, row.currency)

    @admin.display(description=gettext_lazy("fees with VAT"))
    def amount_fee(self, row: Settlement) -> str | SafeString:
        return column(row.fee + row.vat, row.currency)

    @admin.display(description=gettext_lazy("net"), ordering="net")
    def amount_net(self, row: Settlement) -> str | SafeString:
        return column(row.net, row.currency)

    def get_urls(self) -> list[Any]:
        of_item = path(
            "of-item/<int:item>/",
            self.admin_site.admin_view(self.of_item),
            name="reconciliation_settlement_of_item",
        )
        return [of_item, *super().get_urls()]

    def of_item(self, request: HttpRequest, item: int) -> HttpResponse:
        """To the settlement that the books know by this open item: pages of payments lead here."""
        row = get_object_or_404(self.get_queryset(request), item=item)
        return redirect(row_url(Settlement, row.pk))

    def page(self, request: HttpRequest, row: Settlement) -> Page:
        """Its sums, its lines by kind, its payouts, and what is booked of it as a whole."""
        currency, zone = row.currency, row.merchant.zone
        facts = [
            (_("gross"), render.amount(row.gross, currency)),
            (_("fees"), render.amount(row.fee, currency)),
            (_("VAT on fees"), render.amount(row.vat, currency)),
            (_("net"), render.amount(row.net, currency)),
            (_("closed at"), render.moment(row.closed_at, zone)),
            (_("provider account"), render.link(row.provider_account_id, row.provider_account.name)),
            (_("reference"), row.reference),
            (_("lines"), list_link(SettlementLine, _("all lines"), settlement__id__exact=row.pk)),
            (_("file"), row_link(row.file)),
            (_("merchant"), row.merchant.name),
        ]
        return Page(
            title=_("Settlement %(reference)s") % {"reference": row.reference},
            facts=[Fact(name, value) for name, value in facts],
            sections=[_kinds(row), _lines(row), _fees(row), _payouts(row), journal.section({row.item: row.file_id})],
        )


def _kinds(row: Settlement) -> Section:
    """How many lines there are of each kind, and what they add up to."""
    counted = row.lines.order_by("type", "state").values("type", "state")
    sums = counted.annotate(count=Count("pk"), gross=Sum("gross"), fees=Sum("fee") + Sum("vat"))
    states = SettlementLine.State
    return Section(
        id="lines",
        title=_("Lines by kind"),
        columns=[_("type"), _("state"), _("lines"), _("gross"), _("fees with VAT")],
        rows=[
            [
                TYPES.get(one["type"], one["type"]),
                render.label(states(one["state"]).label, _COLORS.get(one["state"], "")),
                list_link(
                    SettlementLine,
                    whole(one["count"]),
                    settlement__id__exact=row.pk,
                    type__exact=one["type"],
                    state__exact=one["state"],
                ),
                render.money(one["gross"], row.currency),
                render.money(one["fees"], row.currency),
            ]
            for one in sums
        ],
        empty=_("It has no lines."),
    )


def _lines(row: Settlement) -> Section:
    """Its first lines, with the rule and the signals by which each was matched."""
    matched = list(matched_lines(row, list(row.lines.order_by("number")[:SHOWN])))
    signals = (signal for one in matched for signal in one.signals or ())
    operations = operations_of(signals, merchant_id=row.merchant_id)
    return Section(
        id="matches",
        title=_("What its lines are about"),
        columns=[_("line"), _("type"), _("gross"), _("payment"), _("matched"), _("agrees"), _("differs")],
        rows=[
            [
                row_link(one.line, whole(one.line.number)),
                one.line.get_type_display(),
                render.money(one.line.gross, row.currency),
                render.link(one.line.payment_id),
                one.line.get_rule_display() if one.line.rule else render.NOTHING,
                *compared(one.signals or (), operations),
            ]
            for one in matched
        ],
        empty=_("It has no lines."),
        more=list_link(SettlementLine, _("All lines of this settlement"), settlement__id__exact=row.pk),
    )


def _signals(row: SettlementLine) -> Section:
    """What the line and the payment that it was matched with both tell, side by side."""
    (one,) = matched_lines(row.settlement, [row])
    return Section(
        id="signals",
        title=_("By what it was matched"),
        columns=[_("what"), _("in the books"), _("in the settlement"), _("agrees")],
        rows=[
            [SIGNALS[signal.name], written(signal.ours), written(signal.theirs), _("yes") if signal.agrees else _("no")]
            for signal in one.signals or ()
        ],
        empty=_("It was not matched with a payment."),
    )


def _fees(row: Settlement) -> Section:
    """What the fees taken off its lines consist of: interchange and scheme fees are not the provider's own."""
    return Section(
        id="fees",
        title=_("Fees by part"),
        columns=[_("part"), _("amount")],
        rows=[[FEE_PARTS.get(part, part), render.money(total, row.currency)] for part, total in fee_parts(row.pk)],
        empty=_("The provider does not tell what its fees consist of."),
    )


def _fee_parts(row: SettlementLine) -> list[tuple[str, Any]]:
    parts = (row.fee_parts or {}).items()
    return [(FEE_PARTS.get(part, part), render.amount(amount, row.currency)) for part, amount in parts]


def _payouts(row: Settlement) -> Section:
    return Section(
        id="payouts",
        title=_("Payouts"),
        columns=[_("payout"), _("status"), _("announced"), _("received"), _("expected on"), _("received on")],
        rows=[
            [
                row_link(payout),
                payout.get_status_display(),
                render.money(payout.amount, payout.currency),
                render.money(payout.amount_received, payout.currency),
                render.day(payout.expected_on),
                render.day(payout.received_on),
            ]
            for payout in row.payouts.order_by("id")
        ],
        empty=_("No payout is announced for it yet."),
    )


@admin.register(SettlementLine)
class SettlementLineAdmin(ReadOnlyModelAdmin):
    """Movements and what they are about. Counting a million of them for a page is left out."""

    empty_text = gettext_lazy("No settlement was imported yet. Upload one under Settlement files.")
    sees: ClassVar[May] = May.SEE_BOOKS
    merchant_path: ClassVar[str] = "settlement__merchant_id"
    channel_path: ClassVar[str | None] = None
    # A settlement's and a file's page lead to their lines.
    linked_filters: ClassVar[Sequence[str]] = ("settlement__id__exact", "settlement__file__id__exact")
    list_display = (
        *("number", "settlement", "type", "shown_state", "amount_gross", "amount_fee", "shown_payment", "occurred"),
    )
    phone = ("type", "amount_gross", "settlement", "shown_state")
    totals = (
        Total("gross", gettext_lazy("gross"), "gross"),
        Total("fee", gettext_lazy("fees with VAT"), F("fee") + F("vat")),
    )
    list_display_links = ("number",)
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("rule", ChoicesDropdownFilter),
        ("type", ChoicesDropdownFilter),
        ("settlement__provider_account", OwnRelated),
        ("occurred_at", DayRange),
        GrossRange,
    )
    list_select_related = ("settlement__merchant", "settlement__provider_account")
    search_fields = ("=reference", "=payment_reference", "=rrn", "=payment_id", "=settlement__reference")
    search_help_text = gettext_lazy("Reference, RRN, payment or settlement")

    @admin.display(description=gettext_lazy("occurred at"), ordering="occurred_at")
    def occurred(self, row: SettlementLine) -> str:
        return render.moment(row.occurred_at, row.settlement.merchant.zone)

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, row: SettlementLine) -> SafeString:
        return render.label(row.get_state_display(), _COLORS.get(row.state, ""))

    @admin.display(description=gettext_lazy("gross"), ordering="gross")
    def amount_gross(self, row: SettlementLine) -> str | SafeString:
        return column(row.gross, row.currency)

    @admin.display(description=gettext_lazy("fee with VAT"))
    def amount_fee(self, row: SettlementLine) -> str | SafeString:
        return column(row.fee + row.vat, row.currency)

    @admin.display(description=gettext_lazy("payment"))
    def shown_payment(self, row: SettlementLine) -> str | SafeString:
        return render.link(row.payment_id)

    def page(self, request: HttpRequest, row: SettlementLine) -> Page:
        """Return the line as the provider reported it, and what the books have of it."""
        currency, settlement = row.currency, row.settlement
        facts: list[tuple[str, Any]] = [
            (_("gross"), render.amount(row.gross, currency)),
            (_("fee"), render.amount(row.fee, currency)),
            *_fee_parts(row),
            (_("VAT on fee"), render.amount(row.vat, currency)),
            (_("net"), render.amount(row.net, currency)),
            (_("the books have"), row.expected is not None and render.amount(row.expected, currency)),
            (_("booked as"), row.booked_currency and render.amount(row.booked_amount, row.booked_currency)),
            (_("payment"), row.payment_id and render.link(row.payment_id)),
            (_("matched"), row.rule and row.get_rule_display()),
            (_("settlement"), row_link(settlement)),
            (_("line"), whole(row.number)),
            (_("provider account"), render.link(settlement.provider_account_id, settlement.provider_account.name)),
            (_("occurred at"), render.moment(row.occurred_at, settlement.merchant.zone)),
            (_("reference"), row.reference),
            (_("payment reference"), row.payment_reference),
            (_("order"), row.order_reference),
            ("RRN", row.rrn),
            ("TID", row.tid),
            ("STAN", row.stan),
            (_("authorization code"), row.authorization_code),
            (_("card"), row.card_last4),
            (_("merchant"), settlement.merchant.name),
        ]
        return Page(
            title=_("Settlement line: %(type)s of %(amount)s")
            % {"type": row.get_type_display(), "amount": render.amount(row.gross, currency)},
            label=self.shown_state(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_signals(row)],
        )
