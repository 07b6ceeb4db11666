"""What both kinds of statements share: an account of ours seen as a bank would tell it.

A receivable is what a payment provider holds for the shop: a sale pays in, a refund or a payout pays out, and of a
settlement, which books against each payment what it pays for it, the fees are what is left. So each entry is one line,
of what it changed on the account, and one that changes nothing there is none.
"""

import hashlib
from typing import Final

from reconciliation.exports.base import Account, Books, Entry

_KINDS: Final = {"settled": "CHG", "payout_announced": "TRF", "payout_failed": "TRF"}
OTHER: Final = "MSC"


def account_of(books: Books) -> Account:
    """The account it is of."""
    assert books.statement_of is not None, "a statement is asked for with its account"
    return books.statement_of


def moved(entry: Entry) -> int:
    """What the entry changes on the account; the only line that it has here."""
    return entry.lines[0].amount


def kind_of(entry: Entry) -> str:
    """SWIFT's three letters for what it is: charges, a transfer, or something else."""
    return _KINDS.get(entry.event, OTHER)


def statement_id(books: Books, length: int) -> str:
    """A name for exactly this statement: other entries in the same days give another."""
    account, totals = account_of(books), books.totals
    content = (account.ledger_code, books.currency, books.first, books.last, account.opening, account.closing, totals)
    return "OT" + hashlib.sha256(repr(content).encode()).hexdigest()[: length - 2].upper()
