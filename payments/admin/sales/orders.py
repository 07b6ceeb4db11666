"""Orders: what one customer owes, paid and brought back in any channel."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import merchants, person
from payments.admin.base.customer_service import PaidAmount, ServiceAdmin, note_looks
from payments.admin.base.filters import OfCustomer, OwnRelated
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.customers import customer_tables
from payments.admin.customers.link_actions import OF_ORDER
from payments.admin.finance import journal
from payments.admin.lists.totals import Total
from payments.admin.sales.create_refund import GIVE_BACK
from payments.admin.sales.exchange_order import EXCHANGE
from payments.models import Discrepancy, Order, Payment
from payments.people.permissions import May, anywhere, may, within
from payments.queries import orders as stories
from payments.queries.due import due
from payments.queries.happening import Happening
from payments.queries.links import with_status
from payments.queries.orders import Story
from payments.queries.timeline import timeline


class Paid(DropdownFilter):
    """How far an order is paid and given back: its amounts say so, as it has no status of its own."""

    parameter_name = "paid"
    title = gettext_lazy("status")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("unpaid", _("nothing paid")),
            ("partly", _("partly paid")),
            ("paid", _("paid")),
            ("refunded", _("something refunded")),
            ("charged_back", _("charged back")),
            ("excess", _("more returned than paid")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {
            "unpaid": Q(captured=0),
            "partly": Q(captured__gt=0, total__gt=F("captured")),
            "paid": Q(captured__gt=0) & (Q(total=None) | Q(total__lte=F("captured"))),
            "refunded": Q(refunded__gt=0),
            "charged_back": Q(charged_back__gt=0),
            "excess": Q(excess__gt=0),
        }
        return queryset.filter(wanted.get(self.value() or "", Q()))


@admin.register(Order)
class OrderAdmin(ServiceAdmin):
    """Customer service sees the orders of every channel; others see those made or paid in their own channels."""

    empty_text = gettext_lazy("There are no orders yet. Each payment, online or at the counter, belongs to one.")
    page_actions = (GIVE_BACK, EXCHANGE, OF_ORDER)
    list_display = (
        "name",
        "where",
        "made",
        "amount_total",
        "amount_taken",
        "amount_returned",
        "amount_back",
        "amount_excess",
    )
    list_display_links = ("name",)
    list_select_related = ("merchant", "channel")
    phone = ("name", "amount_taken", "made", "where")
    totals = (
        Total("captured", gettext_lazy("captured"), "captured"),
        Total("refunded", gettext_lazy("refunded"), "refunded"),
        Total("charged_back", gettext_lazy("charged back"), "charged_back"),
        Total("net", gettext_lazy("net"), F("captured") - F("refunded") - F("charged_back")),
    )
    list_filter = (("created_at", DayRange), ("channel", OwnRelated), Paid, PaidAmount, OfCustomer)
    search_fields = ("=reference", "=invoice_reference", "=id", "=payments__receipt_number")
    search_help_text = gettext_lazy("Order reference, invoice or receipt number")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        user = person(request)
        rows: QuerySet[Any] = Order.objects.order_by("-id")
        if user.is_superuser:
            return rows
        paid_here = Payment.objects.filter(within(user, self.sees), order=OuterRef("pk"))
        return rows.filter(within(user, self.sees) | anywhere(user, May.SERVE) | Q(Exists(paid_here)))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the number on a refund's receipt, too."""
        ids = merchants(person(request)).values_list("id", flat=True)
        found = stories.refunded_by_number(search_term.strip(), merchants=list(ids))
        if found:
            return queryset.filter(id__in=found), False
        rows: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)
        return rows

    @admin.display(description=gettext_lazy("order"), ordering="id")
    def name(self, row: Order) -> str:
        return row.reference or render.short(row.id)

    @admin.display(description=gettext_lazy("channel"))
    def where(self, row: Order) -> str:
        return row.channel.name

    @admin.display(description=gettext_lazy("time"), ordering="id")
    def made(self, row: Order) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("total"))
    def amount_total(self, row: Order) -> SafeString:
        return render.money(row.total, row.currency)

    @admin.display(description=gettext_lazy("captured"))
    def amount_taken(self, row: Order) -> SafeString:
        return render.money(row.captured, row.currency)

    @admin.display(description=gettext_lazy("refunded"))
    def amount_returned(self, row: Order) -> SafeString:
        return render.money(row.refunded, row.currency)

    @admin.display(description=gettext_lazy("charged back"))
    def amount_back(self, row: Order) -> SafeString:
        return render.money(row.charged_back, row.currency)

    @admin.display(description=gettext_lazy("excess"))
    def amount_excess(self, row: Order) -> SafeString:
        return render.money(row.excess, row.currency)

    def page(self, request: HttpRequest, row: Order) -> Page:
        """The order, its tenders and returns over all channels, and its story line by line."""
        (story,) = stories.stories([row])
        books = may(person(request), May.SEE_BOOKS, merchant_id=row.merchant_id, channel_id=row.channel_id)
        page = Page(
            title=_("Order %(name)s") % {"name": row.reference or render.short(row.id)},
            facts=[*_facts(story), *_in_doubt(story)],
            sections=[
                *_traces(story, books=books),
                *customer_tables.same_card(
                    story.payments, merchant=row.merchant, seen=within(person(request), self.sees)
                ),
            ],
        )
        return note_looks(request, row, [row.customer_id, *(each.customer_id for each in story.payments)], page)


def _facts(story: Story) -> list[Fact]:
    row, currency = story.order, story.order.currency
    still_due = due(row, story.payments)
    named = [
        (_("total"), row.total and render.amount(row.total, currency)),
        (_("still due"), still_due is not None and render.amount(still_due, currency)),
        (_("authorized"), row.authorized and render.amount(row.authorized, currency)),
        (_("captured"), render.amount(row.captured, currency)),
        (_("refunded"), render.amount(row.refunded, currency)),
        (_("reserved for refunds"), row.refund_reserved and render.amount(row.refund_reserved, currency)),
        (_("charged back"), row.charged_back and render.amount(row.charged_back, currency)),
        (_("sold as vouchers"), row.vouchers_sold and render.amount(row.vouchers_sold, currency)),
        (_("excess"), row.excess and render.amount(row.excess, currency)),
        (_("still refundable"), render.amount(row.refundable, currency)),
        (_("channel"), row.channel.name),
        (_("namespace"), row.channel.name if row.namespace == row.channel_id else row.namespace),
        (_("invoice"), row.invoice_reference),
        (_("customer"), row.customer and render.link(row.customer_id, customer_tables.name_of(row.customer))),
        (_("created at"), render.moment(row.created_at, row.merchant.zone)),
        (_("merchant"), row.merchant.name),
        ("id", row.id),
    ]
    return [Fact(name, value) for name, value in named if value]


def _in_doubt(story: Story) -> list[Fact]:
    oldest = stories.oldest_in_doubt(story.payments)
    if oldest is None:
        return []
    age = render.age(timezone.now() - oldest.created_at)
    return [Fact(_("outcome unknown"), render.link(oldest.id, _("for %(time)s") % {"time": age}))]


def _traces(story: Story, *, books: bool) -> list[Section]:
    row = story.order
    zone = row.merchant.zone
    parts = tables.parts_of(story.refunds)
    items = journal.items_of(story.payments, parts, story.chargebacks)
    operations = [operation for rows in story.operations.values() for operation in rows]
    disagreements = Discrepancy.objects.filter(payment__order=row).order_by("-id")
    object_ids = {row.id, *story.operations, *story.transitions, *(payment.id for payment in story.payments)}
    return [
        tables.payments(story.payments),
        tables.refund_parts(parts, zone),
        customer_tables.links(with_status(row.links.order_by("-id")), zone),
        tables.chargebacks(story.chargebacks, zone),
        tables.discrepancies(disagreements, zone),
        _story(story),
        *([journal.section(items, operations)] if books else []),
        customer_tables.mails([*object_ids, *row.links.values_list("id", flat=True)], zone),
        tables.events(object_ids, zone),
    ]


def _what(line: Happening) -> str:
    """What happened, and why; our own words in the reader's language."""
    why = line.reason or (line.cause and _(line.cause))
    return f"{line.type}: {why}" if why else line.type


def _story(story: Story) -> Section:
    lines = timeline(story)
    called = render.people(line.actor for line in lines)
    return Section(
        id="story",
        title=_("What happened"),
        columns=[_("time"), _("event"), _("channel"), _("amount"), _("object"), _("by")],
        rows=[
            [
                render.moment(line.at, story.order.merchant.zone),
                _what(line),
                line.channel.name,
                render.money(line.amount, line.currency),
                render.link(line.object_id),
                f"{line.operator} ({called[line.actor]})" if line.operator else called[line.actor],
            ]
            for line in lines
        ],
    )
