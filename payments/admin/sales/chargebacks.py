"""Chargebacks: sales that a cardholder's bank takes back."""

from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import person
from payments.admin.base.filters import ToAnswer
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import AmountRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.finance import journal
from payments.admin.sales.chargeback_advice import advice
from payments.models import Chargeback, Transition
from payments.people.permissions import May, may


@admin.register(Chargeback)
class ChargebackAdmin(ReadOnlyModelAdmin):
    """Every dispute."""

    empty_text = gettext_lazy("No payment was disputed. A chargeback appears here as soon as its provider reports it.")
    channel_path = "payment__channel_id"
    list_display = (
        "time",
        "dispute",
        "order_name",
        "payment_name",
        "amount_back",
        "reached",
        "status_label",
        "why",
        "answer",
        "ended",
    )
    list_display_links = ("time",)
    list_select_related = ("merchant", "order", "payment__channel")
    list_filter = (("status", ChoicesDropdownFilter), ("stage", ChoicesDropdownFilter), ToAnswer, AmountRange)
    search_fields = ("=id", "=order__reference", "=payment__id", "=provider_reference")

    @admin.display(description=gettext_lazy("opened at"), ordering="id")
    def time(self, row: Chargeback) -> str:
        return render.short_moment(row.opened_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("reference at the provider"))
    def dispute(self, row: Chargeback) -> str:
        return row.provider_reference

    @admin.display(description=gettext_lazy("order"))
    def order_name(self, row: Chargeback) -> str | SafeString:
        return render.link(row.order_id, row.order.reference)

    @admin.display(description=gettext_lazy("payment"))
    def payment_name(self, row: Chargeback) -> str | SafeString:
        return render.link(row.payment_id)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_back(self, row: Chargeback) -> SafeString:
        return render.money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("stage"))
    def reached(self, row: Chargeback) -> str:
        return str(row.get_stage_display())

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, row: Chargeback) -> SafeString:
        return render.status(row.status)

    @admin.display(description=gettext_lazy("reason"))
    def why(self, row: Chargeback) -> str:
        return row.reason

    @admin.display(description=gettext_lazy("respond by"), ordering="respond_by")
    def answer(self, row: Chargeback) -> str:
        return render.moment(row.respond_by, row.merchant.zone)

    @admin.display(description=gettext_lazy("closed at"))
    def ended(self, row: Chargeback) -> str:
        return render.moment(row.closed_at, row.merchant.zone)

    def page(self, request: HttpRequest, row: Chargeback) -> Page:
        """The dispute and what is booked about it."""
        zone = row.merchant.zone
        channel_id = row.payment.channel_id
        books = may(person(request), May.SEE_BOOKS, merchant_id=row.merchant_id, channel_id=channel_id)
        facts = [
            (_("order"), render.link(row.order_id, row.order.reference)),
            (_("payment"), render.link(row.payment_id)),
            (_("channel"), row.payment.channel.name),
            (_("stage"), row.get_stage_display()),
            (_("reason"), row.reason),
            (_("reference at the provider"), row.provider_reference and render.quiet(row.provider_reference)),
            (_("opened at"), render.moment(row.opened_at, zone)),
            (_("respond by"), row.respond_by and render.moment(row.respond_by, zone)),
            (_("closed at"), row.closed_at and render.moment(row.closed_at, zone)),
            ("id", row.id),
        ]
        return Page(
            title=_("Chargeback %(amount)s") % {"amount": render.amount(row.amount, row.currency)},
            label=render.status(row.status),
            facts=[Fact(name, value) for name, value in facts if value],
            notes=advice(row, timezone.now()),
            sections=[
                _steps(row, zone),
                tables.transitions(Transition.objects.filter(object_id=row.id).order_by("id"), zone),
                *([journal.section({row.item: row.id})] if books else []),
                tables.events([row.id], zone),
            ],
        )


def _steps(row: Chargeback, zone: ZoneInfo) -> Section:
    """The provider's reports, stage by stage."""
    return Section(
        id="steps",
        title=_("Stages"),
        columns=[_("at"), _("stage"), _("status"), _("respond by")],
        rows=[
            [
                render.moment(step.at, zone),
                step.get_stage_display(),
                render.status(step.status),
                render.moment(step.respond_by, zone),
            ]
            for step in row.steps.order_by("at", "id")
        ],
    )
