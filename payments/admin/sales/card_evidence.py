"""Card evidence: what terminals can prove, receipts masked."""

import json

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import AmountRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.models import CardEvidence


@admin.register(CardEvidence)
class CardEvidenceAdmin(ReadOnlyModelAdmin):
    """Every transaction as its device posted it."""

    empty_text = gettext_lazy("No terminal has reported a card transaction yet. Pair a terminal under Terminals.")
    channel_path = "payment__channel_id"
    list_display = ("time", "device", "number", "type", "amount_posted", "rrn", "stan", "authorization_code", "about")
    list_display_links = ("time",)
    list_select_related = ("merchant", "payment")
    list_filter = (AmountRange,)
    search_fields = ("=id", "=rrn", "=authorization_code", "=terminal_id", "=payment__id")
    search_help_text = gettext_lazy("RRN, authorization code, terminal or payment id")

    @admin.display(description=gettext_lazy("occurred at"), ordering="id")
    def time(self, row: CardEvidence) -> str:
        return render.short_moment(row.occurred_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("terminal"))
    def device(self, row: CardEvidence) -> str | SafeString:
        label = row.payment.terminal_label if row.payment is not None else None
        return render.link(row.terminal_id, label)

    @admin.display(description=gettext_lazy("sequence"))
    def number(self, row: CardEvidence) -> str:
        return f"{row.series}/{row.sequence}"

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_posted(self, row: CardEvidence) -> SafeString:
        return render.money(row.amount, row.currency)

    @admin.display(description=gettext_lazy("payment"))
    def about(self, row: CardEvidence) -> str | SafeString:
        return render.link(row.payment_id)

    def page(self, request: HttpRequest, row: CardEvidence) -> Page:
        """Everything that the device reported about the card."""
        facts = [
            (_("payment"), row.payment_id and render.link(row.payment_id)),
            (_("terminal"), render.link(row.terminal_id)),
            (_("sequence"), f"{row.series}/{row.sequence}"),
            (_("type"), row.type),
            (_("occurred at"), render.moment(row.occurred_at, row.merchant.zone)),
            ("RRN", row.rrn),
            ("STAN", row.stan),
            (_("authorization code"), row.authorization_code),
            ("TID", row.acquirer_tid),
            ("MID", row.acquirer_mid),
            ("id", row.id),
        ]
        posted = format_html("<pre>{}</pre>", json.dumps(row.posted, indent=2, ensure_ascii=False, default=str))
        receipt = (row.posted or {}).get("receipt") or {}
        printed = [[name, format_html("<pre>{}</pre>", text)] for name, text in receipt.items() if text]
        return Page(
            title=_("Card evidence %(amount)s") % {"amount": render.amount(row.amount, row.currency)},
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                Section(id="receipts", title=_("Receipts"), columns=[_("copy"), _("as printed")], rows=printed),
                Section(id="posted", title=_("As posted"), columns=[_("transaction")], rows=[[posted]]),
            ],
        )
