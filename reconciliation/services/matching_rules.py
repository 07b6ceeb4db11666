"""Which rules match the lines and payouts of a provider account: the usual ones, or as the merchant has them.

Whatever they are, lines that contradict themselves, fit several or have the wrong sign are left to a person.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_noop

from payments import audit_log
from payments.core.errors import Conflict, Fault, NotFound, ValidationFailed
from payments.models import Merchant, ProviderAccount
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate, notices
from payments.people.services.notices import Notice
from reconciliation.models import MatchingRule
from reconciliation.sql.line_candidates import CODES, Ruleset

Rule = MatchingRule.Rule
Reason = MatchingRule.Reason
# Several sales in one line, and in several lines of a batch.
TOTALS: Final = frozenset({Rule.DAY_TOTAL, Rule.BATCH})
# What differs in amount is known by these alone, a payout by its name: the others find nothing but the exact amount.
TOLERANT: Final = frozenset(
    {Rule.OPERATION, Rule.REFERENCE, Rule.CARD_PRESENT, Rule.PAYMENT_ONLY, Rule.PAYOUT_PARTS, *TOTALS}
)
# Days at most: RRNs and authorization codes come again; a payout may be late.
WINDOWS: Final[Mapping[str, int]] = {
    Rule.CARD_PRESENT: 31,
    Rule.AMOUNT_DAY_CARD: 31,
    Rule.DAY_TOTAL: 31,
    Rule.BATCH: 31,
    Rule.PAYOUT_SET: 90,
    Rule.PAYOUT_PARTS: 90,
    Rule.PAYOUT_BATCH: 90,
}
WHOLE: Final = 10_000  # basis points


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSetting:
    """How one rule is set. `tolerance` in minor units of the account's currency; 0: every difference is asked."""

    rule: str
    enabled: bool = True
    priority: int
    window_days: int | None = None
    tolerance: int = 0
    tolerance_basis_points: int | None = None
    reason: str = ""

    def tolerates(self, difference: int, expected: int) -> bool:
        """Tell whether a difference to what the books expect (both in minor units) is booked without a person."""
        share = WHOLE if self.tolerance_basis_points is None else self.tolerance_basis_points
        return 0 < abs(difference) <= self.tolerance and abs(difference) * WHOLE <= abs(expected) * share


LONGEST_WINDOW: Final = 31
_DAYS: Final = gettext_noop("Give a number of days from 0 to 31; only to a rule that looks at days.")
_DAYS_OF_PAYOUTS: Final = gettext_noop("Give a number of days from 0 to 90.")

USUAL: Final = (
    RuleSetting(rule=Rule.OPERATION, priority=1),
    RuleSetting(rule=Rule.REFERENCE, priority=2),
    RuleSetting(rule=Rule.CARD_PRESENT, priority=3, window_days=3),
    RuleSetting(rule=Rule.PAYMENT, priority=4),
    RuleSetting(rule=Rule.ORDER, priority=5),
    RuleSetting(rule=Rule.PAYMENT_ONLY, priority=6),
    RuleSetting(rule=Rule.PARTS, priority=7),
    RuleSetting(rule=Rule.AMOUNT_DAY_CARD, priority=8, enabled=False, window_days=0),
    RuleSetting(rule=Rule.DAY_TOTAL, priority=9, enabled=False, window_days=0),
    RuleSetting(rule=Rule.BATCH, priority=10, enabled=False, window_days=0),
    RuleSetting(rule=Rule.PAYOUT_SET, priority=11, window_days=60),
    RuleSetting(rule=Rule.PAYOUT_PARTS, priority=12, window_days=60),
    RuleSetting(rule=Rule.PAYOUT_BATCH, priority=13, window_days=60),
)
_NAMES: Final = tuple(RuleSetting.__dataclass_fields__)
_Rules = Sequence[RuleSetting]


def rules_of(account: ProviderAccount) -> tuple[RuleSetting, ...]:
    """Return the rules of a provider account, the first to count first."""
    rows = MatchingRule.objects.filter(provider_account=account).order_by("priority").values(*_NAMES)
    kept = tuple(RuleSetting(**row) for row in rows)
    if not kept or len(kept) == len(USUAL):
        return kept or USUAL
    # Set before there were this many: those that came since are as usual, and count last.
    known = {one.rule for one in kept}
    new = [one for one in USUAL if one.rule not in known]
    return (*kept, *(replace(one, priority=len(kept) + place) for place, one in enumerate(new, start=1)))


def ruleset(rules: _Rules) -> Ruleset:
    """Return rules as the statement that matches takes them."""
    by_rule = {one.rule: one for one in rules}
    return Ruleset(
        order=tuple(
            one.rule for one in sorted(rules, key=lambda one: one.priority) if one.enabled and one.rule in CODES
        ),
        card_present_days=by_rule[Rule.CARD_PRESENT].window_days or 0,
        amount_days=by_rule[Rule.AMOUNT_DAY_CARD].window_days or 0,
        parts=by_rule[Rule.PARTS].enabled,
    )


def change_rules(account: ProviderAccount, rules: _Rules, *, actor: Actor) -> Approval | None:
    """Have the lines of an account matched by these rules from now on; needs the account's merchant.

    A tolerance that books more than before waits for a second person at a live merchant: then the approval is returned,
    and nothing is changed yet.

    Raises:
        ValidationFailed: a rule that is missing, given twice or set as it cannot be.
        Forbidden: as `gate.check`.
        Conflict: `approval_waiting`.
    """
    if faults := list(rule_faults(rules)):
        raise ValidationFailed(faults)
    gate.check(_action(rules_of(account), rules), by=actor, merchant_id=account.merchant_id)
    with transaction.atomic():
        merchant = _locked(account.merchant_id)
        before = rules_of(account)
        if before == tuple(rules):
            return None
        action = _action(before, rules)
        if gate.waits(action, by=actor, merchant=merchant):
            return _propose(action, account, before, rules, actor)
        _write(account, before, rules, actor=name_of(actor))
        if action == Action.CHANGE_MATCHING_RULES:
            _tell_owners(Notice.SETTINGS_CHANGED, account, by=actor)
    return None


def decide(subject_id: str, *, user: User, approved: bool, note: str) -> None:
    """Change the rules of a provider account as requested, or leave them.

    Raises:
        Conflict: `approval_not_open`; `changed_meanwhile`, when they are no longer what the request would replace.
        Forbidden: as `approvals.decide`.
    """
    account = ProviderAccount.objects.select_related("merchant").filter(id=subject_id).first()
    if account is None:
        raise NotFound
    with transaction.atomic():
        merchant = _locked(account.merchant_id)
        approval = approvals.decide(
            subject_id=subject_id,
            action=Action.CHANGE_MATCHING_RULES,
            user=user,
            approved=approved,
            note=note,
            alone_from=merchant.decides_alone_from,
        )
        if not approved:
            return
        before, rules = (settings_of(approval.payload[name]) for name in ("before", "changes"))
        if rules_of(account) != before:
            detail = "The rules were changed since it was requested. Reject this request and ask again."
            raise Conflict("changed_meanwhile", detail)
        _write(account, before, rules, actor=approval.requested_by)
        _tell_owners(Notice.SETTINGS_CHANGED, account, by=user)


def settings_of(kept: Mapping[str, Any]) -> tuple[RuleSetting, ...]:
    """Return rules as they are kept with a request."""
    return tuple(RuleSetting(**one) for one in kept["rules"])


def _locked(merchant_id: str) -> Merchant:
    """Changes of one merchant's settings wait for one another."""
    return Merchant.objects.select_for_update().get(id=merchant_id)


def _write(account: ProviderAccount, before: _Rules, rules: _Rules, *, actor: str) -> None:
    MatchingRule.objects.filter(provider_account=account).delete()
    if tuple(rules) != USUAL:
        MatchingRule.objects.bulk_create(MatchingRule(provider_account=account, **asdict(one)) for one in rules)
    audit_log.write(
        actor=actor,
        action="provider_account.matching_rules_changed",
        subject=account,
        merchant_id=account.merchant_id,
        before=_kept(before),
        after=_kept(rules),
    )


def _propose(action: Action, account: ProviderAccount, before: _Rules, rules: _Rules, actor: Actor) -> Approval:
    payload = {"before": _kept(before), "changes": _kept(rules)}
    waiting = gate.propose(action, subject=account, by=actor, merchant_id=account.merchant_id, payload=payload)
    _tell_owners(Notice.SETTINGS_REQUESTED, account, by=actor)
    return waiting


def _tell_owners(notice: Notice, account: ProviderAccount, *, by: Actor) -> None:
    owners = notices.owners(account.merchant_id)
    notices.send(owners, notice, about=account, merchant_id=account.merchant_id, by=by, what=account.name)


def _kept(rules: _Rules) -> dict[str, Any]:
    return {"rules": [asdict(one) for one in rules]}


def _action(before: _Rules, after: _Rules) -> Action:
    known = {one.rule: one for one in before}
    wider = any(_books_more(known[one.rule], one) for one in after)
    return Action.CHANGE_MATCHING_RULES if wider else Action.CHANGE_SETTINGS


def _books_more(before: RuleSetting, after: RuleSetting) -> bool:
    """Tell whether a difference may be booked by it that was asked about before, or booked elsewhere."""
    if not (after.enabled and after.tolerance):
        return False
    shares = [WHOLE if one.tolerance_basis_points is None else one.tolerance_basis_points for one in (before, after)]
    known = before.enabled and after.tolerance <= before.tolerance and shares[1] <= shares[0]
    return not (known and after.reason == before.reason)


def rule_faults(rules: _Rules) -> Iterator[Fault]:
    """Yield what rules cannot be, each as `rule.setting`, or `rules`."""
    if sorted(one.rule for one in rules) != sorted(one.rule for one in USUAL):
        yield Fault("rules", "rules_incomplete", gettext_noop("Give each rule once."))
    elif sorted(one.priority for one in rules) != list(range(1, len(rules) + 1)):
        yield Fault("rules", "rule_order", gettext_noop("Give each rule a place of its own, from 1 on."))
    for one in rules:
        for name, detail in _setting_faults(one):
            yield Fault(f"{one.rule}.{name}", "out_of_range", detail)


def _setting_faults(one: RuleSetting) -> Iterator[tuple[str, str]]:
    window = one.window_days
    longest = WINDOWS.get(one.rule, 0)
    if (window is not None) != (one.rule in WINDOWS) or not 0 <= (window or 0) <= longest:
        yield "window_days", _DAYS_OF_PAYOUTS if longest > LONGEST_WINDOW else _DAYS
    if one.tolerance < 0 or (one.tolerance and one.rule not in TOLERANT):
        yield "tolerance", gettext_noop("This rule finds nothing but the exact amount: leave its tolerance at 0.")
    if bool(one.tolerance) != (one.reason in Reason.values):
        yield "reason", gettext_noop("Say what a tolerated difference is booked as.")
    if one.tolerance_basis_points is not None and not (one.tolerance and 0 < one.tolerance_basis_points <= WHOLE):
        yield "tolerance_basis_points", gettext_noop("Give a share above 0 % and up to 100 % beside a tolerance.")
