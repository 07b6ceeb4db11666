"""The chart of accounts, per merchant and currency: every code is made here, and nowhere else.

    assets, clearing   receivable:P in_transit:P in_transit:B bank:B till:C provisional:P disputed:P
                       reserve:P suspense exchange
    liabilities        refunds_payable vouchers fees_payable
    clearing incl. VAT takings:C returns:C tips:C rounding breakage
    costs              fees:P vat_on_fees chargebacks promotions till_differences write_offs

P is a provider account, C a channel, B a bank account (its IBAN).
"""

from typing import Final

from payments.ledger.posting import AccountSpec

# name: (kind, whether each posting must say what it is about)
_ACCOUNTS: Final[dict[str, tuple[str, bool]]] = {
    "receivable": ("asset", True),
    "provisional": ("asset", True),
    "disputed": ("asset", True),
    "in_transit": ("asset", True),
    "reserve": ("asset", True),
    "suspense": ("asset", True),
    "bank": ("asset", False),
    "till": ("asset", False),
    "exchange": ("asset", False),
    "refunds_payable": ("liability", True),
    "vouchers": ("liability", True),
    "fees_payable": ("liability", False),
    "takings": ("income", False),
    "returns": ("income", False),
    "tips": ("income", False),
    "rounding": ("income", False),
    "breakage": ("income", False),
    "fees": ("expense", False),
    "vat_on_fees": ("expense", False),
    "chargebacks": ("expense", False),
    "promotions": ("expense", False),
    "till_differences": ("expense", False),
    "write_offs": ("expense", False),
}


def account(name: str, currency: str, owner: str | None = None) -> AccountSpec:
    """The account `name`, or `name:owner`, in one currency.

    Raises:
        KeyError: the chart has no such name.
    """
    kind, item_required = _ACCOUNTS[name]
    code = name if owner is None else f"{name}:{owner}"
    return AccountSpec(code=code, kind=kind, currency=currency, item_required=item_required)
