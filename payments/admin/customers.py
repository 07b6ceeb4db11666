"""Customers, and forgetting them."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from payments.admin.access import ScopedAdmin, person
from payments.people.models import Customer
from payments.people.permissions import May, may
from payments.people.services import customers


@admin.register(Customer)
class CustomerAdmin(ScopedAdmin):
    """Who buys."""

    channel_path = None
    actions = ("erase",)
    list_display = ("id", "reference", "name", "email", "created_at", "erased_at")
    search_fields = ("reference__exact", "email__iexact", "name", "id__exact")
    ordering = ("-id",)
    show_full_result_count = False

    @admin.action(description=_("Erase: forget who they are"))
    def erase(self, request: HttpRequest, rows: QuerySet[Customer]) -> None:
        """Pseudonymize these customers, where this person may."""
        user = person(request)
        for row in rows.filter(erased_at__isnull=True):
            if not may(user, May.ERASE_CUSTOMERS, merchant_id=row.merchant_id, channel_id=None):
                messages.error(request, _("Your role does not erase customers."))
                return
            customers.forget(customer_id=row.id, merchant_id=row.merchant_id, actor=user.id)
        messages.success(request, _("Erased."))
