"""Reading the books: balances, the trial balance, what is open. Each answer is one statement, exact at its moment."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from payments.ledger import sql
from payments.ledger.entries import AccountSpec
from payments.ledger.fold import age as fold_age
from payments.ledger.fold import fold, fold_all
from payments.ledger.models import Account, Posting

__all__ = [
    "AccountBalance",
    "Open",
    "balance",
    "balance_at",
    "balances",
    "ever_debited",
    "fold",
    "fold_age",
    "fold_all",
    "open_items",
    "trial_balance",
]


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account's line of a trial balance, net: one side is 0."""

    id: str
    number: int
    code: str
    kind: str
    currency: str
    amount: int

    @property
    def debit(self) -> int:
        return max(self.amount, 0)

    @property
    def credit(self) -> int:
        return max(-self.amount, 0)


@dataclass(frozen=True, slots=True)
class Open:
    """What stands open about one item on one account; `since` its oldest event."""

    account_id: str
    number: int
    code: str
    currency: str
    item: int
    amount: int
    since: dt.datetime


def balance(merchant_id: str, account: AccountSpec) -> int:
    """What stands on an account, debit positive; 0 where nothing was ever posted."""
    known = Account.objects.filter(merchant_id=merchant_id, code=account.code, currency=account.currency)
    return sum(balances(list(known.values_list("number", flat=True))).values())


def balance_at(merchant_id: str, account: AccountSpec, moment: dt.datetime) -> int:
    """What stood on an account at a moment, by when things happened (not by when they were booked)."""
    known = Account.objects.filter(merchant_id=merchant_id, code=account.code, currency=account.currency)
    number = known.values_list("number", flat=True).first()
    if number is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(sql.BALANCE_SINCE, {"number": number, "moment": moment})
        return balances([number])[number] - int(cursor.fetchone()[0])


def balances(numbers: Collection[int]) -> dict[int, int]:
    """What stands on each of these accounts, by their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(sql.BALANCES, [list(numbers)])
        return {number: int(amount) for number, amount in cursor.fetchall()}


def ever_debited(merchant_id: str, account: AccountSpec) -> bool:
    """Whether anything ever came onto an account."""
    known = Account.objects.filter(merchant_id=merchant_id, code=account.code, currency=account.currency)
    return Posting.objects.filter(account__in=known, amount__gt=0).exists()


def trial_balance(
    merchant_id: str, date: dt.date | None = None, known_at: dt.datetime | None = None
) -> list[AccountBalance]:
    """Every account with a balance, over book dates up to `date`, as it was known at `known_at`; without them, all."""
    parameters = {"merchant": merchant_id, "date": date, "known_at": known_at}
    with connection.cursor() as cursor:
        cursor.execute(sql.TRIAL_BALANCE, parameters)
        return [AccountBalance(*row) for row in cursor.fetchall()]


def open_items(
    merchant_id: str,
    account: str | None = None,
    *,
    limit: int | None = None,
    before: tuple[int, int] | None = None,
) -> list[Open]:
    """What is open, newest item first; of one account (its id or code), or of all.

    `before` continues after the (item, number) of the last one seen.
    """
    listing = Account.objects.filter(merchant_id=merchant_id, item_required=True)
    if account is not None:
        # No code of the chart begins as an id does.
        listing = listing.filter(**{"id" if account.startswith("acc_") else "code": account})
    item, number = before or (None, None)
    parameters = {
        "numbers": list(listing.values_list("number", flat=True)),
        "item": item,
        "number": number,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.OPEN_ITEMS, parameters)
        return [Open(*row) for row in cursor.fetchall()]
