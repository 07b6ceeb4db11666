"""What the ledger refuses, in the tree of `payments.core.errors`.

Invalid
├── Unbalanced      the lines do not sum to zero in each currency
├── LineRefused     an amount that is no whole number above zero
└── ItemMissing     the account lists open items, and the line names none
Conflict
├── KeyReused       the key is booked with other content
├── AlreadyReversed another entry takes it back already
├── AccountDiffers  the account exists with another kind or another rule for items
└── DayClosed       the day's books are closed
NotFound
└── NoSuchEntry     nothing is booked under this key
BooksRefused        the database refused what the checks above let through: a defect, not a user's mistake
"""

from collections.abc import Mapping
from typing import Any

from payments.core.errors import Conflict, Invalid, NotFound, OnetillError


class Unbalanced(Invalid):
    """The lines do not sum to zero in each currency."""

    def __init__(self, key: str, off: Mapping[str, int]) -> None:
        by = ", ".join(f"{currency} by {amount}" for currency, amount in off.items()) or "it has no lines"
        super().__init__("entry_unbalanced", f"Entry {key} is not balanced: {by}.")


class LineRefused(Invalid):
    """An amount that is no whole number above zero. Leave a line of nothing out."""

    def __init__(self, account: str, amount: Any) -> None:
        super().__init__("line_refused", f"A line on {account} needs whole minor units above zero, not {amount!r}.")


class ItemMissing(Invalid):
    """The account lists open items, and the line names none."""

    def __init__(self, key: str, account: str) -> None:
        super().__init__("item_missing", f"Entry {key} posts to {account} without saying about which item.")


class KeyReused(Conflict):
    """The key is booked with other content. Nothing was booked."""

    def __init__(self, key: str) -> None:
        super().__init__("entry_key_reused", f"Entry {key} is booked already with other content.")


class AlreadyReversed(Conflict):
    """Another entry takes it back already. Nothing was booked."""

    def __init__(self, detail: str) -> None:
        super().__init__("entry_already_reversed", f"The entry is reversed already: {detail}")


class AccountDiffers(Conflict):
    """The account exists with another kind or another rule for items: accounts never change."""

    def __init__(self, account: str) -> None:
        super().__init__("account_differs", f"Account {account} exists with another kind or rule for items.")


class DayClosed(Conflict):
    """The day's books are closed."""

    def __init__(self, detail: str) -> None:
        super().__init__("day_closed", f"The day's books are closed: {detail}")


class NoSuchEntry(NotFound):
    """Nothing is booked under this key."""

    def __init__(self) -> None:
        super().__init__("No journal entry is booked under the key that is to be reversed.")


class BooksRefused(OnetillError):
    """The database refused what the checks in Python let through."""

    def __init__(self, constraint: str, detail: str) -> None:
        super().__init__("books_refused", f"{constraint}: {detail}")
