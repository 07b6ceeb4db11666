"""What terminals posted, number by number, and where two posts contradict each other."""

from typing import ClassVar

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from payments.admin import show
from payments.admin.access import ScopedAdmin
from payments.models import CardEvidence
from payments.models.discrepancy import DiscrepancyKind
from terminals.models import SequenceConflict, TerminalTransaction


@admin.register(TerminalTransaction)
class TerminalTransactionAdmin(ScopedAdmin):
    """Each number a terminal used, what it did, and whether it still waits for its original."""

    merchant_path: ClassVar[str] = "terminal__merchant_id"
    channel_path: ClassVar[str | None] = "terminal__channel_id"
    list_display = ("time", "terminal", "series", "sequence", "type", "state", "payment", "refund")
    list_filter = ("status", "type")
    list_select_related = ("terminal__merchant",)
    search_fields = ("terminal__id__exact", "payment_id__exact", "refund_id__exact", "sequence__exact")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "terminal",
        "series",
        "sequence",
        "type",
        "state",
        "waits_for",
        "payment",
        "refund",
        "disagreements",
        "time",
        "evidence",
    )
    readonly_fields = ("time", "state", "payment", "refund", "disagreements", "evidence")

    @admin.display(description=_("recorded at"), ordering="id")
    def time(self, row: TerminalTransaction) -> str:
        """On the merchant's clocks."""
        return show.moment(row.recorded_at, row.terminal.merchant.zone)

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: TerminalTransaction) -> SafeString:
        """Recorded, or waiting for its original."""
        waits = row.status == TerminalTransaction.Status.WAITING
        return show.label(row.get_status_display(), "info" if waits else "success")

    @admin.display(description=_("payment"))
    def payment(self, row: TerminalTransaction) -> str | SafeString:
        """To the payment it made or is about."""
        return show.link(row.payment_id)

    @admin.display(description=_("refund"))
    def refund(self, row: TerminalTransaction) -> str | SafeString:
        """To the refund it made."""
        return show.link(row.refund_id)

    @admin.display(description=_("discrepancies"))
    def disagreements(self, row: TerminalTransaction) -> str | SafeString:
        """To what it disagreed with when it came."""
        links = [(show.link(found["id"], _kind(found["kind"])),) for found in row.discrepancies]
        return format_html_join(", ", "{}", links) or show.NOTHING

    @admin.display(description=_("as posted"))
    def evidence(self, row: TerminalTransaction) -> str | SafeString:
        """All that the device said, card numbers masked."""
        found = CardEvidence.objects.filter(terminal_id=row.terminal_id, series=row.series, sequence=row.sequence)
        return _listed(next((one.posted for one in found), {}))


@admin.register(SequenceConflict)
class SequenceConflictAdmin(ScopedAdmin):
    """The second version of a number that was taken; the first one is what was booked."""

    merchant_path: ClassVar[str] = "terminal__merchant_id"
    channel_path: ClassVar[str | None] = "terminal__channel_id"
    list_display = ("terminal", "series", "sequence", "received_at")
    list_select_related = ("terminal",)
    search_fields = ("terminal__id__exact", "sequence__exact")
    ordering = ("-id",)
    fields = ("terminal", "series", "sequence", "received_at", "second", "first")
    readonly_fields = ("second", "first")

    @admin.display(description=_("as posted later"))
    def second(self, row: SequenceConflict) -> str | SafeString:
        """What was not booked."""
        return _listed(row.posted)

    @admin.display(description=_("as booked"))
    def first(self, row: SequenceConflict) -> str | SafeString:
        """What was."""
        found = CardEvidence.objects.filter(terminal_id=row.terminal_id, series=row.series, sequence=row.sequence)
        return _listed(next((one.posted for one in found), {}))


def _listed(posted: dict[str, object]) -> SafeString:
    lines = "\n".join(f"{name}: {value}" for name, value in posted.items())
    return format_html('<pre class="whitespace-pre-wrap">{}</pre>', lines)


def _kind(name: str) -> str:
    return str(dict(DiscrepancyKind.choices).get(name, name))
