"""Match lines that are several sales together with them, as a person would who names them all."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from payments.accounting.chart_of_accounts import account
from payments.ledger.posting import Line, post
from payments.models import Discrepancy, ProviderAccount
from payments.runtime.sweeps import Sweep
from reconciliation import journal
from reconciliation.services import locks, steps, tolerances
from reconciliation.services.auto_resolve import ACTOR
from reconciliation.services.carry_out import Resolution, carry_out, match_of
from reconciliation.services.line_discrepancies import line_of
from reconciliation.services.matching import named_payment, owed
from reconciliation.services.matching_rules import TOTALS, WHOLE, RuleSetting, rules_of
from reconciliation.services.open_balance import OpenBalance, to_book
from reconciliation.sql.line_totals import Total, TotalRule, totals


def find_totals(contract: ProviderAccount, rules: Sequence[RuleSetting]) -> list[Total]:
    """Return what these rules find among the unexplained lines of an account; needs its merchant."""
    wanted = [
        TotalRule(
            one.rule,
            one.priority,
            one.window_days or 0,
            one.tolerance,
            WHOLE if one.tolerance_basis_points is None else one.tolerance_basis_points,
        )
        for one in rules
        if one.enabled and one.rule in TOTALS
    ]
    return totals(account_id=contract.id, zone=contract.merchant.timezone, rules=wanted) if wanted else []


def match_totals(contract: ProviderAccount) -> int:
    """Match what the account's rules find, each by itself. Return how many lines that were.

    The caller holds the merchant's lock of an import.
    """
    rules = {one.rule: one for one in rules_of(contract)}
    sweep, matched = Sweep("reconciliation.match_total"), 0
    for found in find_totals(contract, list(rules.values())):
        if found.discrepancies[0] not in sweep.resting:
            with sweep.item(found.discrepancies[0], merchant_id=contract.merchant_id), transaction.atomic():
                matched += _match(found, rules[found.rule])
    return matched


def _match(found: Total, setting: RuleSetting) -> int:
    first, *others = found.discrepancies
    names = (*others, *found.payments)
    row = locks.locked(first, beside=names)
    if row.status != Discrepancy.Status.OPEN or to_book(row) is None:
        return 0
    if found.difference > 0:  # more than was sold: that is no sale's
        _tolerate(row, setting, to_book(row, found.difference))
    wish = Resolution(action="match", note="", with_=names, rule=setting.rule)
    if match_of(row, wish).difference != -min(found.difference, 0):
        transaction.set_rollback(True)  # something of it moved meanwhile
        return 0
    row = carry_out(row, wish, ACTOR)
    if found.difference < 0:  # less: it stands open of the last payment that is named
        _tolerate(row, setting, _left_of(found.payments[-1], row))
    return len(found.discrepancies)


def _left_of(payment_id: str, row: Discrepancy) -> OpenBalance:
    payment = named_payment(row, payment_id)
    receivable = account("receivable", payment.currency, payment.provider_account_id)
    return OpenBalance(receivable, payment.item, owed(payment), payment.provider_account_id)


def _tolerate(row: Discrepancy, setting: RuleSetting, rest: OpenBalance | None) -> None:
    """Book what the lines and the sales differ by, as the rule says."""
    line = line_of(row)
    assert rest is not None
    assert line is not None
    step = steps.record(row, action=tolerances.ACTION, actor=ACTOR, amount=rest.amount)
    target = tolerances.target(setting, rest.account.currency, line.settlement.provider_account_id)
    lines = [Line(target, rest.amount), Line(rest.account, -rest.amount, rest.item)]
    entry = journal.resolved(row.merchant, row.id, lines, timezone.now(), nth=step.number - 1)
    post([entry])
    step.entries = [entry.key]
    step.save(update_fields=["entries"])
