"""What the simulator owes: unsettled movements closed into one CSV with fees, VAT and a payout."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from config.sandbox.psp.effects import SIGNS
from config.sandbox.psp.names import moment, reference, written
from config.sandbox.psp.sql import Row, Store
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.money import EXPONENTS, Money

AMOUNTS: Final = ("gross", "fee", "vat", "net")
COLUMNS: Final = (
    *("record", "settlement", "type", "reference", "operation", "payment_reference", "occurred_at", "currency"),
    *AMOUNTS,
    *("payout_reference", "payout_date"),
)
TYPES: Final = {"capture": "sale"}  # the others are called by their verb


class Rate(msgspec.Struct, kw_only=True):
    """What a line costs: a fixed part, and hundredths of a percent of its amount; the first rate that fits counts."""

    type: str = "sale"
    method: str | None = None
    brand: str | None = None
    fixed: int = 0
    basis_points: int = 0

    def fits(self, row: Row) -> bool:
        """Whether it is meant for this movement."""
        kind = TYPES.get(row["verb"], row["verb"]).removeprefix("terminal_")
        return kind == self.type and self.method in (None, row["method"]) and self.brand in (None, row["brand"])

    def of(self, amount: int) -> int:
        """Return the fee, halves rounded up."""
        return self.fixed + (amount * self.basis_points + 5_000) // 10_000


DEFAULT_RATES: Final = (Rate(method="ideal", fixed=29), Rate(fixed=10, basis_points=140))


class ExtraLine(msgspec.Struct, kw_only=True):
    """A line about no movement: a subscription fee, a reserve held back or released."""

    type: str
    amount: int

    def __post_init__(self) -> None:
        if self.type not in ("fee", "reserve_hold", "reserve_release") or self.amount < 1:
            raise ValueError("type is fee, reserve_hold or reserve_release, amount positive")


class SettlementRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /settlements: close what is unsettled of an account (in one currency, before a moment)."""

    account: str
    currency: str | None = None
    until: datetime | None = None
    fee_rates: list[Rate] = []
    vat_basis_points: int = 2100
    payout_date: date | None = None
    extra: list[ExtraLine] = []


class TerminalTransaction(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /acquirer/transactions: what a PIN acquirer's terminal really did."""

    account: str
    type: str
    amount: int
    currency: str
    rrn: str = ""
    tid: str = ""
    stan: str = ""
    authorization_code: str = ""
    brand: str | None = None
    occurred_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.type not in ("sale", "refund") or self.amount < 1 or self.currency not in EXPONENTS:
            raise ValueError("type is sale or refund, amount positive, currency an ISO 4217 code")
        if not (self.rrn or self.authorization_code or (self.tid and self.stan)):
            raise ValueError("rrn, tid and stan, or authorization_code must name the transaction")


class Line(msgspec.Struct, kw_only=True):
    """One line of the file, in minor units and signed from the merchant's side."""

    type: str
    reference: str
    operation: str
    payment_reference: str
    occurred_at: str
    gross: int
    fee: int
    vat: int

    @property
    def net(self) -> int:
        """What is left of it."""
        return self.gross - self.fee - self.vat


def record_terminal(store: Store, transactions: Sequence[TerminalTransaction]) -> list[str]:
    """Write down what terminals did; the same one again changes nothing. Return their references."""
    return [_record(store, transaction) for transaction in transactions]


def settle(store: Store, request: SettlementRequest) -> Row:
    """Close one settlement and return it.

    Raises:
        Conflict: nothing is unsettled.
        Invalid: several currencies are, and none was named.
    """
    with store.transaction():
        until = written(request.until) if request.until else None
        effects = store.unsettled(account=request.account, currency=request.currency, until=until)
        currency = _currency(request, effects)
        number = store.add("settlements", account=request.account, currency=currency)
        name = f"SIM-{moment():%Y%m%d}-{number:06}"
        store.settle(name, effects)
        lines = [_line(row, request) for row in effects] + [_extra(one, request) for one in request.extra]
        sums = {part: sum(getattr(line, part) for line in lines) for part in AMOUNTS}
        payout = {
            "payout_reference": f"SIMPAY-{moment():%Y%m%d}-{number:06}",
            "payout_date": (request.payout_date or moment().date() + timedelta(days=1)).isoformat(),
        }
        text = _write(name, currency, lines, sums, payout)
        store.change("settlements", "number", number, reference=name, lines=len(lines), csv=text, **sums, **payout)
        return settlement(store, name)


def settlement(store: Store, name: str) -> Row:
    """Return one settlement.

    Raises:
        NotFound: no such settlement.
    """
    row = store.find("settlements", "reference", name)
    if row is None:
        raise NotFound("There is no such settlement.")
    return row


def described(row: Row, *, with_csv: bool) -> dict[str, object]:
    """Return a settlement as JSON has it, with the payout that pays it."""
    names = ("reference", "account", "currency", "lines", "gross", "fee", "vat", "net")
    payout = {
        "reference": row["payout_reference"],
        "amount": row["net"],
        "currency": row["currency"],
        "date": row["payout_date"],
    }
    return {name: row[name] for name in names} | {"payout": payout} | ({"csv": row["csv"]} if with_csv else {})


def _record(store: Store, transaction: TerminalTransaction) -> str:
    # A name made of what identifies it, so that telling it twice is harmless.
    parts = (transaction.account, transaction.type, transaction.rrn, transaction.tid, transaction.stan)
    name = ":".join((*parts, transaction.authorization_code))
    with store.transaction():
        if store.find("effects", "reference", name) is None:
            verb = f"terminal_{transaction.type}"
            store.add(
                "effects",
                account=transaction.account,
                operation_id=transaction.rrn,
                reference=name,
                payment_reference=f"{transaction.tid}/{transaction.stan}/{transaction.authorization_code}",
                verb=verb,
                amount=transaction.amount,
                net=SIGNS[verb] * transaction.amount,
                currency=transaction.currency,
                method="card",
                brand=transaction.brand,
                at=written(transaction.occurred_at or moment()),
            )
    return name


def _currency(request: SettlementRequest, effects: Sequence[Row]) -> str:
    currencies = sorted({row["currency"] for row in effects})
    if len(currencies) > 1:
        detail = f"There are movements in {', '.join(currencies)}: name one."
        raise Invalid("currency_required", detail, param="currency")
    if not currencies and not (request.extra and request.currency):
        raise Conflict("nothing_to_settle", "Nothing is unsettled on this account.")
    return currencies[0] if currencies else str(request.currency)


def _line(row: Row, request: SettlementRequest) -> Line:
    rates = request.fee_rates or DEFAULT_RATES
    fee = next((rate.of(row["amount"]) for rate in rates if rate.fits(row)), 0)
    return Line(
        type=TYPES.get(row["verb"], row["verb"]),
        reference=row["reference"],
        operation=row["operation_id"] or "",
        payment_reference=row["payment_reference"] or "",
        occurred_at=row["at"],
        gross=row["net"],
        fee=fee,
        vat=_vat(fee, request),
    )


def _extra(extra: ExtraLine, request: SettlementRequest) -> Line:
    fee = extra.amount if extra.type == "fee" else 0
    gross = {"fee": 0, "reserve_hold": -extra.amount, "reserve_release": extra.amount}[extra.type]
    return Line(
        type=extra.type,
        reference=reference(extra.type[:3]),
        operation="",
        payment_reference="",
        occurred_at=written(moment()),
        gross=gross,
        fee=fee,
        vat=_vat(fee, request),
    )


def _vat(fee: int, request: SettlementRequest) -> int:
    return (fee * request.vat_basis_points + 5_000) // 10_000


def _write(name: str, currency: str, lines: Sequence[Line], sums: Mapping[str, int], payout: Mapping[str, str]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    common = {"settlement": name, "currency": currency}
    writer.writerow({"record": "H", **common, "occurred_at": written(moment())})
    for line in lines:
        named = msgspec.structs.asdict(line)
        amounts = {part: _decimal(getattr(line, part), currency) for part in AMOUNTS}
        writer.writerow({"record": "L", **common, **named, **amounts})
    amounts = {part: _decimal(amount, currency) for part, amount in sums.items()}
    writer.writerow({"record": "T", **common, **amounts, **payout})
    return file.getvalue()


def _decimal(amount: int, currency: str) -> str:
    return f"{Money(amount, currency).to_decimal():f}"
