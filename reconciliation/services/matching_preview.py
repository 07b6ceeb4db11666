"""Try rules on what stands open, before they are kept: what they would match, and which differences they tolerate."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from payments.models import ProviderAccount
from reconciliation.services.match_totals import find_totals
from reconciliation.services.matching_rules import RuleSetting, ruleset
from reconciliation.services.tolerances import tolerant
from reconciliation.sql import differences, matching, session

MOST: Final = 10_000  # lines that are tried: a person waits for it


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would do with the `lines` that nothing explains, by rule, and with `differences` in amount."""

    lines: int
    matched: dict[str, int]
    differences: int
    tolerated: int

    @property
    def all_matched(self) -> int:
        """How many lines would be matched."""
        return sum(self.matched.values())


def preview(account: ProviderAccount, rules: Sequence[RuleSetting]) -> Preview:
    """Match the newest unexplained lines of an account by these rules, and keep nothing of it; needs its merchant."""
    with session.staging():
        lines = matching.stage_stored_lines(account.id, most=MOST)
        matching.match_settlement_lines(
            merchant_id=account.merchant_id,
            account_id=account.id,
            zone=account.merchant.timezone,
            rules=ruleset(rules),
        )
        matched = Counter(match.rule for match in matching.late_matches())
    for total in find_totals(account, rules):
        matched[total.rule] += len(total.discrepancies)
    found = differences.open_amounts(merchant_id=account.merchant_id, account_id=account.id, most=MOST)
    settings = tolerant(rules)
    tolerated = sum(one.rule in settings and settings[one.rule].tolerates(one.amount, one.expected) for one in found)
    return Preview(lines, dict(matched), len(found), tolerated)
