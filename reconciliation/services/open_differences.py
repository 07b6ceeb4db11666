"""Open what differs of a settlement's lines, and settle at once what a rule tolerates."""

from collections.abc import Iterable
from datetime import datetime

from payments.models import Discrepancy
from payments.services import discrepancy
from reconciliation.models import Settlement
from reconciliation.services import tolerances
from reconciliation.services.line_discrepancies import discrepancies_of
from reconciliation.sql.differences import Issue


def open_differences(settlement: Settlement, issues: Iterable[Issue], rules: tolerances.Rules, *, at: datetime) -> None:
    """Open the discrepancies of these lines; `at` is when a tolerated one is booked."""
    beyond: list[Discrepancy] = []
    settled: list[tolerances.Difference] = []
    for line in issues:
        for row in discrepancies_of(settlement, line):
            setting = tolerances.tolerated(rules, line, row)
            if setting is None:
                beyond.append(row)
            else:
                settled.append(tolerances.Difference(row, setting))
    discrepancy.open_discrepancies(beyond)
    if settled:
        tolerances.settle(settlement, settled, at=at)
