"""Events, the endpoints they are sent to, and how each delivery went."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from payments.admin.access import ScopedAdmin
from payments.admin.refusals import explain
from payments.errors import OnetillError
from payments.notify.models import Event, WebhookDelivery, WebhookEndpoint
from payments.notify.services.resend import resend
from payments.people.permissions import May


@admin.register(Event)
class EventAdmin(ScopedAdmin):
    """Every change as it was told."""

    list_display = ("created_at", "type", "object_id", "channel_id", "id")
    list_filter = ("type",)
    search_fields = ("id__exact", "object_id__exact")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ScopedAdmin):
    """Where merchants want to be told; made and changed over the API."""

    sees: ClassVar[May] = May.MANAGE_SETTINGS
    list_display = ("url", "status", "failures", "merchant_id", "channel_id", "created_at")
    list_filter = ("status",)
    search_fields = ("url", "id__exact")
    ordering = ("-id",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ScopedAdmin):
    """One event on its way to one endpoint."""

    sees: ClassVar[May] = May.MANAGE_SETTINGS
    merchant_path: ClassVar[str] = "endpoint__merchant_id"
    channel_path: ClassVar[str | None] = "endpoint__channel_id"
    actions = ("resend",)
    list_display = ("id", "event_id", "endpoint", "status", "attempts", "response_status", "next_attempt_at", "failure")
    list_filter = ("status",)
    list_select_related = ("endpoint",)
    search_fields = ("id__exact", "event__id__exact")
    ordering = ("-id",)
    show_full_result_count = False

    @admin.action(description=_("Send again"))
    def resend(self, request: HttpRequest, deliveries: QuerySet[WebhookDelivery]) -> None:
        """Make these due now."""
        sent = 0
        for delivery in deliveries.select_related("endpoint"):
            try:
                resend(delivery_id=delivery.id, merchant_id=delivery.endpoint.merchant_id)
                sent += 1
            except OnetillError as refusal:
                messages.error(request, f"{delivery.id}: {explain(refusal)}")
        if sent:
            messages.success(request, _("They are sent now."))
