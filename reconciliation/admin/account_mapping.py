"""How the accounts of the books are called in the accountant's software: one page for each merchant, to be edited."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from payments.admin.base import tables
from payments.admin.base.access import person, whole_merchants
from payments.admin.base.addresses import list_url
from payments.admin.base.error_messages import explain
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.models import Merchant
from payments.people.permissions import May, may
from payments.queries import books
from reconciliation.admin.export_forms import AccountForm
from reconciliation.models import AccountMapping
from reconciliation.services.account_mapping import change_mapping, default_mapping, mapped_accounts


@admin.register(AccountMapping)
class AccountMappingAdmin(ReadOnlyModelAdmin):
    """In place of a list one page to edit: what has no row of its own has its default, and both stand there."""

    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The accounts of one merchant, with what each is called; what is unmapped stands above them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        merchants = list(whole_merchants(person(request), May.SEE_BOOKS).order_by("name", "id"))
        chosen, unknown = _chosen(request, merchants)
        rows = _rows(request, chosen)
        faults: list[str] = []
        if request.method == "POST" and chosen is not None:
            faults = self._change(request, chosen, rows)
            if not faults:
                messages.success(request, _("The accounts are saved."))
                return redirect(list_url(AccountMapping, merchant=chosen.id))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Accounts at the accountant"),
            "merchants": merchants,
            "chosen": chosen,
            "unknown": unknown,
            "rows": rows,
            "unmapped": [form.account.title for form in rows if not form.account.mapped],
            "faults": faults,
            "may_change": chosen is not None and _may_change(request, chosen),
        }
        return TemplateResponse(request, "reconciliation/account_mapping.html", context)

    def page(self, request: HttpRequest, row: AccountMapping) -> Page:
        """How one account is called, and who decided so; it is changed on the page of all."""
        name = books.names([row.account])[row.account]
        facts: list[tuple[str, Any]] = [
            (_("account"), name),
            (_("code"), row.code or _("unmapped")),
            (_("name"), row.name),
            (_("journal"), row.journal),
            (_("VAT code"), row.vat_code),
            (_("number on statements"), row.number),
            (_("merchant"), row_link(row.merchant)),
            ("id", row.id),
        ]
        return Page(
            title=name,
            facts=[Fact(title, value) for title, value in facts if value],
            sections=[tables.audit(row.id, row.merchant.zone)],
        )

    def _change(self, request: HttpRequest, merchant: Merchant, rows: list[AccountForm]) -> list[str]:
        """Save all of it or nothing; return what is wrong."""
        if not _may_change(request, merchant):
            raise PermissionDenied
        if any([not form.is_valid() for form in rows]):  # noqa: C419  (each, so that every fault is shown)
            return [_("Some of this is too long.")]
        faults = []
        with transaction.atomic():
            for form in rows:
                try:
                    _save(request, merchant, form)
                except OnetillError as refusal:
                    faults.append(f"{form.account.title}: {explain(refusal)}")
            transaction.set_rollback(bool(faults))
        return faults


def _save(request: HttpRequest, merchant: Merchant, form: AccountForm) -> None:
    actor, account = person(request).id, form.account
    if f"{form.prefix}-default" in request.POST:
        default_mapping(merchant, account.ledger_code, actor=actor)
    elif form.has_changed():
        # A row that is made now keeps what was shown beside the change, whatever the default becomes.
        shown = {} if account.own else {name: getattr(account, name) for name in AccountForm.NAMES}
        change_mapping(merchant, account.ledger_code, values=shown | form.changes(), actor=actor)


def _rows(request: HttpRequest, merchant: Merchant | None) -> list[AccountForm]:
    if merchant is None:
        return []
    data = request.POST if request.method == "POST" else None
    accounts = mapped_accounts(merchant).values()
    return [AccountForm(data, account=account, position=position) for position, account in enumerate(accounts)]


def _chosen(request: HttpRequest, merchants: list[Merchant]) -> tuple[Merchant | None, bool]:
    """The merchant of the address, else the first; and whether one was named that is not among them."""
    named = request.GET.get("merchant")
    if named is None:
        return next(iter(merchants), None), False
    found = next((row for row in merchants if row.id == named), None)
    return found, found is None


def _may_change(request: HttpRequest, merchant: Merchant) -> bool:
    return may(person(request), May.RESOLVE, merchant_id=merchant.id, channel_id=None)
