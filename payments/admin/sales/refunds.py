"""Refunds: decided, waited for, released, given up."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import merchants, person
from payments.admin.base.customer_service import Reach, ServiceAdmin, note_looks
from payments.admin.base.error_messages import words
from payments.admin.base.filters import OfCustomer, OfOperator, OfTerminal, OwnRelated
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import AmountRange, DayRange
from payments.admin.customers import customer_tables
from payments.admin.finance import journal
from payments.admin.lists.totals import Total
from payments.admin.sales import refund_actions, transfers
from payments.admin.sales.receipts import SEND_RECEIPT, ReceiptAdmin
from payments.models import Operation, ProviderAccount, Refund, RefundPart, RefundReason, Transition
from payments.models.payment import Method
from payments.models.refund import CardVerdict, PartStatus, Route
from payments.payloads import REFUND_PREFETCH
from payments.people.models import Approval, User
from payments.people.permissions import May, may
from payments.providers.base import BALANCE_TOO_SHORT


class PartRoute(DropdownFilter):
    """How any of its parts travels."""

    parameter_name = "route"
    title = gettext_lazy("route")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Route.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in Route.values:
            return queryset
        return _with_part(queryset, route=self.value())


class PartMethod(DropdownFilter):
    """How what it gives back was paid."""

    parameter_name = "method"
    title = gettext_lazy("method")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Method.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _with_part(queryset, payment__method=self.value()) if self.value() else queryset


class PartTerminal(OfTerminal):
    """At which terminal any of its parts is given back."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _with_part(queryset, terminal_id=self.value()) if self.value() else queryset


class PartAccount(DropdownFilter):
    """With which provider account what it gives back was paid."""

    parameter_name = "provider_account"
    title = gettext_lazy("provider account")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = ProviderAccount.objects.filter(merchant__in=merchants(person(request))).order_by("name")
        return [(row.id, str(row)) for row in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _with_part(queryset, payment__provider_account=self.value()) if self.value() else queryset


class OfRefundsCustomer(OfCustomer):
    """Whose order it is of."""

    path = "order__customer"


def _with_part(rows: QuerySet[Any], **wanted: Any) -> QuerySet[Any]:
    return rows.filter(Exists(RefundPart.objects.filter(refund=OuterRef("pk"), **wanted)))


class Waiting(DropdownFilter):
    """Filter by what a person still has to do."""

    parameter_name = "waiting"
    title = gettext_lazy("to do")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("approval", _("waits for a second person")),
            ("release", _("bank transfer to release")),
            ("balance", _("waits for money at the provider")),
            ("failed", _("failed, to be decided again")),
            ("unknown", _("outcome unknown")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        parts = RefundPart.objects.filter(refund=OuterRef("pk"))
        wanted: dict[str, dict[str, Any]] = {
            "approval": {"status": PartStatus.REQUIRES_APPROVAL},
            "release": {"status": PartStatus.PENDING, "route": Route.BANK, "batch": None},
            "balance": {"status": PartStatus.QUEUED, "reasons__contains": [{"code": BALANCE_TOO_SHORT}]},
            "failed": {"status": PartStatus.FAILED},
            "unknown": {"status": PartStatus.UNKNOWN},
        }
        found = wanted.get(self.value() or "")
        return queryset if found is None else queryset.filter(Exists(parts.filter(**found)))


@admin.register(Refund)
class RefundAdmin(ReceiptAdmin, ServiceAdmin):
    """Every decision, or report, to give money back."""

    empty_text = gettext_lazy("Nothing was given back yet. A refund begins on the page of its order or payment.")
    page_actions = (*refund_actions.ACTIONS, SEND_RECEIPT)
    list_display = ("time", "where", "order_name", "amount_back", "status_label", "routes", "reason", "requester")
    list_display_links = ("time",)
    list_select_related = ("merchant", "channel", "order")
    ordering = ("-business_day", "-occurred_at", "-id")  # as the index refund_by_time
    sorted_with = {"occurred_at": ("business_day", "occurred_at", "id")}
    phone = ("time", "amount_back", "where", "status_label")
    totals = (Total("amount", gettext_lazy("amount"), "amount"),)
    list_filter = (
        Reach,
        ("business_day", DayRange),
        Waiting,
        ("channel", OwnRelated),
        ("status", ChoicesDropdownFilter),
        PartRoute,
        AmountRange,
        PartMethod,
        PartTerminal,
        OfOperator,
        OfRefundsCustomer,
        PartAccount,
    )
    search_fields = ("=id", "=order__reference", "=parts__payment__id")
    search_help_text = gettext_lazy("Order reference, refund or payment id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("parts")

    @admin.display(description=gettext_lazy("time"), ordering="occurred_at")
    def time(self, row: Refund) -> str:
        return render.short_moment(row.occurred_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("channel"))
    def where(self, row: Refund) -> str:
        return row.channel.name

    @admin.display(description=gettext_lazy("order"))
    def order_name(self, row: Refund) -> str | SafeString:
        return render.link(row.order_id, row.order.reference)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_back(self, row: Refund) -> SafeString:
        return render.money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, row: Refund) -> SafeString:
        return render.status(row.status)

    @admin.display(description=gettext_lazy("route"))
    def routes(self, row: Refund) -> str:
        return ", ".join(dict.fromkeys(str(part.get_route_display()) for part in row.parts.all()))

    @admin.display(description=gettext_lazy("requested by"))
    def requester(self, row: Refund) -> str:
        return row.operator or render.short(row.requested_by)

    def page(self, request: HttpRequest, row: Refund) -> Page:
        """The refund, its parts, its approval, and its postings."""
        full = Refund.objects.select_related("merchant", "channel", "order").prefetch_related(
            *REFUND_PREFETCH, "parts__operations__provider_account"
        )
        refund = full.get(pk=row.pk)
        books = may(person(request), May.SEE_BOOKS, merchant_id=row.merchant_id, channel_id=row.channel_id)
        page = Page(
            title=_("Refund %(amount)s") % {"amount": render.amount(refund.amount, refund.currency)},
            label=render.status(refund.status),
            facts=[*_facts(refund), *self.receipt_facts(refund)],
            sections=_traces(refund, person(request), books=books),
        )
        return note_looks(request, refund, [refund.order.customer_id], page)


def _facts(row: Refund) -> list[Fact]:
    facts = [
        (_("order"), render.link(row.order_id, row.order.reference)),
        (_("channel"), row.channel.name),
        (_("reason"), _reason_of(row)),
        (_("requested by"), render.people([row.requested_by])[row.requested_by]),
        (_("operator"), row.operator),
        (_("exchanged for"), row.exchange_for_id and render.link(row.exchange_for_id)),
        (_("made elsewhere"), row.reported and _("yes: it was reported to us")),
        (_("occurred at"), render.moment(row.occurred_at, row.merchant.zone)),
        (_("business day"), render.day(row.business_day)),
        (_("metadata"), ", ".join(f"{name}: {value}" for name, value in row.metadata.items())),
        (_("merchant"), row.merchant.name),
        ("id", row.id),
    ]
    return [Fact(name, value) for name, value in facts if value]


def _reason_of(row: Refund) -> str:
    """Why, in the words of the merchant's list where it is one of them."""
    if not row.reason_code:
        return row.reason
    known = RefundReason.objects.filter(merchant_id=row.merchant_id, code=row.reason_code).first()
    return row.reason if known is None else str(known)


def _traces(row: Refund, user: User, *, books: bool) -> list[Section]:
    zone = row.merchant.zone
    parts = tables.parts_of([row])
    operations: list[Operation] = sorted(
        (operation for part in parts for operation in part.operations.all()), key=lambda operation: operation.id
    )
    transitions = Transition.objects.filter(object_id__in=[row.id, *(part.id for part in parts)]).order_by("id")
    return [
        _parts(row, parts),
        *transfers.of_refund(user, parts),
        _approvals(row),
        tables.operations(operations, zone),
        tables.transitions(transitions, zone),
        *([journal.section(journal.items_of([], parts, []))] if books else []),
        customer_tables.mails([row.id], zone),
        tables.events([row.id], zone),
    ]


def _parts(row: Refund, parts: list[RefundPart]) -> Section:
    zone = row.merchant.zone
    return Section(
        id="parts",
        title=_("Parts"),
        columns=[
            *(_("from payment"), _("route"), _("status"), _("amount"), _("expected at"), _("released at")),
            *(_("card"), _("why")),
        ],
        rows=[
            [
                render.link(part.payment_id),
                part.get_route_display(),
                render.status(part.status),
                render.money(part.amount, row.currency),
                render.moment(part.expected_at, zone),
                render.moment(part.released_at, zone),
                _card(part),
                " ".join(words(reason["code"], reason["detail"]) for reason in part.reasons),
            ]
            for part in parts
        ],
    )


def _card(part: RefundPart) -> str:
    """Which card was shown, beside the one that had paid."""
    return str(CardVerdict(part.card_match["verdict"]).label) if part.card_match else render.NOTHING


def _approvals(row: Refund) -> Section:
    rows = Approval.objects.filter(subject_id=row.id).select_related("decided_by").order_by("id")
    called = render.people(approval.requested_by for approval in rows)
    return Section(
        id="approvals",
        title=_("Second person"),
        columns=[_("requested at"), _("requested by"), _("decision"), _("decided by"), _("decided at"), _("note")],
        rows=[
            [
                render.moment(approval.requested_at, row.merchant.zone),
                called[approval.requested_by],
                approval.get_decision_display() or _("not decided yet"),
                approval.decided_by or render.NOTHING,
                render.moment(approval.decided_at, row.merchant.zone),
                approval.note,
            ]
            for approval in rows
        ],
    )
