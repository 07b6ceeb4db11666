"""What the pages of reconciliation show beside `payments.admin.base.render`: sums."""

from django.utils.safestring import SafeString

from payments.admin.base.render import NOTHING, amount, money


def column(value: int | None, currency: str | None) -> str | SafeString:
    """An amount for a column of a list, a dash where there is none."""
    return NOTHING if value is None or currency is None else money(value, currency)


def text(value: int | None, currency: str | None) -> str:
    """An amount within a text."""
    return NOTHING if value is None or currency is None else amount(value, currency)
