"""Events, the endpoints they are sent to, and how each delivery went."""

import json
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from payments.admin.base import render
from payments.admin.base.access import person
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OfMerchant
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ByIdAdmin, clock
from payments.core.errors import OnetillError
from payments.notify.models import EVENT_TYPES, Event, WebhookDelivery, WebhookEndpoint
from payments.notify.services.resend import resend
from payments.people.permissions import May

_COLORS = {"enabled": "success", "disabled": "danger", "pending": "info", "succeeded": "success", "failed": "danger"}


class OfType(DropdownFilter):
    """The types that there are, as the API declares them; no query looks them up among all events."""

    parameter_name = "type"
    title = gettext_lazy("type")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name) for name in EVENT_TYPES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ByIdAdmin):
    """Every change as it was sent."""

    empty_text = gettext_lazy(
        "Nothing has happened yet. Every change of a payment, refund or settlement becomes an event."
    )
    list_display = ("time", "type", "about", "where", "whose")
    list_display_links = ("time", "type")
    list_filter = (OfType, OfMerchant, ("created_at", DayRange))
    search_fields = ("=id", "=object_id")
    search_help_text = gettext_lazy("Id of the event or of what it is about")

    @admin.display(description=gettext_lazy("time"), ordering="id")
    def time(self, row: Any) -> str:
        return render.short_moment(row.created_at, clock(row))

    @admin.display(description=gettext_lazy("about"))
    def about(self, row: Event) -> str | SafeString:
        return render.link(row.object_id)

    def page(self, request: HttpRequest, row: Any) -> Page:
        """The event as it was sent, and its deliveries."""
        facts = [
            (_("about"), render.link(row.object_id)),
            (_("channel"), row.channel and render.link(row.channel.id, row.channel.name)),
            (_("merchant"), row.merchant.name),
            (_("created at"), render.moment(row.created_at, clock(row))),
            ("id", row.id),
        ]
        data = format_html("<pre>{}</pre>", json.dumps(row.data, indent=2, ensure_ascii=False))
        return Page(
            title=row.type,
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                _deliveries(row),
                Section(id="data", title=_("As it was sent"), columns=[_("data")], rows=[[data]]),
            ],
        )


def _deliveries(row: Any) -> Section:
    rows = row.deliveries.select_related("endpoint").order_by("id")
    return Section(
        id="deliveries",
        title=_("Webhook deliveries"),
        columns=[_("endpoint"), _("status"), _("attempts"), _("answer"), _("failure")],
        rows=[
            [
                render.link(one.id, one.endpoint.url),
                render.label(one.get_status_display(), _COLORS.get(one.status, "")),
                one.attempts,
                one.response_status or render.NOTHING,
                one.failure or render.NOTHING,
            ]
            for one in rows
        ],
    )


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ByIdAdmin):
    """The addresses that get events; made and changed over the API."""

    empty_text = gettext_lazy(
        "Nobody listens yet. A webshop registers its address by API (POST /v1/webhook_endpoints)."
    )
    sees: ClassVar[May] = May.MANAGE_WEBHOOKS
    list_display = ("url", "state", "failures", "where", "whose", "made")
    list_filter = (("status", ChoicesDropdownFilter), OfMerchant)
    search_fields = ("url", "=id")
    search_help_text = gettext_lazy("Address")

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: WebhookEndpoint) -> SafeString:
        return render.label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def made(self, row: Any) -> str:
        return render.moment(row.created_at, clock(row))

    def page(self, request: HttpRequest, row: Any) -> Page:
        """The address, its event types, and whether it answers."""
        facts = [
            (_("address"), row.url),
            (_("description"), row.description),
            (_("events"), _("all") if "*" in row.events else ", ".join(row.events)),
            (_("failed attempts in a row"), row.failures),
            (_("channel"), row.channel and render.link(row.channel.id, row.channel.name)),
            (_("merchant"), row.merchant.name),
            (_("created at"), render.moment(row.created_at, clock(row))),
            ("id", row.id),
        ]
        return Page(title=row.url, label=self.state(row), facts=[Fact(name, value) for name, value in facts if value])


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ByIdAdmin):
    """One event on its way to one endpoint."""

    empty_text = gettext_lazy("Nothing was sent yet. It begins when an endpoint is registered and something happens.")
    sees: ClassVar[May] = May.MANAGE_WEBHOOKS
    merchant_path: ClassVar[str] = "endpoint__merchant_id"
    channel_path: ClassVar[str | None] = "endpoint__channel_id"
    actions = ("resend",)
    list_display = ("time", "event_link", "to", "state", "attempts", "answer", "next_one", "failure")
    list_display_links = ("time",)
    list_filter = (("status", ChoicesDropdownFilter), ("created_at", DayRange))
    list_select_related = ("endpoint", "event")
    search_fields = ("=id", "=event__id", "=event__object_id")
    search_help_text = gettext_lazy("Id of the event or of what it is about")

    def complete(self, rows: list[Any]) -> None:
        """A delivery belongs to the merchant of its endpoint."""
        for row in rows:
            row.merchant_id, row.channel_id = row.endpoint.merchant_id, row.endpoint.channel_id
        super().complete(rows)

    @admin.display(description=gettext_lazy("time"), ordering="id")
    def time(self, row: Any) -> str:
        return render.short_moment(row.created_at, clock(row))

    @admin.display(description=gettext_lazy("event"))
    def event_link(self, row: WebhookDelivery) -> str | SafeString:
        return render.link(row.event_id, row.event.type)

    @admin.display(description=gettext_lazy("endpoint"))
    def to(self, row: WebhookDelivery) -> str | SafeString:
        return render.link(row.endpoint_id, row.endpoint.url)

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: WebhookDelivery) -> SafeString:
        return render.label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=gettext_lazy("answer"))
    def answer(self, row: WebhookDelivery) -> str:
        return str(row.response_status or render.NOTHING)

    @admin.display(description=gettext_lazy("next attempt at"))
    def next_one(self, row: Any) -> str:
        return render.moment(row.next_attempt_at, clock(row))

    def page(self, request: HttpRequest, row: Any) -> Page:
        """How it went so far."""
        facts = [
            (_("event"), self.event_link(row)),
            (_("about"), render.link(row.event.object_id)),
            (_("endpoint"), self.to(row)),
            (_("attempts"), row.attempts + row.earlier_attempts),
            (_("answer"), row.response_status),
            (_("failure"), row.failure),
            (_("next attempt at"), row.next_attempt_at and self.next_one(row)),
            (_("created at"), render.moment(row.created_at, clock(row))),
            (_("merchant"), row.merchant.name),
            ("id", row.id),
        ]
        return Page(
            title=_("Webhook delivery of %(event)s") % {"event": row.event.type},
            label=self.state(row),
            facts=[Fact(name, value) for name, value in facts if value],
        )

    @admin.action(description=gettext_lazy("Send again"))
    def resend(self, request: HttpRequest, deliveries: QuerySet[WebhookDelivery]) -> None:
        """Make these due now."""
        sent = 0
        for delivery in deliveries.select_related("endpoint"):
            try:
                resend(delivery_id=delivery.id, merchant_id=delivery.endpoint.merchant_id, actor=person(request).id)
                sent += 1
            except OnetillError as refusal:
                messages.error(request, f"{delivery.id}: {explain(refusal)}")
        if sent:
            messages.success(request, _("They are sent now."))
