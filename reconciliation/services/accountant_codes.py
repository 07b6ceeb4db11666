"""By which code the accountant's software knows each account of the ledger."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from payments.models import Merchant

_CODES: Final[Mapping[str, str]] = {
    "till": "1000",
    "bank": "1100",
    "receivable": "1210",
    "provisional": "1220",
    "disputed": "1230",
    "reserve": "1240",
    "in_transit": "1250",
    "vat_on_fees": "1520",
    "fees_payable": "1610",
    "refunds_payable": "1710",
    "vouchers": "1720",
    "suspense": "2000",
    "takings": "2010",
    "returns": "2020",
    "tips": "2030",
    "exchange": "2040",
    "fees": "4700",
    "chargebacks": "4710",
    "promotions": "4720",
    "till_differences": "4730",
    "write_offs": "4740",
    "rounding": "8900",
    "breakage": "8910",
}


class Called(NamedTuple):
    """An account's code there ("" where it is not mapped) and its name."""

    code: str
    name: str


def called(merchant: Merchant, codes: set[str]) -> dict[str, Called]:
    """Return how each of these accounts of a merchant's books is called."""
    return {code: Called(_CODES[code.partition(":")[0]], code) for code in codes}
