"""What terminals posted, number by number, and where two posts contradict each other."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from payments.admin.base import render
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.models import CardEvidence
from payments.models.discrepancy import DiscrepancyKind
from payments.services.card_present.types import Kind
from terminals.models import SequenceConflict, TerminalTransaction


class OfType(DropdownFilter):
    """What a card was used for."""

    parameter_name = "type"
    title = _("type")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind.value, render.VERBS.get(kind.value, kind.value)) for kind in Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(TerminalTransaction)
class TerminalTransactionAdmin(ReadOnlyModelAdmin):
    """Each number a terminal used, what it did, and whether it still waits for its original."""

    empty_text = gettext_lazy("No terminal has posted a transaction yet. Pair one under Terminals.")
    merchant_path: ClassVar[str] = "terminal__merchant_id"
    channel_path: ClassVar[str | None] = "terminal__channel_id"
    list_display = ("time", "device", "number", "kind", "state", "payment", "refund")
    list_display_links = ("time", "number")
    list_filter = (("status", ChoicesDropdownFilter), OfType, ("recorded_at", DayRange))
    list_select_related = ("terminal__merchant",)
    search_fields = ("=terminal__id", "terminal__label", "=payment_id", "=refund_id", "=sequence")
    search_help_text = _("Sequence, terminal, payment or refund")

    @admin.display(description=_("recorded at"), ordering="id")
    def time(self, row: TerminalTransaction) -> str:
        """On the merchant's clocks."""
        return render.moment(row.recorded_at, row.terminal.merchant.zone)

    @admin.display(description=_("terminal"))
    def device(self, row: TerminalTransaction) -> str | SafeString:
        return render.link(row.terminal_id, row.terminal.label)

    @admin.display(description=_("sequence"), ordering="sequence")
    def number(self, row: TerminalTransaction) -> str:
        return f"{row.series}/{row.sequence}"

    @admin.display(description=_("type"))
    def kind(self, row: TerminalTransaction) -> str:
        return _type(row.type)

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: TerminalTransaction) -> SafeString:
        """Recorded, or waiting for its original."""
        waits = row.status == TerminalTransaction.Status.WAITING
        return render.label(row.get_status_display(), "info" if waits else "success")

    @admin.display(description=_("payment"))
    def payment(self, row: TerminalTransaction) -> str | SafeString:
        """To the payment it made or is about."""
        return render.link(row.payment_id)

    @admin.display(description=_("refund"))
    def refund(self, row: TerminalTransaction) -> str | SafeString:
        """To the refund it made."""
        return render.link(row.refund_id)

    def page(self, request: HttpRequest, row: TerminalTransaction) -> Page:
        """What it did, which discrepancies it opened, and the transaction as posted."""
        facts: list[tuple[Any, Any]] = [
            (_("terminal"), self.device(row)),
            (_("sequence"), self.number(row)),
            (_("waits for sequence"), row.waits_for),
            (_("payment"), row.payment_id and self.payment(row)),
            (_("refund"), row.refund_id and self.refund(row)),
            (_("discrepancies"), row.discrepancies and _discrepancies(row)),
            (_("recorded at"), self.time(row)),
            (_("merchant"), row.terminal.merchant.name),
        ]
        return Page(
            title=f"{capfirst(_type(row.type))} {self.number(row)}",
            label=self.state(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_posted_section("posted", _("as posted"), _evidence(row))],
        )


def _discrepancies(row: TerminalTransaction) -> str | SafeString:
    return format_html_join(", ", "{}", ((render.link(one["id"], _kind(one["kind"])),) for one in row.discrepancies))


@admin.register(SequenceConflict)
class SequenceConflictAdmin(ReadOnlyModelAdmin):
    """The second version of a number that was taken; the first one is what was booked."""

    empty_text = gettext_lazy("No terminal has sent two versions of one transaction. There is nothing to do here.")
    merchant_path: ClassVar[str] = "terminal__merchant_id"
    channel_path: ClassVar[str | None] = "terminal__channel_id"
    list_display = ("time", "device", "number")
    list_display_links = ("time", "number")
    list_filter = (("received_at", DayRange),)
    list_select_related = ("terminal__merchant",)
    search_fields = ("=terminal__id", "terminal__label", "=sequence")
    search_help_text = _("Sequence or terminal")

    @admin.display(description=_("received at"), ordering="id")
    def time(self, row: SequenceConflict) -> str:
        return render.moment(row.received_at, row.terminal.merchant.zone)

    @admin.display(description=_("terminal"))
    def device(self, row: SequenceConflict) -> str | SafeString:
        return render.link(row.terminal_id, row.terminal.label)

    @admin.display(description=_("sequence"), ordering="sequence")
    def number(self, row: SequenceConflict) -> str:
        return f"{row.series}/{row.sequence}"

    def page(self, request: HttpRequest, row: SequenceConflict) -> Page:
        """What was booked, and what came later under the same number."""
        facts: list[tuple[Any, Any]] = [
            (_("terminal"), self.device(row)),
            (_("sequence"), self.number(row)),
            (_("received at"), self.time(row)),
            (_("merchant"), row.terminal.merchant.name),
        ]
        return Page(
            title=_("Conflict at sequence %(number)s") % {"number": self.number(row)},
            facts=[Fact(name, value) for name, value in facts],
            sections=[
                _posted_section("booked", _("as booked"), _evidence(row)),
                _posted_section("later", _("as posted later"), row.posted),
            ],
        )


def _evidence(row: TerminalTransaction | SequenceConflict) -> dict[str, object]:
    """What the device posted and is booked, card numbers masked."""
    found = CardEvidence.objects.filter(terminal_id=row.terminal_id, series=row.series, sequence=row.sequence)
    return next((one.posted for one in found), {})


def _posted_section(name: str, title: Any, posted: dict[str, object]) -> Section:
    return Section(id=name, title=capfirst(title), columns=[_("transaction")], rows=[[_listed(posted)]])


def _type(name: str) -> str:
    """What a card was used for, in the reader's language."""
    return str(render.VERBS.get(name, name))


def _listed(posted: dict[str, object]) -> SafeString:
    lines = "\n".join(f"{name}: {value}" for name, value in posted.items())
    return format_html('<pre class="whitespace-pre-wrap">{}</pre>', lines)


def _kind(name: str) -> str:
    return str(dict(DiscrepancyKind.choices).get(name, name))
