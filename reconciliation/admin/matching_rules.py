"""The matching rules of a provider account: one page to change them, tried on what stands open before they are kept."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from payments.admin.base import tables
from payments.admin.base.access import person, require_second_factor
from payments.admin.base.addresses import list_url
from payments.admin.base.error_messages import explain, words
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError, ValidationFailed
from payments.models import ProviderAccount
from payments.people.permissions import May, may, within
from reconciliation.admin.matching_rule_forms import RuleForm, columns, forms_of, written
from reconciliation.models import MatchingRule
from reconciliation.services.matching_preview import preview
from reconciliation.services.matching_rules import USUAL, change_rules, rules_of


@admin.register(MatchingRule)
class MatchingRuleAdmin(ReadOnlyModelAdmin):
    """In place of a list one page for each account, as accounts have all rules or none of their own."""

    sees: ClassVar[May] = May.SEE_BOOKS
    merchant_path: ClassVar[str] = "provider_account__merchant_id"
    channel_path: ClassVar[str | None] = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The rules of one account; a change is previewed or saved."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        accounts = _accounts(request)
        chosen, unknown = _chosen(request, accounts)
        context: dict[str, Any] = {"accounts": accounts, "chosen": chosen, "unknown": unknown, "rows": []}
        context["with_own"] = _with_own(accounts)
        if chosen is not None:
            answer = self._change(request, chosen, context)
            if answer is not None:
                return answer
            context["may_change"] = _may_change(request, chosen)
            _mark_own(context["rows"], chosen)
        context |= {**self.admin_site.each_context(request), "opts": self.opts, "title": _("Matching rules")}
        return TemplateResponse(request, "reconciliation/matching_rules.html", {**context, "columns": columns()})

    def page(self, request: HttpRequest, row: MatchingRule) -> Page:
        """One rule of an account, and who set it; it is changed on the page of all."""
        account = ProviderAccount.objects.select_related("merchant").get(id=row.provider_account_id)
        setting = next(one for one in rules_of(account) if one.rule == row.rule)
        facts = [
            (_("provider account"), row_link(account)),
            *zip(columns(), written(setting, account.currency), strict=True),
            ("id", row.id),
        ]
        return Page(
            title=str(row.get_rule_display()),
            facts=[Fact(name, value) for name, value in facts],
            sections=[tables.audit(account.id, account.merchant.zone)],
        )

    def _change(self, request: HttpRequest, account: ProviderAccount, context: dict[str, Any]) -> HttpResponse | None:
        """Fill the page; return where to go where the rules were saved, or a proof of the person is missing first."""
        changes = request.method == "POST"
        if changes and not _may_change(request, account):
            raise PermissionDenied
        rules = USUAL if "usual" in request.POST else rules_of(account)
        typed = request.POST if changes and "usual" not in request.POST else None
        rows = context["rows"] = forms_of(typed, rules, account.currency)
        if not changes:
            return None
        found = [one.setting() for one in rows] if typed is not None and _valid(rows) else None
        wanted = rules if typed is None else found
        if wanted is None:
            context["faults"] = [_("Some of this cannot be read. It stands beside it.")]
            return None
        if "preview" in request.POST:
            context["tried"] = _tried(account, wanted)
            return None
        return self._saved(request, account, wanted, context)

    def _saved(
        self, request: HttpRequest, account: ProviderAccount, rules: Any, context: dict[str, Any]
    ) -> HttpResponse | None:
        try:
            waiting = change_rules(account, rules, actor=person(request))
        except OnetillError as refusal:
            if refusal.code == "second_factor_required":
                return require_second_factor(request, back=list_url(MatchingRule, account=account.id))
            context["faults"] = _explained(refusal, context["rows"])
            return None
        if waiting is not None:
            messages.success(request, _("A second person has to agree to this tolerance. Until then nothing changes."))
        else:
            messages.success(request, _("The rules are saved. Lines are matched by them from now on."))
        return redirect(list_url(MatchingRule, account=account.id))


def _valid(rows: list[RuleForm]) -> bool:
    return all([one.is_valid() for one in rows])  # noqa: C419  (each, so that every fault is shown)


def _explained(refusal: OnetillError, rows: list[RuleForm]) -> list[str]:
    """Put what is wrong at the cell that it is about; return what is about none."""
    if not isinstance(refusal, ValidationFailed):
        return [explain(refusal)]
    by_rule, others = {one.rule: one for one in rows}, []
    for fault in refusal.faults:
        rule, _dot, name = (fault.param or "").partition(".")
        text = words(fault.code, fault.detail)
        if rule in by_rule and name in by_rule[rule].fields:
            by_rule[rule].add_error(name, text)
        else:
            others.append(text)
    return others or [_("Some of this cannot be so. It stands beside it.")]


def _tried(account: ProviderAccount, rules: Any) -> dict[str, Any]:
    found = preview(account, rules)
    by_rule = [(MatchingRule.Rule(rule).label if rule else "–", count) for rule, count in found.matched.items()]
    return {"found": found, "by_rule": sorted(by_rule, key=lambda one: -one[1])}


def _mark_own(rows: list[RuleForm], account: ProviderAccount) -> None:
    """Lead from each rule that is the account's own to the page that says who set it."""
    kept = {row.rule: row for row in MatchingRule.objects.filter(provider_account=account)}
    for form in rows:
        form.own = row_link(kept[form.rule], _("your own")) if form.rule in kept else ""


def _with_own(accounts: list[ProviderAccount]) -> list[tuple[str, str]]:
    """The names of the accounts that have rules of their own, and the addresses of these."""
    kept = set(MatchingRule.objects.filter(provider_account__in=accounts).values_list("provider_account_id", flat=True))
    return [(row.name, list_url(MatchingRule, account=row.id)) for row in accounts if row.id in kept]


def _accounts(request: HttpRequest) -> list[ProviderAccount]:
    reach = within(person(request), May.SEE_BOOKS, merchant="merchant_id", channel=None)
    rows = ProviderAccount.objects.filter(reach).select_related("merchant")
    return list(rows.order_by("merchant__name", "name", "id"))


def _chosen(request: HttpRequest, accounts: list[ProviderAccount]) -> tuple[ProviderAccount | None, bool]:
    """The account of the address, else the first; and whether one was named that is not among them."""
    named = request.GET.get("account")
    if named is None:
        return next(iter(accounts), None), False
    found = next((row for row in accounts if row.id == named), None)
    return found, found is None


def _may_change(request: HttpRequest, account: ProviderAccount) -> bool:
    return may(person(request), May.MANAGE_SETTINGS, merchant_id=account.merchant_id, channel_id=None)
