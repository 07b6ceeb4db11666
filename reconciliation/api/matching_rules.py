"""By which rules the lines and payouts of a provider account are matched: read, tried and changed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType, field
from rest_framework.request import Request

from payments.api.approvals import REQUIRES_APPROVAL, waiting
from payments.api.openapi import described
from payments.api.schemas import (
    CURRENCY,
    FLAG,
    MINOR_UNITS,
    WHOLE,
    define,
    identifier,
    many,
    maybe,
    record,
    word,
    words,
)
from payments.api.views import ApiView
from payments.core.errors import Fault, ValidationFailed
from payments.core.input_types import minor_units, one_of, whole_number
from payments.core.inputs import Input
from payments.models import ProviderAccount
from reconciliation.models import MatchingRule
from reconciliation.services.matching_preview import preview
from reconciliation.services.matching_rules import USUAL, RuleSetting, change_rules, rule_faults, rules_of
from reconciliation.services.matching_rules import WHOLE as ALL

TAG: Final = "Reconciliation"
MATCHING_RULES = define(
    "MatchingRules",
    record(
        object=word("matching_rules"),
        provider_account=identifier("pac"),
        currency=CURRENCY,
        own=FLAG,
        rules=many(
            record(
                rule=words(MatchingRule.Rule.values),
                enabled=FLAG,
                priority=WHOLE,
                window_days=maybe(WHOLE),
                tolerance=MINOR_UNITS,
                tolerance_basis_points=maybe(WHOLE),
                reason=maybe(words(MatchingRule.Reason.values)),
            )
        ),
        test_mode=FLAG,
    ),
)
MATCHING_PREVIEW = define(
    "MatchingPreview",
    record(
        object=word("matching_preview"),
        lines=WHOLE,
        matched=many(record(rule=words(MatchingRule.Rule.values), lines=WHOLE)),
        differences=WHOLE,
        tolerated=WHOLE,
    ),
)
_Days = Annotated[int, whole_number(0, 90)]
_Share = Annotated[int, whole_number(1, ALL)]


class RuleInput(Input):
    """One rule, and what of it changes."""

    rule: Annotated[str, one_of(MatchingRule.Rule.values)]
    """Rule by its name."""
    enabled: bool | None = None
    """Whether lines are matched by it."""
    priority: Annotated[int, whole_number(1, len(USUAL))] | None = None
    """Its place: 1 counts first. Give all whose places change."""
    window_days: _Days | UnsetType | None = UNSET
    """Days around a line's day in which it looks; only of a rule that looks at days."""
    tolerance: Annotated[int, minor_units(least=0)] | None = None
    """Difference up to which nobody is asked, in minor units of the account's currency; 0: every one is asked."""
    tolerance_basis_points: _Share | UnsetType | None = UNSET
    """The same as a share of the books' amount, in hundredths of a percent; `null` for no limit of that kind."""
    reason: Annotated[str, one_of(MatchingRule.Reason.values)] | UnsetType | None = UNSET
    """What a tolerated difference is booked as; `null` where none is tolerated."""


class RulesInput(Input):
    """The rules that change; the others stay as they are."""

    rules_: Annotated[list[RuleInput], Meta(max_length=len(USUAL))] = field(name="rules")
    """Rules that change, each once."""


class RulesView(ApiView):
    """What the addresses of an account's rules share. They are the merchant's: a key of one channel sees none."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.must_be_untied()

    def account(self, account_id: str) -> ProviderAccount:
        """The account of the address, with its merchant."""
        rows: QuerySet[ProviderAccount] = ProviderAccount.objects.select_related("merchant")
        return self.one(rows.filter(merchant_id=self.caller.merchant_id), id=account_id)


class Rules(RulesView):
    """The rules of one account."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "reconciliation:read",
        "PATCH": "accounts:write",
        "DELETE": "accounts:write",
    }

    @described(
        "get_matching_rules",
        "By which rules the lines of a provider account are matched",
        {200: MATCHING_RULES},
        refusals=[404],
        tag=TAG,
    )
    def get(self, request: Request, provider_account_id: str) -> HttpResponse:
        """Return the rules of an account, the first to count first. `own` tells whether they differ from the usual
        ones.
        """
        self.no_query()
        return self.answer(_shown(self.account(provider_account_id)))

    @described(
        "change_matching_rules",
        "Change by which rules the lines of a provider account are matched",
        {200: MATCHING_RULES, 202: REQUIRES_APPROVAL},
        body=RulesInput,
        refusals=[404, 409],
        once=False,
        tag=TAG,
    )
    def patch(self, request: Request, provider_account_id: str) -> HttpResponse:
        """Change the rules that are sent and leave the others. A tolerance that books more than before is a person's
        to set, in the admin.
        """
        self.no_query()
        account = self.account(provider_account_id)
        return self._changed(account, self.input(RulesInput).rules_)

    @described(
        "reset_matching_rules",
        "Have the lines of a provider account matched by the usual rules again",
        {200: MATCHING_RULES, 202: REQUIRES_APPROVAL},
        refusals=[404, 409],
        tag=TAG,
    )
    def delete(self, request: Request, provider_account_id: str) -> HttpResponse:
        """Go back to the usual rules, and answer them."""
        self.no_query()
        account = self.account(provider_account_id)
        approval = change_rules(account, USUAL, actor=self.caller)
        return self.answer(_shown(account)) if approval is None else self.answer(waiting(approval), 202)

    def _changed(self, account: ProviderAccount, given: Sequence[RuleInput]) -> HttpResponse:
        rules = merged(rules_of(account), given)
        try:
            approval = change_rules(account, rules, actor=self.caller)
        except ValidationFailed as refusal:
            raise ValidationFailed(list(_placed(refusal.faults, given))) from None
        return self.answer(_shown(account)) if approval is None else self.answer(waiting(approval), 202)


class PreviewRules(RulesView):
    """Rules tried on what stands open; nothing is changed."""

    scopes: ClassVar[dict[str, str]] = {"POST": "reconciliation:read"}

    @described(
        "preview_matching_rules",
        "Try matching rules on what stands open",
        {200: MATCHING_PREVIEW},
        body=RulesInput,
        refusals=[404],
        once=False,
        tag=TAG,
    )
    def post(self, request: Request, provider_account_id: str) -> HttpResponse:
        """Answer what these rules would match of the lines that nothing explains, and which differences they would
        tolerate. Nothing is changed.
        """
        self.no_query()
        account = self.account(provider_account_id)
        given = self.input(RulesInput).rules_
        rules = merged(rules_of(account), given)
        if faults := list(rule_faults(rules)):
            raise ValidationFailed(list(_placed(faults, given)))
        seen = preview(account, rules)
        return self.answer(
            {
                "object": "matching_preview",
                "lines": seen.lines,
                "matched": [{"rule": rule, "lines": count} for rule, count in seen.matched.items()],
                "differences": seen.differences,
                "tolerated": seen.tolerated,
            }
        )


def merged(rules: Sequence[RuleSetting], given: Sequence[RuleInput]) -> tuple[RuleSetting, ...]:
    """Return rules with what was sent of some of them, in their order.

    Raises:
        ValidationFailed: one was sent twice.
    """
    names = [one.rule for one in given]
    twice = [place for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise ValidationFailed(
            [Fault(f"rules[{place}].rule", "named_twice", "Send each rule once.") for place in twice]
        )
    sent = {one.rule: _members(one) for one in given}
    found = [replace(one, **sent.get(one.rule, {})) for one in rules]
    return tuple(sorted(found, key=lambda one: one.priority))


def _members(one: RuleInput) -> dict[str, Any]:
    members = {name: value for name, value in one.given().items() if name != "rule"}
    return members | ({"reason": members["reason"] or ""} if "reason" in members else {})


def _placed(faults: Sequence[Fault], given: Sequence[RuleInput]) -> Iterator[Fault]:
    """Yield faults at the place in the request that they are about, where it is in it."""
    places = {one.rule: place for place, one in enumerate(given)}
    for fault in faults:
        rule, _dot, name = (fault.param or "").partition(".")
        yield replace(fault, param=f"rules[{places[rule]}].{name}" if rule in places else "rules")


def _shown(account: ProviderAccount) -> dict[str, Any]:
    rules = rules_of(account)
    return {
        "object": "matching_rules",
        "provider_account": account.id,
        "currency": account.currency,
        "own": rules != USUAL,
        "rules": [asdict(one) | {"reason": one.reason or None} for one in rules],
        "test_mode": account.merchant.test_mode,
    }
