"""The cast of reconciliation: a shop with a webshop and a store, what it sold, and the files it is sent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.utils import timezone
from django.utils.module_loading import import_string

from payments.core.ids import new_id
from payments.core.money import Money
from payments.ledger import audit as ledger_audit
from payments.ledger.models import Posting
from payments.models import Channel, Discrepancy, Merchant, Payment, ProviderAccount
from payments.services import create_setup
from payments.services.card_present.register import register
from payments.services.card_present.types import (
    AcquirerReferences,
    Device,
    DeviceOutcome,
    DeviceTransaction,
    Kind,
    Original,
    Registered,
)
from payments.services.create import PaymentRequest, create_payment
from payments.services.orders import OrderName
from reconciliation.models import SettlementFile
from reconciliation.services.import_file import import_file
from reconciliation.services.upload import upload
from tests.simulator import RunningSimulator

IBAN: Final = "NL91ABNA0417164300"
BY: Final = "tests"
_numbers = count(1)


@dataclass
class Shop:
    """A merchant that sells online and in a store, and imports what it is sent."""

    merchant: Merchant
    webshop: Channel
    store: Channel
    simulator: RunningSimulator
    sequence: Iterator[int] = field(default_factory=lambda: count(1))
    terminal: str = field(default_factory=lambda: new_id("trm"))

    def account(self, provider: str) -> ProviderAccount:
        accounts = ProviderAccount.objects.select_related("merchant")
        return accounts.get(merchant=self.merchant, provider=provider, default=True)

    def account_id(self, provider: str) -> str:
        """Its id alone, where nothing else of it can be read."""
        ids = ProviderAccount.objects.values_list("id", flat=True)
        return ids.get(merchant=self.merchant, provider=provider, default=True)

    def sells_online(self, amount: int, currency: str = "EUR") -> Payment:
        """A card payment through the real simulator."""
        request = PaymentRequest(
            channel=self.webshop,
            order=OrderName(reference=f"web-{next(_numbers)}"),
            amount=Money(amount, currency),
            method="card",
        )
        return create_payment(request, actor=BY)

    def sells_in_store(self, amount: int, **text: Any) -> Payment:
        """A PIN sale as a terminal reports it; money moved by the external acquirer."""
        result = self.reports(Kind.SALE, amount, **text)
        return Payment.objects.get(id=result.payment_id)

    def reports(
        self,
        kind: Kind,
        amount: int,
        *,
        ending: DeviceOutcome = DeviceOutcome.APPROVED,
        offline: bool = False,
        original: int | None = None,
        resolves: int | None = None,
        order: str | None = None,
        terminal: str | None = None,
        account: ProviderAccount | None = None,
        currency: str = "EUR",
        at: datetime | None = None,
        **proof: str,
    ) -> Registered:
        """What the till's terminal (or another one) says happened."""
        sequence = next(self.sequence)
        posted: dict[str, Any] = {"sequence": sequence, "type": kind.value, "outcome": ending.value}
        posted |= {"original": {"sequence": original}} if original is not None else {}
        posted |= {"resolves": resolves} if resolves is not None else {}
        device = Device(
            terminal_id=terminal or self.terminal,
            label="Till 1",
            series=1,
            channel=self.store,
            account=account or self.account("external"),
        )
        row = DeviceTransaction(
            sequence=sequence,
            kind=kind,
            outcome=ending,
            amount=amount,
            currency=currency,
            occurred_at=at or timezone.now() - timedelta(minutes=5),
            posted=posted,
            resolves=resolves,
            order_reference=order,
            offline=offline,
            references=AcquirerReferences(**proof),
            original=Original(sequence=original) if original is not None else None,
        )
        (result,) = register(
            merchant=self.merchant, device=device, transactions=[row], actor=self.terminal, now=timezone.now()
        )
        return result

    def settlement(self, **options: Any) -> str:
        """What the simulator owes for what was sold online, as CSV."""
        answer = self.simulator.post("/settlements", account=self.account("simulator").id, **options)
        text: str = answer["csv"]
        return text

    def sends(self, content: str | bytes, name: str = "file", **options: Any) -> SettlementFile:
        """Upload a file and have it imported."""
        row = self.uploads(content, name, **options)
        import_file(row.id)
        row.refresh_from_db()
        return row

    def uploads(self, content: str | bytes, name: str = "file", **options: Any) -> SettlementFile:
        """Upload a file and leave it to the workers."""
        data = content.encode() if isinstance(content, str) else content
        return upload(merchant=self.merchant, file=ContentFile(data), name=name, actor=BY, **options)

    def balance(self, account: str, item: int | None = None) -> int:
        """What stands on an account of the books (about one item), debit positive; accounts by their first word."""
        postings = Posting.objects.filter(account__merchant_id=self.merchant.id).select_related("account")
        named = [row for row in postings if account in (row.account.code, row.account.code.split(":")[0])]
        return sum(row.amount for row in named if item is None or row.item == item)

    def disagreements(self, *kinds: str) -> list[Discrepancy]:
        """What stands open, of these kinds (or any)."""
        rows = Discrepancy.objects.filter(merchant=self.merchant).exclude(status="resolved").order_by("id")
        return [row for row in rows if not kinds or row.kind in kinds]


@pytest.fixture
def open_shop(
    transactional_db: None, simulator: RunningSimulator, settings: Any, tmp_path: Any
) -> Callable[[str], Shop]:
    """Opens shops; their files are kept in a folder of the test."""
    settings.MEDIA_ROOT = tmp_path

    def make(name: str) -> Shop:
        merchant = create_setup.create_merchant(name=name, iban=IBAN, actor=BY)
        return Shop(
            merchant=merchant,
            webshop=create_setup.create_channel(merchant=merchant, kind="online", name=f"{name} online", actor=BY),
            store=create_setup.create_channel(merchant=merchant, kind="in_store", name=f"{name} Utrecht", actor=BY),
            simulator=simulator,
        )

    return make


@pytest.fixture
def shop(open_shop: Callable[[str], Shop]) -> Shop:
    return open_shop("Bloem")


HEADER: Final = (
    "record,settlement,type,reference,operation,payment_reference,occurred_at,currency,"
    "gross,fee,vat,net,payout_reference,payout_date"
)


@dataclass(frozen=True)
class Line:
    """One line of a settlement that a test writes itself. Amounts are minor units."""

    gross: int
    fee: int = 0
    vat: int = 0
    type: str = "sale"
    reference: str = ""
    operation: str = ""
    payment_reference: str = ""
    currency: str = "EUR"


def settlement_csv(
    *lines: Line,
    reference: str = "",
    payout: str = "",
    on: date | None = None,
    currency: str = "EUR",
    at: datetime | None = None,
) -> str:
    """A settlement in the simulator's format with sums that fit its lines."""
    name = reference or f"SET-{next(_numbers)}"
    now = (at or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
    rows = [HEADER, f"H,{name},,,,,{now},{currency},,,,,,"]
    rows += [
        f"L,{name},{line.type},{line.reference},{line.operation},{line.payment_reference},{now},{currency},"
        f"{_decimal(line.gross)},{_decimal(line.fee)},{_decimal(line.vat)},{_decimal(line.gross - line.fee - line.vat)},,"
        for line in lines
    ]
    sums = [sum(getattr(line, part) for line in lines) for part in ("gross", "fee", "vat")]
    net = sums[0] - sums[1] - sums[2]
    day = (on or date.today()).isoformat() if payout else ""
    rows.append(f"T,{name},,,,,,{currency},{','.join(map(_decimal, (*sums, net)))},{payout},{day}")
    return "\n".join(rows) + "\n"


def card_present(
    amount: int,
    *,
    kind: str = "terminal_sale",
    rrn: str = "",
    tid: str = "",
    stan: str = "",
    code: str = "",
    fee: int = 0,
) -> Line:
    """A line of a PIN acquirer."""
    return Line(amount, fee, type=kind, operation=rrn, payment_reference=f"{tid}/{stan}/{code}")


@dataclass(frozen=True)
class BankLine:
    """One entry of a bank statement that a test writes itself."""

    amount: int
    text: str = ""
    end_to_end_id: str = "NOTPROVIDED"
    name: str = "Somebody"
    bank_reference: str = ""


def statement(
    *lines: BankLine,
    opening: int = 100_000,
    iban: str = IBAN,
    number: int | None = None,
    on: date | None = None,
    closing: int | None = None,
) -> str:
    """A CAMT.053 statement whose balances fit its lines."""
    day = (on or date.today()).isoformat()
    sequence = number if number is not None else next(_numbers)
    end = opening + sum(line.amount for line in lines) if closing is None else closing
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M{sequence}</MsgId><CreDtTm>{day}T20:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>STMT-{sequence}</Id><ElctrncSeqNb>{sequence}</ElctrncSeqNb>
<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{_balance("PRCD", opening, day)}{_balance("CLBD", end, day)}
{"".join(_entry(line, day) for line in lines)}
</Stmt></BkToCstmrStmt></Document>"""


def _balance(code: str, amount: int, day: str) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_signed(amount)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def _entry(line: BankLine, day: str) -> str:
    party = "Dbtr" if line.amount > 0 else "Cdtr"
    return (
        f"<Ntry>{_signed(line.amount)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<AcctSvcrRef>{line.bank_reference or f'BR{next(_numbers)}'}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>{line.end_to_end_id}</EndToEndId></Refs>{_signed(line.amount)}"
        f"<RltdPties><{party}><Pty><Nm>{line.name}</Nm></Pty></{party}></RltdPties>"
        f"<RmtInf><Ustrd>{line.text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _signed(amount: int) -> str:
    indicator = "CRDT" if amount >= 0 else "DBIT"
    return f'<Amt Ccy="EUR">{_decimal(abs(amount))}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>'


def _decimal(amount: int) -> str:
    return f"{Money(amount, 'EUR').to_decimal():f}"


def violations() -> list[Any]:
    """What the audit finds wrong in the books."""
    return list(ledger_audit.violations([import_string(path) for path in django_settings.LEDGER_AUDITS]))


def codes(row: SettlementFile) -> Sequence[str]:
    """What was wrong with a file."""
    return [problem["code"] for problem in row.problems]
