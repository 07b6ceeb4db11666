"""What the pages of reconciliation show beside `payments.admin.base.render`: sums."""

from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from payments.admin.base.links import row_link
from payments.admin.base.render import NOTHING, amount, link, money
from reconciliation.models import BankStatementLine
from reconciliation.services.transfers import BANK_LINE


def column(value: int | None, currency: str | None) -> str | SafeString:
    """An amount for a column of a list, a dash where there is none."""
    return NOTHING if value is None or currency is None else money(value, currency)


def text(value: int | None, currency: str | None) -> str:
    """An amount within a text."""
    return NOTHING if value is None or currency is None else amount(value, currency)


def named(names: Sequence[str]) -> SafeString:
    """Links to what somebody named: objects by their ids, bank lines by their numbers."""
    return format_html_join(", ", "{}", ((_named(name),) for name in names))


def _named(name: str) -> Any:
    kind, _, number = name.partition("_")
    line = BankStatementLine.objects.filter(id=number).first() if kind == BANK_LINE and number.isdecimal() else None
    return row_link(line) if line is not None else link(name)
