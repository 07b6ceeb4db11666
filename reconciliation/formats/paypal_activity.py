"""PayPal's activity and statement exports in English (CSV): its account as a running balance, in each currency.

A currency is one settlement: what stood on it before and what is left of it are carried over, so that what comes
between is what was withdrawn. Every row's balance is compared with the one before it. A conversion is two rows of one
reference. Whether days or months stand first the dates of the whole file must tell: nothing is guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, ClassVar, Final

from payments.core.money import Money
from reconciliation.formats.base import (
    Kind,
    LineType,
    Problem,
    Record,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    Sums,
    Transfer,
    Unreadable,
    guarded,
)
from reconciliation.formats.table import ISO, Row, has_columns, moment, records, table, zone

REQUIRED: Final = ("Date", "Time", "Currency", "Gross", "Fee", "Net", "Balance", "Transaction ID", "Reference Txn ID")
# The first that is found in a row's type: what it is where money comes in, and where it goes out; None is the
# withdrawal itself. What PayPal's account is used for beside selling goes to suspense.
_INTO_SUSPENSE: Final = (LineType.SALE, LineType.REFUND)
_RESERVE: Final = (LineType.RESERVE_RELEASE, LineType.RESERVE_HOLD)
TYPES: Final[tuple[tuple[re.Pattern[str], tuple[LineType, LineType | None]], ...]] = tuple(
    (re.compile(words), kinds)
    for words, kinds in (
        (r"currency conversion", (LineType.CONVERSION, LineType.CONVERSION)),
        (r"\bfee\b|\bfees\b", (LineType.FEE, LineType.FEE)),
        (r"chargeback", (LineType.CHARGEBACK_REVERSAL, LineType.CHARGEBACK)),
        (r"\bhold\b|\brelease\b|\breserve\b", _RESERVE),
        (r"withdrawal", (LineType.PAYOUT_RETURNED, None)),
        (r"refund", (LineType.REFUND_FAILED, LineType.REFUND)),
        (r"reversal", (LineType.SALE, LineType.REVERSAL)),
        (r"payment", (LineType.SALE, LineType.REFUND)),
        (r"deposit|transfer", _INTO_SUSPENSE),
    )
)
BALANCE: Final = "PayPal balance"
_DATE: Final = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")


class PayPalActivity:
    """Reads one export: a settlement for each currency in it."""

    code: ClassVar[str] = "paypal_activity"
    kind: ClassVar[Kind] = Kind.SETTLEMENT
    providers: ClassVar[tuple[str, ...]] = ("paypal", "external")
    movements_once: ClassVar[bool] = True

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns of both exports."""
        return has_columns(head, REQUIRED)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Read the dates of the whole file first, then yield headers and lines as they come, and the trailers."""
        return guarded(_read(stream))


@dataclass(slots=True)
class _Account:
    """PayPal's account in one currency, as far as it is read."""

    currency: str
    place: int
    sums: Sums
    closed_at: datetime
    balance: Money
    line: int = 0
    transfers: list[Transfer] = field(default_factory=list)


@dataclass(slots=True)
class _State:
    days_first: bool
    accounts: dict[str, _Account] = field(default_factory=dict)
    conversions: dict[str, tuple[int, str]] = field(default_factory=dict)  # the first side of each: row and currency


def _read(stream: BinaryIO) -> Iterator[Record]:
    state = _State(_days_first(stream))
    stream.seek(0)
    yield from records(table(stream, REQUIRED), lambda row: _row(row, state))
    if not state.accounts:
        raise Unreadable(None, "file_truncated", "The export has no rows. Export a period with movements.")
    for number, currency in state.conversions.values():
        detail = f"Row {number} converts {currency}, and no row has the other side of it. Export whole days."
        yield Problem(number, "sums_differ", detail)
    for account in state.accounts.values():
        yield from _closing(account)


def _days_first(stream: BinaryIO) -> bool:
    """Return whether dates begin with the day.

    Raises:
        Unreadable: no date of the file tells, or they tell both.
    """
    days = months = ambiguous = False
    for row in table(stream, REQUIRED):
        match = _DATE.fullmatch(row["Date"])
        if match is None:
            raise Unreadable(
                row.number, "record_invalid", f"Row {row.number}: Date is {row['Date']!r}, which is no date."
            )
        first, second = int(match[1]), int(match[2])
        days, months, ambiguous = days or first > 12, months or second > 12, ambiguous or first != second
    if days and months:
        raise Unreadable(None, "date_ambiguous", "Some dates begin with the day and others with the month.")
    if ambiguous and not days and not months:
        detail = (
            "Whether its dates begin with the day or the month cannot be told. Export a period with a day after the "
        )
        raise Unreadable(None, "date_ambiguous", f"{detail}12th of a month.")
    return days


def _row(row: Row, state: _State) -> Iterator[Record]:
    if row["Balance Impact"].casefold() == "memo":  # PayPal's word for what moves no money
        return
    currency, at = row.currency("Currency"), _at(row, days_first=state.days_first)
    gross, cost, net, balance = (row.money(column, currency) for column in ("Gross", "Fee", "Net", "Balance"))
    if net != gross + cost:
        raise ValueError(f"Net is {net}, but Gross and Fee make {gross + cost}")
    account = state.accounts.get(currency)
    if account is None:
        account = _Account(currency, len(state.accounts), Sums(currency), at, balance - net)
        state.accounts[currency] = account
        yield SettlementHeader(row.number, f"PayPal from {row.reference('Transaction ID')}", currency, at)
        if account.balance.amount:
            yield _carried(account, row.number - 1, account.balance)
    if account.balance + net != balance:
        raise ValueError(
            f"Balance is {balance}, but the row before it and Net make "
            f"{account.balance + net}; export all rows, the oldest first"
        )
    account.balance, account.line, account.closed_at = balance, row.number, max(account.closed_at, at)
    yield from _movement(row, state, account, gross=gross, fee=-cost, at=at)


def _movement(
    row: Row, state: _State, account: _Account, *, gross: Money, fee: Money, at: datetime
) -> Iterator[SettlementLine]:
    name, about = row.reference("Transaction ID"), row.reference("Reference Txn ID")
    if not name:
        raise ValueError("Transaction ID is empty")
    kind = _type(row, gross)
    if kind is None:
        account.transfers.append(Transfer(row.number, name, -(gross - fee), at.date()))
        return
    if kind is LineType.CONVERSION:
        _pair(row, state, name, about)
    account.sums.add(gross=gross, fee=fee, net=gross - fee)
    yield SettlementLine(
        line=row.number,
        type=kind,
        reference=about if about and kind in (*_RESERVE, LineType.PAYOUT_RETURNED) else name,
        occurred_at=at,
        gross=gross,
        fee=fee,
        vat=Money(0, account.currency),
        payment_reference=name if kind is LineType.SALE else about,
        order_reference=row.reference("Invoice Number") or row.reference("Invoice ID") if kind is LineType.SALE else "",
        settlement=account.place,
    )


def _type(row: Row, gross: Money) -> LineType | None:
    text = row["Type"] or row["Description"]
    for words, (incoming, outgoing) in TYPES:
        if words.search(text.casefold()):
            return incoming if gross.amount > 0 else outgoing
    raise ValueError(f"Type is {text!r}, which is not known here; send this export to whoever maintains Onetill")


def _pair(row: Row, state: _State, name: str, about: str) -> None:
    """Note one side of a conversion, or find its other one: both name one transaction, or each the other."""
    currency = row.currency("Currency")
    for key in (about, name):
        other = state.conversions.get(key)
        if other is not None and other[1] != currency:
            del state.conversions[key]
            return
    state.conversions[about or name] = (row.number, currency)


def _at(row: Row, *, days_first: bool) -> datetime:
    match = _DATE.fullmatch(row["Date"])
    if match is None:
        raise ValueError(f"Date is {row['Date']!r}, which is no date")
    day, month = (match[1], match[2]) if days_first else (match[2], match[1])
    where = zone(row["TimeZone"] or row["Time Zone"])
    return moment(f"{match[3]}-{month:0>2}-{day:0>2} {row['Time']}", ISO, where)


def _carried(account: _Account, number: int, amount: Money) -> SettlementLine:
    account.sums.add(gross=amount, net=amount)
    nothing = Money(0, account.currency)
    at, place = account.closed_at, account.place
    return SettlementLine(
        number, LineType.BALANCE_CARRIED, BALANCE, at, gross=amount, fee=nothing, vat=nothing, settlement=place
    )


def _closing(account: _Account) -> Iterator[Record]:
    if account.balance.amount:
        yield _carried(account, account.line + 1, -account.balance)
    totals, currency = account.sums.totals, account.currency
    gross, fee, net = (Money(totals.get(name, 0), currency) for name in ("gross", "fee", "net"))
    yield SettlementTrailer(
        account.line,
        gross=gross,
        fee=fee,
        vat=Money(0, currency),
        net=net,
        transfers=tuple(account.transfers),
        closed_at=account.closed_at,
    )
