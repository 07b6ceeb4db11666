"""Bank transfers of refunds: those that wait, to be put in a batch or copied into the bank's own program by hand.

The IBAN and the name are shown to those who may release, masked to all others; each look at them stands in the audit
log.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action

from payments.admin.base import render
from payments.admin.base.access import person, whole_merchants
from payments.admin.base.forms import in_major_units
from payments.admin.base.links import page_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyChangeList, ReadOnlyModelAdmin
from payments.admin.sales import prepare_batch
from payments.admin.sales.account_looks import grouped, note_looks
from payments.models import BankTransfer, RefundPart
from payments.models.refund import PartStatus
from payments.people.models import User
from payments.people.permissions import May, may
from payments.services.transfer import account_of, end_to_end_id, remittance

_BY_HAND = gettext_lazy(
    "Put it in a batch for the bank; or copy it into your bank's own program and release it on the refund's page."
)


class TransferStatusFilter(DropdownFilter):
    """Those to be released, or all of them."""

    parameter_name = "state"
    title = gettext_lazy("status")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("all", _("released and given up, too"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() == "all" else queryset.filter(status=PartStatus.PENDING)


class TransferList(ReadOnlyChangeList):
    """A list that writes down whose bank accounts it shows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        note_looks(person(request), self.result_list)


@admin.register(BankTransfer)
class BankTransferAdmin(ReadOnlyModelAdmin):
    """Transfers that wait, to be made as a batch or by hand."""

    empty_text = gettext_lazy("No refund waits for a bank transfer. Those by route bank appear here.")
    sees = May.RELEASE_TRANSFERS
    merchant_path = "refund__merchant_id"
    channel_path = "refund__channel_id"
    list_display = ("requested_at", "to", "holder", "money", "text", "name", "order_name", "state", "release")
    list_display_links = ("requested_at",)
    list_select_related = ("refund__merchant", "refund__order", "refund__channel")
    list_filter = (TransferStatusFilter,)
    actions_list = ("prepare",)
    search_fields = ("=refund__id", "=refund__order__reference", "=operations__id")
    search_help_text = gettext_lazy("Order reference, refund or end-to-end id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("operations")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return TransferList

    def has_prepare_permission(self, request: HttpRequest) -> bool:
        """A batch is the merchant's as a whole."""
        return whole_merchants(person(request), May.RELEASE_TRANSFERS).exists()

    @action(
        description=gettext_lazy("Make a batch for the bank"),
        url_path="prepare",
        permissions=["prepare"],
        icon="send_money",
    )  # type: ignore[untyped-decorator]
    def prepare(self, request: HttpRequest) -> HttpResponse:
        """Choose what leaves together."""
        return prepare_batch.prepare_view(request, {**self.admin_site.each_context(request), "opts": self.opts})

    @admin.display(description=gettext_lazy("requested at"), ordering="id")
    def requested_at(self, row: BankTransfer) -> str:
        return render.short_moment(row.refund.created_at, row.refund.merchant.zone)

    @admin.display(description="IBAN")
    def to(self, row: BankTransfer) -> str | SafeString:
        return copied(grouped(account_of(row).iban))

    @admin.display(description=gettext_lazy("account holder"))
    def holder(self, row: BankTransfer) -> str | SafeString:
        return copied(account_of(row).name)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, row: BankTransfer) -> SafeString:
        return _amount(row)

    @admin.display(description=gettext_lazy("remittance text"))
    def text(self, row: BankTransfer) -> str | SafeString:
        return copied(remittance(row))

    @admin.display(description=gettext_lazy("end-to-end id"))
    def name(self, row: BankTransfer) -> str | SafeString:
        return copied(end_to_end_id(row))

    @admin.display(description=gettext_lazy("order"))
    def order_name(self, row: BankTransfer) -> str | SafeString:
        return render.link(row.refund.order_id, row.refund.order.reference)

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: BankTransfer) -> SafeString:
        return render.status(row.status)

    @admin.display(description=gettext_lazy("refund"))
    def release(self, row: BankTransfer) -> str | SafeString:
        if row.batch_id is not None:
            return render.link(row.batch_id, _("in a batch"))
        if row.status != PartStatus.PENDING:
            return render.link(row.refund_id)
        return page_link(row.refund, "release", _("Release"))

    def page(self, request: HttpRequest, row: BankTransfer) -> Page:
        """The transfer, field by field as a bank's own program asks for it."""
        note_looks(person(request), [row])
        account = account_of(row)
        facts = [
            ("IBAN", copied(grouped(account.iban))),
            (_("account holder"), copied(account.name)),
            (_("amount"), _amount(row)),
            (_("remittance text"), copied(remittance(row))),
            (_("end-to-end id"), copied(end_to_end_id(row))),
            (_("refund"), render.link(row.refund_id)),
            (_("order"), render.link(row.refund.order_id, row.refund.order.reference)),
            (_("requested by"), render.people([row.refund.requested_by])[row.refund.requested_by]),
            (_("reason"), row.refund.reason),
            (_("released at"), render.moment(row.released_at, row.refund.merchant.zone)),
            (_("transfer batch"), render.link(row.batch_id)),
        ]
        return Page(
            title=_("Bank transfer %(amount)s") % {"amount": render.amount(row.amount, row.refund.currency)},
            label=render.status(row.status),
            facts=[Fact(name, value) for name, value in facts],
            notes=[] if row.batch_id is not None or row.status != PartStatus.PENDING else [_BY_HAND],
        )


def of_refund(user: User, parts: Iterable[RefundPart]) -> list[Section]:
    """A refund's bank transfers: in full for people who may release them, masked for all others."""
    rows = [part for part in parts if part.bank_account]
    if not rows:
        return []
    refund = rows[0].refund
    allowed = may(user, May.RELEASE_TRANSFERS, merchant_id=refund.merchant_id, channel_id=refund.channel_id)
    if allowed:
        note_looks(user, rows)
    return [
        Section(
            id="transfers",
            title=_("Bank transfers"),
            columns=[
                "IBAN",
                _("account holder"),
                _("amount"),
                _("remittance text"),
                _("end-to-end id"),
                _("status"),
            ],
            rows=[_in_full(part) if allowed else _masked(part) for part in rows],
        )
    ]


def copied(text: str) -> SafeString:
    """Text that one click selects as a whole and copies."""
    return format_html('<code class="ot-copy">{}</code>', text)


def _in_full(part: RefundPart) -> Sequence[Any]:
    account = account_of(part)
    texts = (copied(text) for text in (grouped(account.iban), account.name))
    return [*texts, _amount(part), copied(remittance(part)), copied(end_to_end_id(part)), render.status(part.status)]


def _masked(part: RefundPart) -> Sequence[Any]:
    account = account_of(part)
    iban, name = f"{account.iban[:2]}…{account.iban[-4:]}", f"{account.name[:1]}…"
    return [
        iban,
        name,
        render.money(part.amount, part.refund.currency),
        *[render.NOTHING] * 2,
        render.status(part.status),
    ]


def _amount(part: RefundPart) -> SafeString:
    """As a bank's program takes it: the figure alone is copied."""
    currency = part.refund.currency
    return format_html("{} {}", currency, copied(in_major_units(part.amount, currency)))
