"""Bank accounts that no provider pays out to, and a page to enter one."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base import render
from payments.admin.base.access import person, whole_merchants
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import note_refused_choices
from payments.admin.base.links import list_link, row_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.core.money import EXPONENTS
from payments.models import Merchant
from payments.people.permissions import May, may_somewhere
from reconciliation.models import BankAccount, BankStatement
from reconciliation.services.bank_accounts import create_bank_account


class BankAccountForm(forms.Form):
    """One account at a bank."""

    merchant = forms.ModelChoiceField(
        Merchant.objects.none(), label=gettext_lazy("merchant"), widget=UnfoldAdminSelectWidget
    )
    name = forms.CharField(label=gettext_lazy("name"), max_length=200, widget=UnfoldAdminTextInputWidget)
    iban = forms.CharField(label="IBAN", max_length=42, widget=UnfoldAdminTextInputWidget)
    currency = forms.ChoiceField(
        label=gettext_lazy("currency"),
        choices=[(code, code) for code in sorted(EXPONENTS)],
        initial="EUR",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, merchants: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["merchant"].queryset = merchants  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.label = capfirst(field.label)


@admin.register(BankAccount)
class BankAccountAdmin(ReadOnlyModelAdmin):
    """The merchants' plain bank accounts."""

    empty_text = gettext_lazy(
        "No other bank account is known yet. Add one whose statements you want to read; those of provider "
        "accounts and of the merchant are known already."
    )
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = ("name", "iban", "currency", "merchant")
    list_display_links = ("name", "iban")
    list_filter = (("merchant", OwnRelated),)
    list_select_related = ("merchant",)
    search_fields = ("name", "=iban", "=id")
    search_help_text = gettext_lazy("Name or IBAN")
    actions_list = ("enter",)

    def page(self, request: HttpRequest, row: BankAccount) -> Page:
        """The account, and where its statements are."""
        statements = list_link(BankStatement, _("Bank statements"), account=row.iban)
        facts: list[tuple[str, Any]] = [
            ("IBAN", row.iban),
            (_("currency"), row.currency),
            (_("contents"), statements),
            (_("created at"), render.moment(row.created_at, row.merchant.zone)),
            (_("merchant"), row_link(row.merchant)),
            ("id", row.id),
        ]
        return Page(title=row.name, facts=[Fact(name, value) for name, value in facts], sections=[])

    def has_enter_permission(self, request: HttpRequest) -> bool:
        """Who may send a bank's files may say whose account they are about."""
        return may_somewhere(person(request), May.RESOLVE)

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Enter a bank account"), url_path="enter", permissions=["enter"], icon="add"
    )
    def enter(self, request: HttpRequest) -> HttpResponse:
        """Take an account in, so that its statements are imported."""
        if not self.has_enter_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form = BankAccountForm(data, merchants=whole_merchants(person(request), May.RESOLVE))
        if form.is_valid() and (row := self._entered(request, form)) is not None:
            return redirect(row_url(BankAccount, row.id))
        if request.method == "POST":
            note_refused_choices(form, user=person(request), action="bank_account.created")
        title = _("Enter a bank account")
        context = {**self.admin_site.each_context(request), "form": form, "title": title, "opts": self.opts}
        return TemplateResponse(request, "reconciliation/bank_account.html", context)

    def _entered(self, request: HttpRequest, form: BankAccountForm) -> BankAccount | None:
        try:
            return create_bank_account(**form.cleaned_data, actor=person(request).id)
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
            return None
