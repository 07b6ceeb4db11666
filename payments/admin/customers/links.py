"""Payment links: the amounts requested from customers, and what they paid."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, DropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import can, person
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import list_url, row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.links import public_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.ranges import AmountRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.customers import customer_tables, link_actions
from payments.admin.customers.link_actions import NewLinkForm
from payments.core.errors import OnetillError
from payments.models import Payment, PaymentLink
from payments.models.payment import Method
from payments.payloads import PAYMENT_RELATED
from payments.people.permissions import May, may
from payments.queries.links import with_status
from payments.services.idempotency import KeyTaken
from payments.services.link import address


class LinkStatusFilter(DropdownFilter):
    """Whether it was paid."""

    parameter_name = "state"
    title = gettext_lazy("status")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(PaymentLink.Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() in PaymentLink.Status.values else queryset


@admin.register(PaymentLink)
class PaymentLinkAdmin(ReadOnlyModelAdmin):
    """Every link; new ones are made here, too."""

    empty_text = gettext_lazy("Nobody was asked to pay by link yet.")
    page_actions = link_actions.ACTIONS
    list_display = ("time", "what_for", "where", "amount_requested", "amount_taken", "state", "order_name", "ends")
    list_display_links = ("time", "what_for")
    list_filter = (LinkStatusFilter, ("channel", OwnRelated), AmountRange, ("reusable", BooleanRadioFilter))
    search_fields = ("=id", "=token", "=order__reference", "description")
    search_help_text = gettext_lazy("Description, order reference or the address itself")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_status(super().get_queryset(request)).select_related("merchant", "channel", "order", "customer")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An address is as good as its end."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term.partition("/pay/")[2] or search_term
        )
        return found

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can(request, May.REQUEST_PAYMENT)

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def time(self, row: PaymentLink) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("description"))
    def what_for(self, row: PaymentLink) -> str:
        return str(row)

    @admin.display(description=gettext_lazy("channel"))
    def where(self, row: PaymentLink) -> str:
        return row.channel.name

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_requested(self, row: PaymentLink) -> SafeString:
        return format_html('<span class="ot-amount">{}</span>', link_actions.amount(row))

    @admin.display(description=gettext_lazy("paid by it"))
    def amount_taken(self, row: PaymentLink) -> SafeString:
        return render.money(row.taken or None, row.currency)

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: PaymentLink) -> SafeString:
        return render.status(row.status)

    @admin.display(description=gettext_lazy("order"))
    def order_name(self, row: PaymentLink) -> str | SafeString:
        return render.link(row.order_id, row.order.reference) if row.order is not None else render.NOTHING

    @admin.display(description=gettext_lazy("expires at"))
    def ends(self, row: PaymentLink) -> str:
        return render.moment(row.expires_at, row.merchant.zone)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form; what it asks for is made by the service, once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewLinkForm(request.POST if request.method == "POST" else None, row=None, user=person(request))
        done = self._make(request, form) if request.method == "POST" and form.is_valid() else None
        return done or self._ask(request, form)

    def _make(self, request: HttpRequest, form: NewLinkForm) -> HttpResponse | None:
        try:
            made = link_actions.make(form, person(request))
        except KeyTaken:
            messages.info(request, _("This had already been done. Nothing was done twice."))
            return redirect(list_url(self.model))
        except OnetillError as refusal:
            form.add_error(None, explain(refusal))
            return None
        messages.success(request, _("The payment link is made: %(name)s") % {"name": made.description})
        return redirect(row_url(self.model, made.id))

    def _ask(self, request: HttpRequest, form: NewLinkForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _NEW.title,
            "action": _NEW,
            "form": form,
            "row": capfirst(str(self.opts.verbose_name_plural)),
            "back": list_url(self.model),
        }
        return TemplateResponse(request, _NEW.template, context, status=422 if form.errors else 200)

    def page(self, request: HttpRequest, row: PaymentLink) -> Page:
        """The amount, the address, the payments made by the link, and its recipients."""
        zone = row.merchant.zone
        paid = Payment.objects.filter(by_link__link=row).select_related(*PAYMENT_RELATED).order_by("-id")
        audited = may(person(request), May.SEE_AUDIT_LOG, merchant_id=row.merchant_id, channel_id=None)
        return Page(
            title=_("Payment link %(amount)s") % {"amount": link_actions.amount(row)},
            label=render.status(row.status),
            facts=_facts(row),
            sections=[
                tables.payments(list(paid[:100]), title=_("Payments by this link")),
                customer_tables.mails([row.id], zone),
                *([tables.audit(row.id, zone)] if audited else []),
            ],
        )


_NEW = AdminAction(
    name="add",
    title=gettext_lazy("New payment link"),
    explanation=gettext_lazy("The customer pays at an address that you send, show or print."),
    needs=May.REQUEST_PAYMENT,
    act=lambda *, user, row, form: "",
)


def _facts(row: PaymentLink) -> list[Fact]:
    zone = row.merchant.zone
    facts = [
        (_("address"), _address(row)),
        (_("QR code"), _code(row)),
        (_("description"), row.description),
        (_("paid by it"), row.taken and render.amount(row.taken, row.currency)),
        (_("order"), row.order and render.link(row.order_id, row.order.reference)),
        (_("channel"), row.channel.name),
        (_("customer"), row.customer and render.link(row.customer_id, customer_tables.name_of(row.customer))),
        (_("ways to pay"), ", ".join(str(Method(method).label) for method in row.methods)),
        (_("may be used again"), row.reusable and _("yes")),
        (_("expires at"), row.expires_at and render.moment(row.expires_at, zone)),
        (_("canceled at"), row.canceled_at and render.moment(row.canceled_at, zone)),
        (_("metadata"), ", ".join(f"{name}: {value}" for name, value in row.metadata.items())),
        (_("created at"), render.moment(row.created_at, zone)),
        (_("merchant"), row.merchant.name),
        ("id", row.id),
    ]
    return [Fact(name, value) for name, value in facts if value]


def _address(row: PaymentLink) -> SafeString:
    """The address, with a button that copies it (or, without a secure connection, shows it to be copied)."""
    copy = (
        "navigator.clipboard ? navigator.clipboard.writeText($el.dataset.address)"
        ".then(() => $el.textContent = $el.dataset.done) : window.prompt('', $el.dataset.address)"
    )
    return format_html(
        '{} <button type="button" class="ot-button" x-data x-on:click="{}" data-address="{}" data-done="{}">'
        "{}</button>",
        public_link(address(row), address(row)),
        copy,
        address(row),
        _("Copied"),
        _("Copy"),
    )


def _code(row: PaymentLink) -> SafeString:
    page, picture = reverse("pay_qr", args=[row.token]), reverse("pay_qr_svg", args=[row.token])
    code = format_html('<img class="ot-code" src="{}" alt="{}">', picture, _("QR code"))
    return format_html("{}{}", public_link(page, code), public_link(page, _("Show or print")))
