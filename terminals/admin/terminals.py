"""Terminals: added, given a pairing code (shown once, as text and as a QR code), unpaired and revoked."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget

from payments.admin.base import render
from payments.admin.base.access import person
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import PersonForm, bound_to, note_refused_choices
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.models import Channel, ProviderAccount
from payments.people.permissions import May, may_somewhere, within
from terminals import codes, sequences
from terminals.admin import home
from terminals.admin.actions import TAKE_PAYMENT, of_terminal
from terminals.admin.day_report import day_report_page, day_report_pdf
from terminals.admin.exposure import exposure_page
from terminals.models import Terminal
from terminals.services.create import NewTerminal, create
from terminals.services.revoke import revoke
from terminals.services.unpair import unpair


class TerminalForm(PersonForm):
    """A new terminal, in a channel where its maker may manage them."""

    channel = forms.ModelChoiceField(Channel.objects.none(), label=_("channel"), widget=UnfoldAdminSelectWidget)
    provider_account = forms.ModelChoiceField(
        ProviderAccount.objects.none(),
        label=_("provider account"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("The PIN contract; empty: the merchant's usual one."),
    )

    class Meta:
        model = Terminal
        fields = ("channel", "label", "provider_account", "serial_number", "model")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = Channel.objects.filter(within(self.user, May.MANAGE_TERMINALS, channel="id"), active=True)
        accounts = ProviderAccount.objects.filter(merchant__in=channels.values("merchant"), active=True)
        self._field("channel").queryset = channels.select_related("merchant")
        self._field("provider_account").queryset = accounts

    def clean(self) -> dict[str, Any]:
        """The account is one of the channel's merchant."""
        values: dict[str, Any] = super().clean() or {}
        channel, account = values.get("channel"), values.get("provider_account")
        if channel and account and channel.merchant_id != account.merchant_id:
            self.add_error("provider_account", _("This account is another merchant's."))
        return values

    def _field(self, name: str) -> Any:
        return self.fields[name]


class Heard(DropdownFilter):
    """Devices that are silent, or of which transactions are missing."""

    parameter_name = "state"
    title = _("needs attention")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("silent", gettext("silent")), ("gaps", gettext("with missing transactions"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {"silent": home.silent(timezone.now()), "gaps": home.WITH_GAPS}
        return queryset.filter(wanted.get(self.value() or "", Q()))


@admin.register(Terminal)
class TerminalAdmin(ReadOnlyModelAdmin):
    """Terminals of the channels in which the person may see them."""

    empty_text = gettext_lazy("There are no terminals yet. Add one, and pair the device with the code that you get.")
    form = TerminalForm
    actions = ("new_code", "revoke")
    page_actions = (TAKE_PAYMENT,)
    list_display = ("label", "channel", "state", "seen", "series", "last_sequence", "gap", "waiting")
    list_filter = (("status", ChoicesDropdownFilter), ("channel", OwnRelated), Heard)
    list_select_related = ("merchant", "channel", "provider_account")
    search_fields = ("label", "=id", "=serial_number")
    search_help_text = _("Label or serial number")

    @admin.display(description=_("status"), ordering="status")
    def state(self, terminal: Terminal) -> SafeString:
        """Whether it is paired."""
        return render.label(terminal.get_status_display(), render.COLORS.get(terminal.status, ""))

    @admin.display(description=_("last seen at"), ordering="last_seen_at")
    def seen(self, terminal: Terminal) -> str:
        """On the merchant's clocks."""
        return render.moment(terminal.last_seen_at, terminal.merchant.zone)

    @admin.display(description=_("missing"))
    def gap(self, terminal: Terminal) -> int:
        """How many of its transactions are missing."""
        return sequences.count(terminal.missing)

    @admin.display(description=_("queue depth"), ordering="queue_depth")
    def waiting(self, terminal: Terminal) -> str:
        """How many transactions it has not sent yet, by its last heartbeat."""
        return render.NOTHING if terminal.queue_depth is None else str(terminal.queue_depth)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("exposure/", view(exposure_page), name="terminals_terminal_exposure"),
            path("day-report/", view(day_report_page), name="terminals_terminal_day_report"),
            path("day-report/day-report.pdf", view(day_report_pdf), name="terminals_terminal_day_report_pdf"),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, row: Terminal) -> Page:
        """The device, its contract, and what is missing of what it did."""
        zone = row.merchant.zone
        facts: list[tuple[Any, Any]] = [
            (_("channel"), render.link(row.channel_id, row.channel.name)),
            (_("provider account"), render.link(row.provider_account_id, row.provider_account.name)),
            (_("merchant ids"), ", ".join(_contract(one) for one in row.merchant_ids)),
            (_("driven by"), row.device_id and f"{row.driver} ({row.device_id})"),
            (_("serial number"), row.serial_number),
            (_("model"), row.model),
            (_("last seen at"), row.last_seen_at and self.seen(row)),
            (_("queue depth"), row.queue_depth is not None and str(row.queue_depth)),
            (_("battery (%)"), row.battery),
            (_("firmware"), row.firmware),
            (_("series"), row.series),
            (_("last sequence"), row.last_sequence),
            (_("missing sequences"), ", ".join(f"{first}–{last}" for first, last in row.missing)),
            (_("created at"), render.moment(row.created_at, zone)),
            (_("paired at"), row.paired_at and render.moment(row.paired_at, zone)),
            (_("merchant"), row.merchant.name),
            ("id", row.id),
        ]
        return Page(
            title=row.label,
            label=self.state(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[of_terminal(row)],
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(person(request), May.MANAGE_TERMINALS)

    def get_fields(self, request: HttpRequest, obj: Terminal | None = None) -> Any:
        return TerminalForm.Meta.fields

    def get_form(self, request: HttpRequest, obj: Terminal | None = None, change: bool = False, **kwargs: Any) -> Any:
        return bound_to(super().get_form(request, obj, change, **kwargs), person(request))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show the form; make the terminal by the service and show its code, once."""
        form = self.get_form(request)(request.POST or None)
        if request.method == "POST" and self.has_add_permission(request):
            if form.is_valid():
                return self._make(request, form.cleaned_data)
            note_refused_choices(form, user=person(request), action="terminal.created")
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def _make(self, request: HttpRequest, values: dict[str, Any]) -> HttpResponse:
        try:
            made = create(
                channel=values["channel"],
                label=values["label"],
                provider_account=values["provider_account"],
                serial_number=values["serial_number"],
                model=values["model"],
                actor=person(request).id,
            )
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            terminals: HttpResponse = self.changelist_view(request)
            return terminals
        return self._show(request, made)

    @admin.action(description=_("Unpair: its key ends, and a new pairing code is shown"))
    def new_code(self, request: HttpRequest, terminals: QuerySet[Terminal]) -> HttpResponse | None:
        """Take the device's key away and show a new code, once."""
        chosen = self._manageable(request, terminals)
        if len(chosen) != 1:
            messages.error(request, _("Choose one terminal that you manage."))
            return None
        try:
            return self._show(request, unpair(terminal_id=chosen[0].id, actor=person(request).id))
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            return None

    @admin.action(description=_("Revoke for good: lost, stolen or retired"))
    def revoke(self, request: HttpRequest, terminals: QuerySet[Terminal]) -> None:
        """Believe nothing more of what these send."""
        chosen = self._manageable(request, terminals)
        for terminal in chosen:
            revoke(terminal_id=terminal.id, actor=person(request).id)
        if chosen:
            messages.success(request, _("Revoked."))
        else:
            messages.error(request, _("Choose terminals that you manage."))

    def _manageable(self, request: HttpRequest, terminals: QuerySet[Terminal]) -> list[Terminal]:
        return list(terminals.filter(within(person(request), May.MANAGE_TERMINALS)))

    def _show(self, request: HttpRequest, new: NewTerminal) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Pairing code"),
            "new": new,
            "qr_svg": codes.qr_svg(new.pairing_code),
            "minutes": int(codes.LIVES.total_seconds() // 60),
        }
        return TemplateResponse(request, "terminals/pairing_code.html", context, headers={"Cache-Control": "no-store"})


def _contract(one: dict[str, Any]) -> str:
    """The acquirer's numbers of one brand: `V PAY: TID 12345678, MID 9876543`."""
    numbers = [f"{name.upper()} {one[name]}" for name in ("tid", "mid") if one.get(name)]
    return f"{render.brand(one.get('brand') or '')}: {', '.join(numbers)}" if one.get("brand") else ", ".join(numbers)
