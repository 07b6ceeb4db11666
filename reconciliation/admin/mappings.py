"""File mappings: what each says, its export, and a page where one is made of an example and tried before it is kept."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from payments.admin.base import render
from payments.admin.base.access import person
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.links import page_link, row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError, ValidationFailed
from payments.models import ProviderAccount
from payments.people.models import User
from payments.people.permissions import May, may_somewhere, within
from payments.text.formatting import amount
from reconciliation.admin import mapping_forms
from reconciliation.admin.mapping_forms import COLUMNS, FEES, MEANINGS, SIGNS, MappingForm, StartForm
from reconciliation.admin.problems import problem
from reconciliation.formats.layout import BANK
from reconciliation.models import BankAccount, FileMapping
from reconciliation.services import mapping_examples, mappings
from reconciliation.services.mapping_examples import Example

SHOWN = 12  # rows of the example
_EXPORT = "reconciliation_filemapping_export"


def _remove(*, user: User, row: FileMapping, form: Any) -> str:
    mappings.delete(mapping=row, actor=user.id)
    return _("The mapping was removed. What was imported by it stays.")


@admin.register(FileMapping)
class FileMappingAdmin(ReadOnlyModelAdmin):
    """Mappings are made on a page of their own, and changed by making another of the exported one."""

    empty_text = gettext_lazy(
        "There is no mapping yet, and you only need one for a provider whose files are not recognized. "
        "Make it from an example of such a file."
    )
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = ("name", "account_name", "merchant", "made")
    list_filter = (("merchant", OwnRelated),)
    list_select_related = ("merchant", "provider_account", "bank_account")
    search_fields = ("name", "=id")
    search_help_text = gettext_lazy("Name of the mapping")
    actions_list = ("make",)
    page_actions = (
        AdminAction(
            name="remove",
            title=gettext_lazy("Remove the mapping"),
            needs=May.RESOLVE,
            act=_remove,
            dangerous=True,
            explanation=gettext_lazy("Files of its kind are no longer recognized; what was imported stays."),
        ),
    )

    @admin.display(description=gettext_lazy("account"))
    def account_name(self, row: FileMapping) -> str:
        return str(row.account)

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def made(self, row: FileMapping) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.export)
        return [path("<str:object_id>/export/", view, name=_EXPORT), *super().get_urls()]

    def page(self, request: HttpRequest, row: FileMapping) -> Page:
        """How its files are written, and what their columns and words are."""
        definition = row.definition
        written = [
            (_("format"), definition["format"]),
            (_("encoding"), definition["encoding"]),
            (_("delimiter"), definition["delimiter"]),
            (_("decimal mark"), definition["decimal"]),
            (_("dates are written as"), definition["date_format"]),
            (_("signs"), dict(SIGNS)[definition["sign"]]),
            (_("costs"), row.provider_account and dict(FEES)[definition["fees"]]),
        ]
        facts = [
            (_("provider account"), row.provider_account and row_link(row.provider_account)),
            (_("bank account"), row.bank_account and row_link(row.bank_account)),
            *written,
            (_("row with the names of the columns"), definition["header_row"]),
            (_("sheet"), definition["sheet"]),
            (_("export"), page_link(row, "export", "JSON")),
            (_("merchant"), row.merchant.name),
            (_("created at"), render.moment(row.created_at, row.merchant.zone)),
            ("id", row.id),
        ]
        return Page(
            title=row.name,
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[
                _pairs("columns", _("Columns"), [(COLUMNS[name], at) for name, at in definition["columns"].items()]),
                _pairs("types", _("Types of rows"), [(MEANINGS[to], word) for word, to in definition["types"].items()]),
            ],
        )

    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The mapping as JSON, to be imported for another account or merchant."""
        row = self.row(request, object_id)
        answer = JsonResponse(mappings.exported(row), json_dumps_params={"indent": 2, "ensure_ascii": False})
        answer["Content-Disposition"] = f'attachment; filename="{row.id}.json"'
        return answer

    def has_make_permission(self, request: HttpRequest) -> bool:
        """Users who may resolve discrepancies may make mappings, too."""
        return may_somewhere(person(request), May.RESOLVE)

    @action(description=gettext_lazy("Make a mapping"), url_path="make", permissions=["make"], icon="table_view")  # type: ignore[untyped-decorator]
    def make(self, request: HttpRequest) -> HttpResponse:
        """An example, then its columns; each step shows what is made of the example, and the last one keeps it."""
        if not self.has_make_permission(request):
            raise PermissionDenied
        example = mapping_forms.unpacked(request.POST) if request.method == "POST" else None
        if example is None:
            return self._start(request)
        kind = request.POST["kind"]
        form = MappingForm(request.POST, kind=kind, example=example, accounts=_accounts(request, kind))
        seen = _tried(form) if form.is_valid() else None
        clean = seen is not None and not seen.problems and bool(seen.rows)
        if clean and "keep" in request.POST and (row := self._kept(request, form)) is not None:
            return redirect(row_url(FileMapping, row.id))
        return self._answer(request, form, seen, clean=clean)

    def _start(self, request: HttpRequest) -> HttpResponse:
        form = StartForm(request.POST or None, request.FILES or None)
        if not form.is_valid():
            context = {"form": form, "title": _("Make a mapping"), "opts": self.opts}
            shown = {**self.admin_site.each_context(request), **context}
            return TemplateResponse(request, "reconciliation/mapping_start.html", shown)
        example, kind = form.cleaned_data["example"], form.cleaned_data["kind"]
        begin = mapping_forms.initial(example, form.cleaned_data["exported"])
        made = MappingForm(None, kind=kind, example=example, accounts=_accounts(request, kind), initial=begin)
        return self._answer(request, made, None, clean=False)

    def _answer(
        self, request: HttpRequest, form: MappingForm, seen: mappings.Preview | None, *, clean: bool
    ) -> HttpResponse:
        rows, trouble = mapping_examples.rows(form.example, form.written())
        context = {
            **self.admin_site.each_context(request),
            "form": form,
            "title": _("Make a mapping"),
            "opts": self.opts,
            "clean": clean,
            "packed": mapping_forms.packed(form),
            "rows": rows[:SHOWN],
            "trouble": trouble and problem(trouble.code, trouble.detail),
            "seen": seen and [_shown(row) for row in seen.rows],
            "problems": seen and [(one.line or "", problem(one.code, one.detail)) for one in seen.problems],
        }
        return TemplateResponse(request, "reconciliation/mapping_make.html", context)

    def _kept(self, request: HttpRequest, form: MappingForm) -> FileMapping | None:
        given = form.cleaned_data
        try:
            row = mappings.create(
                account=given["account"],
                name=given["name"],
                definition=form.definition(),
                actor=person(request).id,
            )
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            return None
        messages.success(request, _("The mapping is kept. Files with these columns are read by it from now on."))
        return row


def _tried(form: MappingForm) -> mappings.Preview | None:
    """Try the mapping on its example; what cannot be used stands at its field."""
    example: Example = form.example
    try:
        return mappings.preview(
            account=form.cleaned_data["account"],
            definition=form.definition(),
            file=example.stream(),
            name=example.name,
        )
    except ValidationFailed as refusal:
        mapping_forms.faults_of(form, iter([(fault.param or "", fault.detail) for fault in refusal.faults]))
        return None


def _accounts(request: HttpRequest, kind: str) -> Any:
    reach = within(person(request), May.RESOLVE, merchant="merchant_id", channel=None)
    accounts = BankAccount.objects if kind == BANK else ProviderAccount.objects.filter(active=True)
    return accounts.filter(reach).select_related("merchant").order_by("id")


def _shown(row: dict[str, Any]) -> list[Any]:
    money = [amount(row[name], row["currency"]) for name in ("amount", "fee", "net")]
    known = [row[name] for name in mappings.KNOWN_BY]
    return [row["line"], row["date"], MEANINGS.get(row["type"], row["type"]), *money, " · ".join(filter(None, known))]


def _pairs(name: str, title: str, pairs: list[tuple[Any, Any]]) -> Section:
    return Section(id=name, title=title, columns=[_("in the file"), _("is")], rows=[[at, what] for what, at in pairs])
