"""What providers owe, when it is expected at which bank account, and what they charge beside what was agreed.

Beside it stands what leaves: refunds by bank transfer that the bank does not show yet.

What is owed and on which day it was sold stands in the ledger's open items; when it comes follows from how many bank
days the account's last payouts took, else from its contract (`payout_days`), else nobody can tell and it is undated.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from django.db.models import Sum
from django.utils import timezone

from payments.core.bank_days import after_bank_days, bank_day_from, bank_days_between
from payments.ledger.models import Account
from payments.models import Merchant, ProviderAccount
from reconciliation.models import Payout, Settlement
from reconciliation.sql.forecast import (
    Charged,
    OpenAtProvider,
    Took,
    TransfersLeaving,
    charged,
    open_at_providers,
    took,
    transfers_leaving,
)

LONGEST: Final = 90  # days ahead
LAST_PAYOUTS: Final = 20  # of which the delay is learned
ENOUGH_PAYOUTS: Final = 3  # fewer may be a holiday's chance
RECEIVABLE: Final = "receivable:"  # before the provider account, in the code of its account
WHOLE: Final = 10_000  # in hundredths of a percent
FEES_OF: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Bank days from a sale to the bank; `source` is `payouts` (learned of so many), `contract`, or None: unknown."""

    bank_days: int | None
    source: str | None
    payouts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Money of one origin: sales and settlements of a day, or a payout that was announced. Minor units."""

    currency: str
    amount: int
    fees: int  # estimated by what was charged lately; none of a payout, which is net
    on: date | None
    overdue: bool
    sold_on: date | None = None
    items: int = 1
    payout: Payout | None = None

    @property
    def net(self) -> int:
        """What comes to the bank."""
        return self.amount - self.fees


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedBy:
    """All that one provider account owes in one currency."""

    account: ProviderAccount
    currency: str
    iban: str
    delay: Delay
    expected: Sequence[Expected]

    def total(self, *, overdue: bool | None = None, dated: bool = True) -> int:
        """The net sum: of all, of what is overdue or not, or without a day."""
        if not dated:
            return sum(each.net for each in self.expected if each.on is None)
        return sum(each.net for each in self.expected if overdue is None or each.overdue == overdue)

    def by_day(self) -> dict[date, int]:
        """The net sum of each day on which something is expected that is not overdue."""
        sums: dict[date, int] = defaultdict(int)
        for each in self.expected:
            if each.on is not None and not each.overdue:
                sums[each.on] += each.net
        return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Refunds by bank transfer that leave an account together. `amount`: what leaves, in minor units, above zero.

    `on`: the day, None as long as nobody has ordered them; `overdue`: ordered, and not at the bank on its day.
    """

    currency: str
    amount: int
    transfers: int
    iban: str
    ordered: bool
    on: date | None
    overdue: bool
    batch_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is expected of all provider accounts, and what leaves as refunds, from `first` (today) up to `last`."""

    merchant: Merchant
    first: date
    last: date
    owed: Sequence[OwedBy]
    leaving: Sequence[Leaving]

    def leaving_by_day(self) -> dict[tuple[date, str], int]:
        """What leaves on each day in each currency; what is overdue may leave on any day, and is in none."""
        sums: dict[tuple[date, str], int] = defaultdict(int)
        for each in self.leaving:
            if each.on is not None and not each.overdue:
                sums[each.on, each.currency] += each.amount
        return sums

    def days(self) -> Iterator[date]:
        """Each day that is looked at."""
        return (self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRate:
    """What was charged for sales of one method and brand over a while, and what the contract says of them."""

    account: ProviderAccount
    charged: Charged
    agreed: Mapping[str, int] | None  # fixed, basis_points, vat_basis_points

    @property
    def effective(self) -> int:
        """Hundredths of a percent of what was sold, VAT left out; rounded half away from zero."""
        return _share(self.charged.fee, self.charged.gross)

    @property
    def agreed_fee(self) -> int | None:
        """What the contract's rate comes to for these sales together, in minor units."""
        if self.agreed is None:
            return None
        of_gross = self.charged.gross * self.agreed.get("basis_points", 0)
        return self.agreed.get("fixed", 0) * self.charged.sales + _rounded(of_gross, WHOLE)


def forecast(merchant: Merchant, *, days: int) -> Forecast:
    """Return what is expected in the next days, today among them, and what is overdue."""
    today = merchant.business_day(timezone.now())
    accounts = ProviderAccount.objects.filter(merchant=merchant).in_bulk()
    delays = _delays(accounts.values(), took(merchant.id, merchant.timezone, payouts=LAST_PAYOUTS))
    shares = _shares(merchant)
    found: dict[tuple[str, str], list[Expected]] = defaultdict(list)
    receivables = receivables_of(merchant)
    by_number = {row.number: key for key, row in receivables.items()}
    for row in open_at_providers(by_number, merchant.timezone):
        key = by_number[row.account]
        found[key].append(_sold(row, key[1], delays[key[0]], shares.get(key, 0), today))
    announced = Payout.objects.filter(merchant=merchant, status=Payout.Status.ANNOUNCED).select_related("settlement")
    for payout in announced:
        found[payout.provider_account_id, payout.currency].append(_announced(payout, delays, today))
    owed = [
        OwedBy(
            account=accounts[account_id],
            currency=currency,
            iban=accounts[account_id].bank_iban or merchant.iban,
            delay=delays[account_id],
            expected=sorted(expected, key=lambda each: (each.on or date.max, each.payout is not None)),
        )
        for (account_id, currency), expected in sorted(found.items(), key=lambda item: accounts[item[0][0]].name)
    ]
    leaving = [_leaving(row, merchant, today) for row in transfers_leaving(merchant.id, merchant.timezone)]
    return Forecast(merchant=merchant, first=today, last=today + timedelta(days=days - 1), owed=owed, leaving=leaving)


def fee_rates(merchant: Merchant) -> list[FeeRate]:
    """Return what settlements of the last 90 days charged, by account, currency, method and brand."""
    accounts = ProviderAccount.objects.filter(merchant=merchant).in_bulk()
    rows = charged(merchant.id, since=timezone.now() - FEES_OF)
    return [
        FeeRate(
            account=accounts[row.provider_account_id],
            charged=row,
            agreed=_agreed(accounts[row.provider_account_id], row),
        )
        for row in rows
    ]


def receivables_of(merchant: Merchant) -> dict[tuple[str, str], Account]:
    """The ledger's receivable of each (provider account, currency) of a merchant."""
    rows = Account.objects.filter(merchant_id=merchant.id, code__startswith=RECEIVABLE)
    return {(row.code.removeprefix(RECEIVABLE), row.currency): row for row in rows}


def _sold(row: OpenAtProvider, currency: str, delay: Delay, share: int, today: date) -> Expected:
    on = after_bank_days(row.day, delay.bank_days) if delay.bank_days is not None else None
    return Expected(
        currency=currency,
        amount=row.amount,
        fees=_rounded(row.amount * share, WHOLE),
        on=on,
        overdue=on is not None and on < today,
        sold_on=row.day,
        items=row.items,
    )


def _announced(payout: Payout, delays: Mapping[str, Delay], today: date) -> Expected:
    on, usual = payout.expected_on, delays[payout.provider_account_id].bank_days
    if on is not None:
        on = bank_day_from(on)
    elif usual is not None:
        on = after_bank_days(payout.merchant.business_day(payout.settlement.closed_at), usual)
    return Expected(
        currency=payout.currency,
        amount=payout.owed,
        fees=0,
        on=on,
        overdue=on is not None and on < today,
        payout=payout,
    )


def _leaving(row: TransfersLeaving, merchant: Merchant, today: date) -> Leaving:
    on = row.execute_on or row.released_on
    on = bank_day_from(on) if on is not None else None
    # A batch that waits for its second person leaves today at the earliest.
    on = max(on, bank_day_from(today)) if on is not None and not row.ordered else on
    return Leaving(
        currency=row.currency,
        amount=row.amount,
        transfers=row.transfers,
        iban=row.iban or merchant.iban,
        ordered=row.ordered,
        on=on,
        overdue=on is not None and on < today,
        batch_id=row.batch_id,
    )


def _delays(accounts: Iterable[ProviderAccount], lately: Iterable[Took]) -> dict[str, Delay]:
    """How long each account's money takes: the median over its last payouts' sales, else as the contract says."""
    by_account: dict[str, list[Took]] = defaultdict(list)
    for row in lately:
        by_account[row.provider_account_id].append(row)
    return {account.id: _delay(account, by_account[account.id]) for account in accounts}


def _delay(account: ProviderAccount, lately: Sequence[Took]) -> Delay:
    payouts = len({row.received_on for row in lately})
    if payouts >= ENOUGH_PAYOUTS:
        counts: Counter[int] = Counter()
        for row in lately:
            counts[bank_days_between(row.sold_on, row.received_on)] += row.sales
        return Delay(bank_days=_median(counts), source="payouts", payouts=payouts)
    source = "contract" if account.payout_days is not None else None
    return Delay(bank_days=account.payout_days, source=source, payouts=payouts)


def _median(counts: Mapping[int, int]) -> int:
    """The lower median of numbers that stand there so many times."""
    half, seen = (sum(counts.values()) + 1) // 2, 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= half:
            return number
    raise ValueError("the median of nothing")


def _shares(merchant: Merchant) -> dict[tuple[str, str], int]:
    """What each account kept of what it settled lately, VAT included, in hundredths of a percent."""
    since = timezone.now() - FEES_OF
    rows = Settlement.objects.filter(merchant=merchant, closed_at__gte=since).order_by()
    sums = rows.values("provider_account_id", "currency").annotate(gross_sum=Sum("gross"), kept=Sum("fee") + Sum("vat"))
    return {(row["provider_account_id"], row["currency"]): _share(row["kept"], row["gross_sum"]) for row in sums}


def _share(part: int, whole: int) -> int:
    return _rounded(part * WHOLE, whole) if whole > 0 else 0


def _rounded(numerator: int, denominator: int) -> int:
    """The whole number nearest to a fraction, halves away from zero; `denominator` is above zero."""
    away = (2 * abs(numerator) + denominator) // (2 * denominator)
    return away if numerator >= 0 else -away


def _agreed(account: ProviderAccount, row: Charged) -> Mapping[str, int] | None:
    """The first rate of the contract that fits, as settlement lines are held against it."""
    for rate in account.fee_rates:
        fits = rate.get("type", "sale") == "sale" and rate.get("method", row.method) == row.method
        if fits and rate.get("brand", row.brand) == row.brand:
            return {name: value for name, value in rate.items() if isinstance(value, int)}
    return None


def by_account(rates: Sequence[FeeRate]) -> Iterator[tuple[ProviderAccount, list[FeeRate]]]:
    """The rates of each account together."""
    for _, found in groupby(rates, key=attrgetter("account.id")):
        of_one = list(found)
        yield of_one[0].account, of_one
