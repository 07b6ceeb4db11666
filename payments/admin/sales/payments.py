"""Payments, online and in store in one list; and everything there is to know of one."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import merchants, person
from payments.admin.base.customer_service import Reach, ServiceAdmin, note_looks
from payments.admin.base.filters import (
    OfBrand,
    OfCustomer,
    OfTerminal,
    OpenDiscrepancy,
    OwnRelated,
)
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import AmountRange, DayRange
from payments.admin.customers import customer_tables
from payments.admin.finance import journal
from payments.admin.lists.totals import Total
from payments.admin.sales import payment_actions
from payments.admin.sales.receipts import SEND_RECEIPT, ReceiptAdmin
from payments.models import CardEvidence, Discrepancy, Payment
from payments.people.permissions import May, may, within
from payments.queries import orders as stories
from payments.queries import search
from payments.queries.orders import Story


@admin.register(Payment)
class PaymentAdmin(ReceiptAdmin, ServiceAdmin):
    """Every tender of every channel."""

    empty_text = gettext_lazy(
        "Nothing was paid yet. Payments come from the webshop by API, from paired terminals and from payment links."
    )
    page_actions = (*payment_actions.ACTIONS, SEND_RECEIPT)
    list_display = (
        "time",
        "where",
        "from_",
        "how",
        "status_label",
        "amount_requested",
        "amount_taken",
        "amount_returned",
        "order_name",
        "terminal_name",
    )
    list_display_links = ("time",)
    more_columns = ("receipt_number", "business_day", "amount_disputed", "amount_kept", "account", "provider_reference")
    list_select_related = ("merchant", "order", "channel", "provider_account")
    search_fields = ("id",)
    search_help_text = gettext_lazy("Order, receipt, last 4, RRN, authorization code, e-mail …")
    ordering = ("-business_day", "-occurred_at", "-id")  # as the index payment_by_time
    sorted_with = {"occurred_at": ("business_day", "occurred_at", "id")}
    phone = ("time", "amount_requested", "how", "status_label")
    totals = (
        Total("captured", gettext_lazy("captured"), "amount_captured"),
        Total("refunded", gettext_lazy("refunded"), "amount_refunded"),
        Total("charged_back", gettext_lazy("charged back"), "amount_charged_back"),
        Total("net", gettext_lazy("net"), F("amount_captured") - F("amount_refunded") - F("amount_charged_back")),
    )
    list_filter = (
        Reach,
        ("business_day", DayRange),
        ("channel", OwnRelated),
        ("origin", ChoicesDropdownFilter),
        ("method", ChoicesDropdownFilter),
        OfBrand,
        ("status", ChoicesDropdownFilter),
        AmountRange,
        OfTerminal,
        OfCustomer,
        ("provider_account", OwnRelated),
        ("provisional", BooleanRadioFilter),
        OpenDiscrepancy,
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By whatever a customer, a receipt or a provider's report calls it."""
        if not search_term.strip():
            return queryset, False
        ids = list(merchants(person(request)).values_list("id", flat=True))
        return queryset.filter(id__in=search.payments(search_term, merchants=ids)), False

    @admin.display(description=gettext_lazy("time"), ordering="occurred_at")
    def time(self, row: Payment) -> str:
        return render.short_moment(row.occurred_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("channel"))
    def where(self, row: Payment) -> str:
        return row.channel.name

    @admin.display(description=gettext_lazy("origin"))
    def from_(self, row: Payment) -> SafeString:
        return render.label(row.get_origin_display(), "info" if row.origin == "online" else "primary")

    @admin.display(description=gettext_lazy("method"))
    def how(self, row: Payment) -> str:
        return render.method(row)

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, row: Payment) -> SafeString:
        return status_label(row)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_requested(self, row: Payment) -> SafeString:
        return render.money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("captured"))
    def amount_taken(self, row: Payment) -> SafeString:
        return render.money(row.amount_captured, row.currency)

    @admin.display(description=gettext_lazy("refunded"))
    def amount_returned(self, row: Payment) -> SafeString:
        return render.money(row.amount_refunded, row.currency)

    @admin.display(description=gettext_lazy("charged back"))
    def amount_disputed(self, row: Payment) -> SafeString:
        return render.money(row.amount_charged_back, row.currency)

    @admin.display(description=gettext_lazy("net"))
    def amount_kept(self, row: Payment) -> SafeString:
        return render.money(row.amount_captured - row.amount_refunded - row.amount_charged_back, row.currency)

    @admin.display(description=gettext_lazy("provider account"))
    def account(self, row: Payment) -> str:
        return row.provider_account.name

    @admin.display(description=gettext_lazy("order"))
    def order_name(self, row: Payment) -> str | SafeString:
        return render.link(row.order_id, row.order.reference or row.receipt_number)

    @admin.display(description=gettext_lazy("terminal"))
    def terminal_name(self, row: Payment) -> str | SafeString:
        return render.link(row.terminal_id, row.terminal_label)

    def page(self, request: HttpRequest, row: Payment) -> Page:
        """The payment, its order with all other payments of it, and every trace that it left."""
        (story,) = stories.stories([row.order])
        own = next(payment for payment in story.payments if payment.id == row.id)
        may_see_books = may(person(request), May.SEE_BOOKS, merchant_id=row.merchant_id, channel_id=row.channel_id)
        page = Page(
            title=_("Payment %(amount)s") % {"amount": render.amount(own.amount, own.currency)},
            label=status_label(own),
            facts=[*facts(own), *self.receipt_facts(own)],
            sections=[
                *traces(own, story, books=may_see_books),
                *customer_tables.same_card([own], merchant=own.merchant, seen=within(person(request), self.sees)),
            ],
        )
        return note_looks(request, own, [own.customer_id, own.order.customer_id], page)


def status_label(row: Payment) -> SafeString:
    """The status, and whether an offline approval is still to be seen settled."""
    if row.provisional:
        return render.label(_("%(status)s, provisional") % {"status": row.get_status_display()}, "warning")
    return render.status(row.status)


def facts(row: Payment) -> list[Fact]:
    """What is so; what is not known is left out."""
    zone, currency = row.merchant.zone, row.currency
    named: list[tuple[str, Any]] = [
        (_("captured"), render.amount(row.amount_captured, currency)),
        (_("refunded"), render.amount(row.amount_refunded, currency)),
        (_("still refundable"), render.amount(min(row.refundable, row.order.refundable), currency)),
        (_("can be captured"), row.amount_capturable and render.amount(row.amount_capturable, currency)),
        (_("charged back"), row.amount_charged_back and render.amount(row.amount_charged_back, currency)),
        (_("tip"), row.tip and render.amount(row.tip, currency)),
        (_("cashback"), row.cashback and render.amount(row.cashback, currency)),
        (_("change given"), row.change and render.amount(row.change, currency)),
        (_("cash rounding"), row.rounding and render.amount(row.rounding, currency)),
        (_("order"), render.link(row.order_id, row.order.reference)),
        (_("channel"), f"{row.channel.name} ({row.get_origin_display()})"),
        (_("method"), render.method(row)),
        (_("entry mode"), " · ".join(filter(None, [row.entry_mode, row.verification]))),
        (_("terminal"), row.terminal_id and render.link(row.terminal_id, row.terminal_label)),
        (_("receipt number"), row.receipt_number),
        (_("occurred at"), render.moment(row.occurred_at, zone)),
        (_("business day"), render.day(row.business_day)),
        (_("provider account"), render.link(row.provider_account_id, row.provider_account.name)),
        (_("reference at the provider"), row.provider_reference and render.quiet(row.provider_reference)),
        (_("failure"), row.failure_code and f"{row.failure_code}: {row.failure_detail}"),
        (_("description"), row.description),
        (_("metadata"), ", ".join(f"{name}: {value}" for name, value in row.metadata.items())),
        (_("merchant"), row.merchant.name),
        ("id", row.id),
    ]
    return [Fact(name, value) for name, value in named if value]


def traces(row: Payment, story: Story, *, books: bool) -> list[Section]:
    """Operations, transitions, refunds, chargebacks, discrepancies, card evidence, entries and events."""
    zone = row.merchant.zone
    parts = tables.parts_of(story.refunds, payment=row.id)
    chargebacks = [chargeback for chargeback in story.chargebacks if chargeback.payment_id == row.id]
    items = journal.items_of([row], parts, chargebacks)
    object_ids = {row.id, *(part.refund_id for part in parts), *(chargeback.id for chargeback in chargebacks)}
    evidence = CardEvidence.objects.filter(payment=row).order_by("id")
    discrepancies = Discrepancy.objects.filter(payment=row).order_by("-id")
    return [
        tables.payments(story.payments, this=row.id),
        tables.refund_parts(parts, zone),
        tables.chargebacks(chargebacks, zone),
        tables.discrepancies(discrepancies, zone),
        tables.operations(story.operations[row.id], zone),
        tables.transitions(story.transitions[row.id], zone),
        tables.evidence(evidence, zone),
        *([journal.section(items, story.operations[row.id])] if books else []),
        customer_tables.mails(object_ids, zone),
        tables.events(object_ids, zone),
    ]
