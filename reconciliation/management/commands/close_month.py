"""Close a merchant's month: `manage.py close_month YYYY-MM --merchant M [--json]`."""

from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from payments.management.answering import merchant_of
from reconciliation.closing import Scope
from reconciliation.management.closing import ClosingCommand
from reconciliation.services.periods import month_of


class Command(ClosingCommand):
    help = "Close a merchant's month, whose days are closed; else say what stands in the way."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("month", type=_first_of, metavar="YYYY-MM")
        parser.add_argument("--merchant", required=True, help="mer_…")

    def scope(self, options: dict[str, Any]) -> Scope:
        return month_of(merchant_of(options), options["month"])


def _first_of(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
