"""Differences within the tolerance of the rule that matched their line: booked as agreed, and told as resolved.

Each has its discrepancy and the step that resolved it, as if a person had done so: it is found in the list, and undone
like any other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from payments.accounting.chart_of_accounts import account
from payments.ledger.posting import AccountSpec, Line, post
from payments.models import Discrepancy, Merchant
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.services import discrepancy
from reconciliation import journal
from reconciliation.models import ResolutionStep, Settlement
from reconciliation.models.matching_rule import MatchingRule
from reconciliation.services.auto_resolve import ACTOR
from reconciliation.services.matching_rules import RuleSetting
from reconciliation.sql import open_items
from reconciliation.sql.differences import Issue

ACTION: Final = "tolerance"
Rules = Mapping[str, RuleSetting]  # those with a tolerance, by their names


class Difference(NamedTuple):
    """A discrepancy of a line's amount that its rule tolerates."""

    row: Discrepancy
    setting: RuleSetting


def tolerated(rules: Rules, line: Issue, row: Discrepancy) -> RuleSetting | None:
    """Return the rule that tolerates a line's discrepancy; None where a person is asked."""
    if row.kind != Kind.AMOUNT_DIFFERS or line.expected is None or row.amount is None:
        return None
    setting = rules.get(line.rule)
    return setting if setting is not None and setting.tolerates(row.amount, line.expected) else None


def tolerant(rules: Sequence[RuleSetting]) -> Rules:
    """Return the rules that tolerate something."""
    return {one.rule: one for one in rules if one.enabled and one.tolerance}


def settle(settlement: Settlement, found: Sequence[Difference], *, at: datetime) -> None:
    """Open these discrepancies of one settlement, and resolve those of which exactly the difference stands open.

    Where something else of the payment is open, or a person has booked some of it, they stay open for a person.
    """
    opened = discrepancy.open_discrepancies([one.row for one in found])
    owed = account("receivable", settlement.currency, settlement.provider_account_id)
    differ: Counter[int] = Counter()
    for row in opened:
        differ[row.item or 0] += row.amount or 0
    balances = open_items.balances(settlement.merchant_id, owed.code, owed.currency, list(differ))
    settings = {one.row.key: one.setting for one in found}
    todo = [row for row in opened if row.item is not None and balances.get(row.item) == differ[row.item]]
    _resolve(settlement, owed, {row.id: (row, settings[row.key]) for row in todo}, at)


def _resolve(
    settlement: Settlement, owed: AccountSpec, todo: Mapping[str, tuple[Discrepancy, RuleSetting]], at: datetime
) -> None:
    entries, steps = [], []
    for row, setting in todo.values():
        amount = row.amount or 0
        where = target(setting, owed.currency, settlement.provider_account_id)
        lines = [Line(where, amount), Line(owed, -amount, row.item)]
        entry = journal.resolved(settlement.merchant, row.id, lines, at)
        entries.append(entry)
        # The number is 1: nobody has done anything about a discrepancy that was opened just now.
        steps.append(
            ResolutionStep(
                discrepancy=row,
                number=1,
                action=ACTION,
                actor=ACTOR,
                amount=amount,
                entries=[entry.key],
                approved=False,
            )
        )
    ResolutionStep.objects.bulk_create(steps)
    post(entries)
    for reason in MatchingRule.Reason.values:
        keys = [row.key for row, setting in todo.values() if setting.reason == reason]
        close(settlement.merchant, keys, reason)


def close(merchant: Merchant, keys: Sequence[str], reason: str) -> None:
    """Resolve discrepancies whose amount was booked as this reason says."""
    done: dict[str, Any] = {"action": ACTION, "reason": reason, "note": "", "with": [], "until": None}
    discrepancy.resolve_discrepancies(merchant=merchant, keys=keys, actor=ACTOR, resolution=done | {"actor": ACTOR})


def target(setting: RuleSetting, currency: str, account_id: str) -> AccountSpec:
    """Return the account that a tolerated difference with a provider account is booked to."""
    if setting.reason == MatchingRule.Reason.FEE:
        return account("fees", currency, account_id)
    return account("rounding" if setting.reason == MatchingRule.Reason.ROUNDING else "write_offs", currency)
