"""Customers, and forgetting them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.access import person
from payments.admin.base.filters import OfMerchant
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ByIdAdmin, clock
from payments.admin.customers import customer_tables
from payments.models import Merchant, Order
from payments.people.models import Customer
from payments.people.permissions import May, may, within
from payments.queries.same_card import not_of, of_customer
from payments.services.forget_customer import forget_customer

LATEST = 50  # orders on a customer's page


@admin.register(Customer)
class CustomerAdmin(ByIdAdmin):
    """Who buys."""

    empty_text = gettext_lazy(
        "Nobody is known here yet. Customers come with payments that name one (customer), and with "
        "receipts that are sent by e-mail."
    )
    channel_path = None
    actions = ("erase",)
    list_display = ("called", "reference", "email", "made", "erased", "whose")
    list_display_links = ("called",)
    list_filter = (OfMerchant, ("created_at", DayRange))
    search_fields = ("=reference", "=loyalty_id", "email__iexact", "name", "=id")
    search_help_text = gettext_lazy("Name, e-mail address, reference or loyalty number")

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def called(self, row: Customer) -> str:
        return customer_tables.name_of(row)

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def made(self, row: Any) -> str:
        return render.moment(row.created_at, clock(row))

    @admin.display(description=gettext_lazy("erased at"))
    def erased(self, row: Any) -> str:
        return render.moment(row.erased_at, clock(row))

    def page(self, request: HttpRequest, row: Any) -> Page:
        """Who it is, and the latest orders that this reader may see."""
        facts = [
            (_("name"), row.name),
            (_("e-mail"), row.email),
            (_("reference"), row.reference),
            (_("loyalty number"), row.loyalty_id),
            (_("created at"), self.made(row)),
            (_("erased at"), row.erased_at and self.erased(row)),
            (_("merchant"), row.merchant.name),
            ("id", row.id),
        ]
        return Page(
            title=self.called(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_orders(request, row), *_same_card(request, row)],
        )

    @admin.action(description=gettext_lazy("Erase: forget who they are"))
    def erase(self, request: HttpRequest, rows: QuerySet[Customer]) -> None:
        """Pseudonymize these customers, where this person may."""
        user = person(request)
        for row in rows.filter(erased_at__isnull=True):
            if not may(user, May.ERASE_CUSTOMERS, merchant_id=row.merchant_id, channel_id=None):
                messages.error(request, _("Your role does not erase customers."))
                return
            forget_customer(customer_id=row.id, merchant_id=row.merchant_id, actor=user.id)
        messages.success(request, _("Erased."))


def _same_card(request: HttpRequest, row: Customer) -> list[Section]:
    """What was paid with the same cards by nobody known, or by others: beside the orders, never among them."""
    seen = within(person(request), May.SEE) & not_of(row.id)
    merchant = Merchant.objects.get(id=row.merchant_id)
    return customer_tables.same_card(list(of_customer(merchant, row.id)), merchant=merchant, seen=seen)


def _orders(request: HttpRequest, row: Any) -> Section:
    seen = Order.objects.filter(within(person(request), May.SEE), customer_id=row.id).select_related("channel")
    return Section(
        id="orders",
        title=_("Orders"),
        columns=[_("time"), _("order"), _("channel"), _("captured"), _("refunded")],
        rows=[
            [
                render.moment(order.created_at, clock(row)),
                render.link(order.id, order.reference),
                order.channel.name,
                render.money(order.captured, order.currency),
                render.money(order.refunded, order.currency),
            ]
            for order in seen.order_by("-id")[:LATEST]
        ],
        empty=_("No order yet."),
    )
