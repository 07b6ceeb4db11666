"""What a shop sold in a week, and what its providers and its bank say of it while nothing is wrong.

All of it looks alike on purpose: tills give out the same numbers on the same amounts, payouts have equal amounts and
names that are beginnings of each other, and customers pay invoices whose numbers stand in the names of payouts.
"""

import csv
import io
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from django.utils import timezone

from payments.core.ids import new_id
from payments.models import Operation
from payments.services.card_present.register import register
from payments.services.card_present.types import (
    AcquirerReferences,
    Device,
    DeviceOutcome,
    DeviceTransaction,
    Kind,
    Original,
)
from tests.reconciliation.conftest import BankLine, Line, Shop, settlement_csv, statement

TILLS: Final = ("TID-1", "TID-2", "TID-3", "TID-4")
AMOUNTS: Final = (1_000, 1_250, 2_495, 4_990)
FIXED, BASIS_POINTS, VAT_BASIS_POINTS = 5, 25, 2_100
RATES: Final = [
    {"type": kind, "fixed": FIXED, "basis_points": BASIS_POINTS, "vat_basis_points": VAT_BASIS_POINTS}
    for kind in ("sale", "refund")
]
PAYOUT: Final = "PINPAY2026"  # and PINPAY20261, PINPAY202612 …: each begins as others do
OPENING: Final = 5_000_000


@dataclass(frozen=True)
class Expected:
    """One difference that must be told: what kind it is, and what it is about."""

    kind: str
    about: str


@dataclass(frozen=True)
class Sold:
    """One transaction of the books, and the line by which its provider settles it."""

    payment: str
    line: Line

    @property
    def name(self) -> str:
        return self.line.reference


@dataclass
class Till:
    """A terminal, and what it has reported up to now."""

    tid: str
    terminal: str = field(default_factory=lambda: new_id("trm"))
    waiting: list[DeviceTransaction] = field(default_factory=list)
    sequence: int = 0

    def does(
        self, kind: Kind, amount: int, ending: DeviceOutcome = DeviceOutcome.APPROVED, *, of: int | None = None
    ) -> int:
        """One more transaction. Its numbers depend on how many came before it alone: every till gives out the same."""
        self.sequence += 1
        number = self.sequence
        self.waiting.append(
            DeviceTransaction(
                sequence=number,
                kind=kind,
                outcome=ending,
                amount=amount,
                currency="EUR",
                occurred_at=timezone.now() - timedelta(hours=1) + timedelta(seconds=number % 3_000),
                posted={"sequence": number, "type": kind.value, "outcome": ending.value, "amount": amount},
                original=Original(sequence=of) if of is not None else None,
                references=AcquirerReferences(
                    rrn=f"{number:012}",
                    stan=f"{number % 1_000_000:06}",
                    authorization_code="A1B2C3",
                    acquirer_tid=self.tid,
                ),
            )
        )
        return number


@dataclass
class Settlement:
    """One settlement file: its lines, and the payout that it announces."""

    account: str
    payout: str
    lines: list[Line]
    day: date
    short: int = 0  # by how much the bank pays less than its net
    is_paid: bool = True

    @property
    def net(self) -> int:
        return sum(line.gross - line.fee - line.vat for line in self.lines)

    @property
    def text(self) -> str:
        return settlement_csv(*self.lines, reference=f"S-{self.payout}", payout=self.payout, on=self.day)


@dataclass
class Week:
    """The shop, what it sold and nobody has spoiled yet, and the files about it."""

    shop: Shop
    chance: random.Random
    tills: list[Till] = field(default_factory=lambda: [Till(tid) for tid in TILLS])
    sold: dict[str, list[Sold]] = field(default_factory=lambda: defaultdict(list))  # by provider
    settlements: list[Settlement] = field(default_factory=list)
    bank: list[BankLine] = field(default_factory=list)  # beside the payouts
    expected: set[Expected] = field(default_factory=set)
    settles: dict[str, str] = field(default_factory=dict)  # which payment each line that can be matched is about
    _numbers: int = 0

    def number(self) -> int:
        """A number that nothing else has."""
        self._numbers += 1
        return self._numbers

    def opens(self) -> None:
        """Its contract: the fees that were agreed."""
        for provider in ("external", "simulator"):
            account = self.shop.account(provider)
            account.fee_rates = RATES if provider == "external" else []
            account.save(update_fields=["fee_rates"])

    def sells(self, *, in_store: int, online: int) -> None:
        """Cards at every till, one in ten of them brought back; and payments through the simulator."""
        for number in range(in_store):
            till = self.tills[number % len(self.tills)]
            amount = AMOUNTS[till.sequence // 2 % len(AMOUNTS)]
            sale = till.does(Kind.SALE, amount)
            if number % 10 == 0:
                till.does(Kind.REFUND, amount, of=sale)
        for _ in range(online):
            self.shop.sells_online(self.chance.choice(AMOUNTS))
        self.sold["external"] = list(self.reported())
        self.sold["simulator"] = list(self._online())

    def reported(self) -> Iterator[Sold]:
        """Have the tills report what they did, and yield what the acquirer owes for it."""
        for till in self.tills:
            waiting, till.waiting = till.waiting, []
            device = Device(
                terminal_id=till.terminal,
                label=till.tid,
                series=1,
                channel=self.shop.store,
                account=self.shop.account("external"),
            )
            for start in range(0, len(waiting), 500):
                rows = waiting[start : start + 500]
                done = register(
                    merchant=self.shop.merchant,
                    device=device,
                    transactions=rows,
                    actor=till.terminal,
                    now=timezone.now(),
                )
                for row, result in zip(rows, done, strict=True):
                    assert result.payment_id is not None, row
                    yield Sold(result.payment_id, self.line(till.tid, row))

    def line(self, tid: str, row: DeviceTransaction) -> Line:
        """The acquirer's line of a transaction, with the fee that was agreed."""
        sign = -1 if row.kind == Kind.REFUND else 1
        fee = FIXED + round(row.amount * BASIS_POINTS / 10_000)
        proof = row.references
        return Line(
            gross=sign * row.amount,
            fee=fee,
            vat=round(fee * VAT_BASIS_POINTS / 10_000),
            type=f"terminal_{row.kind.value}",
            reference=f"L{self.number():07}",
            operation=proof.rrn or "",
            payment_reference=f"{tid}/{proof.stan}/{proof.authorization_code}",
        )

    def _online(self) -> Iterator[Sold]:
        by_operation = dict(
            Operation.objects.filter(payment__merchant=self.shop.merchant).values_list("id", "payment_id")
        )
        for row in csv.DictReader(io.StringIO(self.shop.settlement())):
            if row["record"] == "L":
                gross, fee, vat = (round(float(row[part]) * 100) for part in ("gross", "fee", "vat"))
                yield Sold(
                    by_operation[row["operation"]],
                    Line(gross, fee, vat, row["type"], row["reference"], row["operation"], row["payment_reference"]),
                )

    def take(self, provider: str = "external", kind: str = "sale") -> Sold:
        """A transaction that nothing is wrong with, to spoil what is said of it."""
        rows = self.sold[provider]
        found = self.chance.choice([row for row in rows if row.line.type.endswith(kind)])
        rows.remove(found)
        return found

    def payout(self) -> Settlement:
        """A payout that the bank shows as it was announced, to spoil."""
        return self.chance.choice([row for row in self.settlements if row.is_paid and not row.short])

    def tell(self, kind: str, about: str) -> None:
        """Write down a difference that has to be found."""
        self.expected.add(Expected(kind, about))

    def settled(self, sold: Sold, provider: str = "external", **wrong: Any) -> Line:
        """Put its line into some settlement, changed in this way; it is about this payment all the same."""
        line = replace(sold.line, **wrong)
        self.settles[line.reference] = sold.payment
        self.says(line, provider)
        return line

    def says(self, line: Line, provider: str = "external") -> None:
        """Put a line into some settlement."""
        own = [row for row in self.settlements if row.account == provider]
        self.chance.choice(own).lines.append(line)

    def is_settled(self, *, of: int) -> None:
        """Lay out the settlements, of about so many lines each, and put into them all that is not spoiled yet."""
        today = timezone.now().astimezone(self.shop.merchant.zone).date()
        for provider, rows in self.sold.items():
            for number in range(max(3, len(rows) // of)):
                name = f"{PAYOUT if provider == 'external' else 'SIMPAY2026'}{number}"
                day = today - timedelta(days=number % 4)
                self.settlements.append(Settlement(provider, name, [], day))

    def rest(self) -> None:
        """Settle all that is left as it should be, and make the payouts of two settlements equal to the cent."""
        for provider, rows in self.sold.items():
            for row in rows:
                self.settled(row, provider)
            first, second, *_ = [row for row in self.settlements if row.account == provider]
            fee = Line(0, type="fee", reference=f"F{self.number()}")
            first.lines.append(replace(fee, gross=min(0, second.net - first.net)))
            second.lines.append(replace(fee, gross=min(0, first.net - second.net)))

    def files(self) -> list[str]:
        """All that comes in: a file for each settlement, one for each day at the bank."""
        bank = defaultdict(list)
        days = sorted({row.day for row in self.settlements})
        for row in self.settlements:
            if row.is_paid:
                text = f"PIN {self.shop.merchant.name} {row.payout} EUR"
                bank[row.day].append(BankLine(row.net - row.short, text, name="Betaaldienst"))
        for number, line in enumerate([*self.bank, *_everyday()]):
            bank[days[number % len(days)]].append(line)
        return [*(row.text for row in self.settlements), *self._statements(days, bank)]

    def _statements(self, days: Sequence[date], bank: dict[date, list[BankLine]]) -> Iterator[str]:
        opening = OPENING
        for number, day in enumerate(days, start=1):
            yield statement(*bank[day], opening=opening, number=number, on=day)
            opening += sum(line.amount for line in bank[day])


def _everyday() -> Iterator[BankLine]:
    """What else happens at the bank: numbers that begin as payouts do, or stand within them."""
    yield BankLine(-250_000, "Salaris november", name="A. Jansen")
    yield BankLine(-120_000, "Huur 2026", name="Verhuur BV")
    yield BankLine(7_700, f"Factuur {PAYOUT}", name="Klant BV")
    yield BankLine(5_000, f"Bestelling 1 {PAYOUT}0001", name="Klant BV")
    yield BankLine(1_250, "Factuur 2026-1234", name="B. de Vries")
