"""Payouts of which the bank shows a little less or more: the rest is booked as the rule of their account says.

As of a settlement's line its discrepancy is there, resolved, with the step that can be undone.
"""

from collections.abc import Collection
from datetime import datetime

from payments.accounting.chart_of_accounts import account
from payments.ledger.posting import Line, post
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation import journal
from reconciliation.models import MatchingRule, Payout
from reconciliation.queries import item_balance
from reconciliation.services import payouts, steps, tolerances
from reconciliation.services.auto_resolve import ACTOR
from reconciliation.services.matching_rules import RuleSetting, rules_of


def settle(rows: Collection[Payout], *, at: datetime) -> None:
    """Let the tolerated rest of payouts be none, in the caller's transaction, after what the bank shows was booked.

    The caller has locked them. Where somebody has booked some of a rest already, it stays open for a person.
    """
    for payout in rows:
        if payout.status != Payout.Status.ANNOUNCED or not payout.amount_received:
            continue
        rule = tolerances.tolerant(rules_of(payout.provider_account)).get(MatchingRule.Rule.PAYOUT_PARTS)
        if rule is not None and rule.tolerates(payout.owed, payout.amount):
            _close(payout, rule, at)


def _close(payout: Payout, rule: RuleSetting, at: datetime) -> None:
    transit = account("in_transit", payout.currency, payout.provider_account_id)
    key, rest = f"{Kind.PAYOUT_DIFFERS}:{payout.id}", payout.owed
    row = Discrepancy.objects.filter(merchant=payout.merchant, key=key, status=Discrepancy.Status.OPEN).first()
    if row is None or item_balance(payout.merchant_id, transit, payout.item) != rest:
        return
    step = steps.record(row, action=tolerances.ACTION, actor=ACTOR, amount=rest)
    where = tolerances.target(rule, payout.currency, payout.provider_account_id)
    lines = [Line(where, rest), Line(transit, -rest, payout.item)]
    entry = journal.resolved(payout.merchant, row.id, lines, at, nth=step.number - 1)
    post([entry])
    step.entries = [entry.key]
    step.save(update_fields=["entries"])
    payouts.expect_no_more(row)
    tolerances.close(payout.merchant, [key], rule.reason)
