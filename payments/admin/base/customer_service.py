"""Customer service: its people see orders, payments and refunds of every channel of their merchant.

What a channel sold and what it is to settle stays its own: lists of payments and refunds begin with the person's
channels, and go further where they search or ask for every channel. Each look at what is personal
of a customer stands in the audit log.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from payments import audit_log
from payments.admin.base.access import ScopedAdmin, person
from payments.admin.base.page import Page
from payments.admin.base.ranges import AmountRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.models import Order, Payment, Refund
from payments.people.models import Customer
from payments.people.permissions import May, anywhere, is_of_channels, within

EVERY_CHANNEL = "all"


class ServiceAdmin(ReadOnlyModelAdmin):
    """Rows that customer service sees in every channel, and others in their own."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        user = person(request)
        rows: QuerySet[Any] = super(ScopedAdmin, self).get_queryset(request)
        return rows.filter(within(user, self.sees) | anywhere(user, May.SERVE))


class Reach(DropdownFilter):
    """The person's own channels, unless something is searched for; there for those who have channels of their own."""

    parameter_name = "reach"
    title = gettext_lazy("channels")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(EVERY_CHANNEL, _("every channel of the merchant"))] if is_of_channels(person(request)) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == EVERY_CHANNEL or request.GET.get("q", "").strip():
            return queryset
        return queryset.filter(within(person(request), May.SEE))


class PaidAmount(AmountRange):
    """Orders of which a payment is of such an amount."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not any(self.used_parameters.get(str(name)) for name in self.expected_parameters()):
            return queryset
        paid = Payment.objects.filter(anywhere(person(request), May.SEE))
        return queryset.filter(id__in=super().queryset(request, paid).values("order_id"))


def note_looks(
    request: HttpRequest, row: Order | Payment | Refund, customers: Iterable[str | None], page: Page
) -> Page:
    """The page, once it is written down whose personal data it shows: a customer's, or the address of a letter."""
    ids = {customer_id for customer_id in customers if customer_id is not None}
    known = list(Customer.objects.filter(id__in=ids, erased_at__isnull=True)) if ids else []
    letters = any(section.id == "mails" and section.rows for section in page.sections)
    subjects: list[Model] = [*known] if known or not letters else [row]
    audit_log.note_looks(actor=person(request).id, subjects=subjects, merchant_id=row.merchant_id)
    return page
