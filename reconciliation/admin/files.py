"""Settlement files: what came of each, and a page to send one."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from payments.admin.base import render, tables
from payments.admin.base.access import person, whole_merchants
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import note_refused_choices
from payments.admin.base.links import list_link, row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.models import Discrepancy, Merchant, ProviderAccount
from payments.people.permissions import May, may_somewhere
from payments.text.formatting import whole
from reconciliation import registry
from reconciliation.admin.problems import problem
from reconciliation.admin.render import column, text
from reconciliation.models import BankStatementLine, FileMapping, SettlementFile, SettlementLine
from reconciliation.services.upload import upload

_COLORS = {"processing": "info", "imported": "success", "refused": "danger", "duplicate": "warning"}


class OfFormat(DropdownFilter):
    """What a file proved to be."""

    parameter_name = "format"
    title = _("format")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(code, code) for code in registry.formats()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(format=self.value()) if self.value() else queryset


class UploadForm(forms.Form):
    """One file, and what cannot be recognized from it."""

    merchant = forms.ModelChoiceField(Merchant.objects.none(), label=_("merchant"), widget=UnfoldAdminSelectWidget)
    file = forms.FileField(label=_("file"), widget=UnfoldAdminFileFieldWidget)
    format = forms.ChoiceField(label=_("format"), required=False, widget=UnfoldAdminSelectWidget)
    provider_account = forms.ModelChoiceField(
        ProviderAccount.objects.none(),
        label=_("provider account"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, merchants: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["merchant"].queryset = merchants  # type: ignore[attr-defined]
        self.fields["provider_account"].queryset = ProviderAccount.objects.filter(  # type: ignore[attr-defined]
            merchant__in=merchants
        )
        codes = [(code, code) for code in registry.formats()]
        own = FileMapping.objects.filter(merchant__in=merchants).order_by("name").values_list("id", "name")
        for field in self.fields.values():
            field.label = capfirst(field.label)
        self.fields["format"].choices = [("", _("recognize it")), *own, *codes]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """An account is its merchant's own."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        account, merchant = given.get("provider_account"), given.get("merchant")
        if account is not None and merchant is not None and account.merchant_id != merchant.id:
            self.add_error("provider_account", _("This account is another merchant's."))
        return given


@admin.register(SettlementFile)
class SettlementFileAdmin(ReadOnlyModelAdmin):
    """Files as they came, read-only."""

    empty_text = gettext_lazy("No file was sent yet. Upload a settlement of a provider or a statement of your bank.")
    sees: ClassVar[May] = May.SEE_BOOKS
    list_display = ("made", "name", "format", "shown_status", "count", "amount_net", "amount_closing", "merchant")
    list_display_links = ("made", "name")
    list_filter = (("status", ChoicesDropdownFilter), OfFormat, ("merchant", OwnRelated), ("created_at", DayRange))
    list_select_related = ("merchant", "provider_account", "duplicate_of")
    search_fields = ("=id", "name")
    search_help_text = _("Name of the file")
    actions_list = ("upload",)

    @admin.display(description=_("created at"), ordering="id")
    def made(self, row: SettlementFile) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    @admin.display(description=_("status"))
    def shown_status(self, row: SettlementFile) -> SafeString:
        return render.label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=_("lines"), ordering="lines")
    def count(self, row: SettlementFile) -> str:
        return whole(row.lines)

    @admin.display(description=_("net"))
    def amount_net(self, row: SettlementFile) -> str | SafeString:
        return column(row.net, row.currency)

    @admin.display(description=_("closing balance"))
    def amount_closing(self, row: SettlementFile) -> str | SafeString:
        return column(row.closing, row.currency)

    def page(self, request: HttpRequest, row: SettlementFile) -> Page:
        """What came of it, where its lines are, and why it was refused if it was."""
        zone = row.merchant.zone
        facts: list[tuple[Any, Any]] = [
            (_("format"), row.format),
            (_("lines"), whole(row.lines)),
            (_("gross − fees with VAT = net"), _sums(row)),
            (_("opening → closing balance"), _balances(row)),
            (_("contents"), _contents(row)),
            (_("provider account"), row.provider_account and row_link(row.provider_account)),
            (_("duplicate of"), row.duplicate_of and row_link(row.duplicate_of)),
            (_("sent by"), render.people([row.actor])[row.actor]),
            (_("created at"), render.moment(row.created_at, zone)),
            (_("finished at"), row.finished_at and render.moment(row.finished_at, zone)),
            (_("card numbers masked"), row.masked),
            (_("attempts"), row.attempts),
            (_("merchant"), row.merchant.name),
            ("SHA-256", row.sha256),
            ("id", row.id),
        ]
        return Page(
            title=row.name or row.id,
            label=self.shown_status(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                _problems(row),
                _settlements(row),
                _statements(row),
                tables.discrepancies(_doubts(row), zone),
                tables.events([row.id], zone),
            ],
        )

    def has_upload_permission(self, request: HttpRequest) -> bool:
        """Users who may resolve discrepancies may upload files, too."""
        return may_somewhere(person(request), May.RESOLVE)

    @action(description=_("Send a file"), url_path="upload", permissions=["upload"], icon="upload_file")  # type: ignore[untyped-decorator]
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file in; the workers import it."""
        if not self.has_upload_permission(request):
            raise PermissionDenied
        data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        form = UploadForm(data, files, merchants=whole_merchants(person(request), May.RESOLVE))
        if form.is_valid() and (row := self._taken(request, form)) is not None:
            return redirect(row_url(SettlementFile, row.id))
        if request.method == "POST":
            note_refused_choices(form, user=person(request), action="settlement_file.sent")
        context = {**self.admin_site.each_context(request), "form": form, "title": _("Send a file"), "opts": self.opts}
        return TemplateResponse(request, "reconciliation/upload.html", context)

    def _taken(self, request: HttpRequest, form: UploadForm) -> SettlementFile | None:
        given = form.cleaned_data
        try:
            return upload(
                merchant=given["merchant"],
                file=given["file"],
                name=given["file"].name,
                actor=person(request).id,
                asked_format=given["format"],
                provider_account=given["provider_account"],
            )
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            return None


def _sums(row: SettlementFile) -> str:
    if row.gross is None:
        return ""
    gross, fees, net = (text(value, row.currency) for value in (row.gross, row.fees, row.net))
    return f"{gross} − {fees} = {net}"


def _balances(row: SettlementFile) -> str:
    if row.closing is None:
        return ""
    return f"{text(row.opening, row.currency)} → {text(row.closing, row.currency)}"


def _contents(row: SettlementFile) -> SafeString:
    return format_html(
        "{} · {} · {}",
        list_link(SettlementLine, _("settlement lines"), settlement__file__id__exact=row.id),
        list_link(BankStatementLine, _("bank lines"), statement__file__id__exact=row.id),
        list_link(Discrepancy, _("discrepancies"), settlement_file_id__exact=row.id),
    )


def _doubts(row: SettlementFile) -> QuerySet[Discrepancy]:
    """The latest of what disagreed; all of it is a list of its own."""
    return Discrepancy.objects.filter(merchant=row.merchant, settlement_file_id=row.id).order_by("-id")[:50]


def _problems(row: SettlementFile) -> Section:
    return Section(
        id="problems",
        title=_("What was not imported, and why"),
        columns=[_("line"), _("code"), _("problem")],
        rows=[
            [one["line"] or render.NOTHING, one["code"], problem(one["code"], one["detail"])] for one in row.problems
        ],
    )


def _settlements(row: SettlementFile) -> Section:
    return Section(
        id="settlements",
        title=_("Settlements"),
        columns=[_("settlement"), _("closed at"), _("gross"), _("fees with VAT"), _("net")],
        rows=[
            [
                row_link(one),
                render.moment(one.closed_at, row.merchant.zone),
                column(one.gross, one.currency),
                column(one.fee + one.vat, one.currency),
                column(one.net, one.currency),
            ]
            for one in row.settlements.order_by("id")[:50]
        ],
    )


def _statements(row: SettlementFile) -> Section:
    return Section(
        id="statements",
        title=_("Bank statements"),
        columns=[_("statement"), _("closed on"), _("opening balance"), _("closing balance")],
        rows=[
            [
                row_link(one),
                render.day(one.closed_on),
                column(one.opening, one.currency),
                column(one.closing, one.currency),
            ]
            for one in row.statements.order_by("id")[:50]
        ],
    )
