"""Settlement files: what came of each, and a page to send one."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from payments.admin.access import ScopedAdmin, person
from payments.admin.forms import note_refused_choices
from payments.admin.refusals import explain
from payments.admin.show import NOTHING, label
from payments.errors import OnetillError
from payments.models import Merchant, ProviderAccount
from payments.people.permissions import May, may_somewhere, within
from reconciliation import registry
from reconciliation.admin.problems import problem
from reconciliation.admin.show import column, list_link, text
from reconciliation.models import SettlementFile
from reconciliation.services.upload import upload

_COLORS = {"processing": "info", "imported": "success", "refused": "danger", "duplicate": "warning"}


class UploadForm(forms.Form):
    """One file, and what cannot be recognized from it."""

    merchant = forms.ModelChoiceField(Merchant.objects.none(), label=_("merchant"), widget=UnfoldAdminSelectWidget)
    file = forms.FileField(label=_("file"), widget=UnfoldAdminFileFieldWidget)
    format = forms.ChoiceField(label=_("format"), required=False, widget=UnfoldAdminSelectWidget)
    provider_account = forms.ModelChoiceField(
        ProviderAccount.objects.none(), label=_("provider account"), required=False, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, merchants: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["merchant"].queryset = merchants  # type: ignore[attr-defined]
        self.fields["provider_account"].queryset = ProviderAccount.objects.filter(  # type: ignore[attr-defined]
            merchant__in=merchants
        )
        codes = [(code, code) for code in registry.formats()]
        for field in self.fields.values():
            field.label = capfirst(field.label)
        self.fields["format"].choices = [("", _("recognize it")), *codes]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """An account is its merchant's own."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        account, merchant = given.get("provider_account"), given.get("merchant")
        if account is not None and merchant is not None and account.merchant_id != merchant.id:
            self.add_error("provider_account", _("This account is another merchant's."))
        return given


@admin.register(SettlementFile)
class SettlementFileAdmin(ScopedAdmin):
    """Files as they came, read-only."""

    sees: ClassVar[May] = May.SEE_BOOKS
    list_display = ("created_at", "name", "format", "shown_status", "lines", "shown_net", "shown_closing", "merchant")
    list_filter = ("status", "format", "merchant")
    list_select_related = ("merchant",)
    search_fields = ("id__exact", "name")
    ordering = ("-id",)
    actions_list = ("upload",)
    fields = (
        *("id", "merchant", "provider_account", "name", "created_at", "actor", "format", "shown_status"),
        *("shown_problems", "duplicate_of", "lines", "sums", "balances", "contents", "masked", "attempts"),
        *("finished_at", "sha256"),
    )
    readonly_fields = fields

    @admin.display(description=_("status"))
    def shown_status(self, row: SettlementFile) -> SafeString:
        return label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=_("net"))
    def shown_net(self, row: SettlementFile) -> str | SafeString:
        return column(row.net, row.currency)

    @admin.display(description=_("closing balance"))
    def shown_closing(self, row: SettlementFile) -> str | SafeString:
        return column(row.closing, row.currency)

    @admin.display(description=_("gross − fees with VAT = net"))
    def sums(self, row: SettlementFile) -> str:
        if row.gross is None:
            return NOTHING
        gross, fees, net = (text(value, row.currency) for value in (row.gross, row.fees, row.net))
        return f"{gross} − {fees} = {net}"

    @admin.display(description=_("opening → closing balance"))
    def balances(self, row: SettlementFile) -> str:
        return (
            NOTHING if row.closing is None else f"{text(row.opening, row.currency)} → {text(row.closing, row.currency)}"
        )

    @admin.display(description=_("problems"))
    def shown_problems(self, row: SettlementFile) -> str | SafeString:
        found = [(one["line"] or "–", one["code"], problem(one["code"], one["detail"])) for one in row.problems]
        return format_html_join("", "<p>{}: <code>{}</code> {}</p>", found) if found else NOTHING

    @admin.display(description=_("contents"))
    def contents(self, row: SettlementFile) -> SafeString:
        lines, banked = "reconciliation_settlementline_changelist", "reconciliation_bankstatementline_changelist"
        return format_html(
            "{} · {} · {}",
            list_link(str(_("settlement lines")), lines, settlement__file__id__exact=row.id),
            list_link(str(_("bank lines")), banked, statement__file__id__exact=row.id),
            list_link(str(_("discrepancies")), "payments_discrepancy_changelist", settlement_file_id__exact=row.id),
        )

    def has_upload_permission(self, request: HttpRequest) -> bool:
        """Whoever resolves what disagrees may bring the files that show it."""
        return may_somewhere(person(request), May.RESOLVE)

    @action(description=_("Send a file"), url_path="upload", permissions=["upload"], icon="upload_file")  # type: ignore[untyped-decorator]
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file in; the workers import it."""
        if not self.has_upload_permission(request):
            raise PermissionDenied
        reach = within(person(request), May.RESOLVE, merchant="id", channel=None)
        data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        form = UploadForm(data, files, merchants=Merchant.objects.filter(reach))
        if form.is_valid() and (row := self._taken(request, form)) is not None:
            return redirect(reverse("admin:reconciliation_settlementfile_change", args=[row.id]))
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
