"""Vouchers: what the merchant owes to the holder of a code."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments.admin.base import render, tables
from payments.admin.base.access import person
from payments.admin.base.page import Fact, Page
from payments.admin.base.ranges import AmountRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.finance import journal
from payments.models import Payment, Voucher
from payments.payloads import PAYMENT_RELATED
from payments.people.permissions import May, may


@admin.register(Voucher)
class VoucherAdmin(ReadOnlyModelAdmin):
    """Every voucher; its code is stored nowhere."""

    empty_text = gettext_lazy(
        "No voucher was issued yet. They are sold by API, given for a refund by route voucher, or on a channel's page."
    )
    list_display = ("ends_in", "made", "amount_given", "amount_left", "status_label", "ends")
    list_display_links = ("ends_in",)
    list_select_related = ("merchant",)
    list_filter = (("status", ChoicesDropdownFilter), ("purpose", ChoicesDropdownFilter), AmountRange)
    search_fields = ("=id", "=code_end", "=order__reference")
    search_help_text = gettext_lazy("The code's last four characters")

    @admin.display(description=gettext_lazy("code ends in"))
    def ends_in(self, row: Voucher) -> str:
        return f"…{row.code_end}"

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def made(self, row: Voucher) -> str:
        return render.moment(row.created_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_given(self, row: Voucher) -> SafeString:
        return render.money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("balance"), ordering="balance")
    def amount_left(self, row: Voucher) -> SafeString:
        return render.money(row.balance, row.currency)

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, row: Voucher) -> SafeString:
        return render.status(row.status)

    @admin.display(description=gettext_lazy("expires at"))
    def ends(self, row: Voucher) -> str:
        return render.moment(row.expires_at, row.merchant.zone)

    def page(self, request: HttpRequest, row: Voucher) -> Page:
        """The voucher and what was paid with it."""
        zone = row.merchant.zone
        books = may(person(request), May.SEE_BOOKS, merchant_id=row.merchant_id, channel_id=row.channel_id)
        spent = Payment.objects.filter(voucher=row).select_related(*PAYMENT_RELATED).order_by("id")
        facts = [
            (_("balance"), render.amount(row.balance, row.currency)),
            (_("purpose"), row.get_purpose_display()),
            (_("sold with order"), row.order_id and render.link(row.order_id)),
            (_("created at"), render.moment(row.created_at, zone)),
            (_("expires at"), row.expires_at and render.moment(row.expires_at, zone)),
            (_("merchant"), row.merchant.name),
            ("id", row.id),
        ]
        return Page(
            title=_("Voucher %(amount)s, code …%(end)s")
            % {"amount": render.amount(row.amount, row.currency), "end": row.code_end},
            label=render.status(row.status),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                tables.payments(list(spent)),
                *([journal.section({row.item: row.id})] if books else []),
                tables.audit(row.id, zone),
            ],
        )
