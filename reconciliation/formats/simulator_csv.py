"""The simulator's settlement as CSV, which external PIN acquirers of test merchants use too.

    record,settlement,type,reference,operation,payment_reference,occurred_at,currency,gross,fee,vat,net,payout_reference,payout_date

One `H` record, `L` records, one `T` record with their sums. Every amount has a point and all of its currency's
decimals; `net` is compared with gross − fee − vat. In lines of type `terminal_sale`, `terminal_refund`,
`terminal_confirmed` and `terminal_declined`, which a PIN acquirer writes, `operation` is the RRN and
`payment_reference` is `TID/STAN/authorization code`, each of which may be empty. The last two have no money (`gross`
is 0.00): the acquirer confirms that it took a transaction, or that it will never pay it.
"""

import csv
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from payments.core.ids import is_id
from payments.core.money import EXPONENTS, Money
from reconciliation.formats import text
from reconciliation.formats.base import (
    Kind,
    LineType,
    Problem,
    Record,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    Sums,
    Unreadable,
    guarded,
)

COLUMNS: Final = [
    "record",
    "settlement",
    "type",
    "reference",
    "operation",
    "payment_reference",
    "occurred_at",
    "currency",
    "gross",
    "fee",
    "vat",
    "net",
    "payout_reference",
    "payout_date",
]
LONGEST_REFERENCE: Final = 255
_TERMINAL: Final = {
    "terminal_sale": LineType.SALE,
    "terminal_refund": LineType.REFUND,
    "terminal_confirmed": LineType.CONFIRMED,
    "terminal_declined": LineType.DECLINED,
}
_TYPES: Final = {kind.value: kind for kind in LineType}
_WITHOUT_MONEY: Final = frozenset({LineType.CONFIRMED, LineType.DECLINED})


class SimulatorCsv:
    """Reads one settlement a file."""

    code: ClassVar[str] = "simulator_csv"
    kind: ClassVar[Kind] = Kind.SETTLEMENT
    providers: ClassVar[tuple[str, ...]] = ("simulator", "external")

    def identify(self, head: bytes, name: str) -> bool:
        """Its first line is the header row, nothing more or less."""
        first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip(b"\r")
        return first == ",".join(COLUMNS).encode()

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer."""
        return guarded(_read(stream))


def _read(stream: BinaryIO) -> Iterator[Record]:
    rows = _rows(stream)
    line, row = next(rows, (1, {}))
    header = _header(line, row)
    yield header
    sums = Sums(header.currency)
    for line, row in rows:
        try:
            if row["settlement"] != header.reference:
                raise ValueError(f"the settlement is {row['settlement']!r}, not {header.reference!r} as in the header")
            if row["record"] == "T":
                yield from _trailer(line, row, sums)
                yield from _nothing_after(rows)
                return
            yield from _line(line, row, sums)
        except ValueError as fault:
            yield Problem(line, "record_invalid", f"Line {line}: {fault}.")
            if row["record"] == "T":
                return
    raise Unreadable(line, "file_truncated", "The file ends without its T record. Fetch it again from the provider.")


def _rows(stream: BinaryIO) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(text.lines(stream), strict=True)
    try:
        if next(reader, None) != COLUMNS:
            raise Unreadable(1, "header_invalid", "The first line is not the header row of this format.")
        for row in reader:
            if len(row) != len(COLUMNS):
                message = f"Line {reader.line_num} has {len(row)} fields instead of {len(COLUMNS)}."
                # A file cut off in the middle of a record gets another code than one that is wrong.
                rest = next(reader, None)
                raise Unreadable(reader.line_num, "record_invalid" if rest else "file_truncated", message)
            if max(map(len, row)) > LONGEST_REFERENCE:
                raise Unreadable(reader.line_num, "field_too_long", f"Line {reader.line_num} has too long a field.")
            yield reader.line_num, dict(zip(COLUMNS, row, strict=True))
    except csv.Error as fault:
        code = "file_truncated" if "unexpected end" in str(fault) else "record_invalid"
        detail = f"Line {reader.line_num} has a quotation mark out of place, or no end."
        raise Unreadable(reader.line_num, code, detail) from None


def _header(line: int, row: dict[str, str]) -> SettlementHeader:
    if not row:
        raise Unreadable(line, "file_truncated", "The file has no records at all. Fetch it again from the provider.")
    if row["record"] != "H" or not row["settlement"]:
        raise Unreadable(line, "header_invalid", "The first record is not an H record that names its settlement.")
    if row["currency"] not in EXPONENTS:
        raise Unreadable(line, "currency_unknown", f"{row['currency']!r} is no ISO 4217 currency.")
    try:
        closed_at = text.moment(row["occurred_at"])
    except ValueError as fault:
        raise Unreadable(line, "header_invalid", f"Line {line}: {fault}.") from None
    return SettlementHeader(line, row["settlement"], row["currency"], closed_at)


def _line(line: int, row: dict[str, str], sums: Sums) -> Iterator[Record]:
    if row["record"] != "L":
        raise ValueError(f"{row['record']!r} is no record between H and T")
    gross, fee, vat, net = _amounts(row, sums.currency)
    rest = gross - fee - vat
    sums.add(gross=gross, fee=fee, vat=vat, net=rest)
    if net != rest:
        yield Problem(line, "net_differs", f"Line {line}: net is {net}, but gross − fee − vat is {rest}.")
    terminal = row["type"] in _TERMINAL
    kind = _TERMINAL.get(row["type"]) or _TYPES.get(row["type"])
    if kind is None:
        raise ValueError(f"type is {row['type']!r}, which is no type of line that is known here")
    if gross.amount and kind in _WITHOUT_MONEY:
        raise ValueError(f"gross is {gross}, but a line of type {row['type']} has no money")
    tid, stan, authorization_code = _card_present(row["payment_reference"]) if terminal else ("", "", "")
    yield SettlementLine(
        line=line,
        type=kind,
        reference=row["reference"],
        occurred_at=text.moment(row["occurred_at"]),
        gross=gross,
        fee=fee,
        vat=vat,
        operation_id=row["operation"] if is_id(row["operation"], "op") else "",
        payment_reference="" if terminal else row["payment_reference"],
        rrn=row["operation"] if terminal else "",
        tid=tid,
        stan=stan,
        authorization_code=authorization_code,
    )


def _trailer(line: int, row: dict[str, str], sums: Sums) -> Iterator[Record]:
    gross, fee, vat, net = _amounts(row, sums.currency)
    for difference in sums.differences(gross=gross, fee=fee, vat=vat, net=net):
        yield Problem(line, "sums_differ", f"Line {line}: {difference}.")
    if bool(row["payout_reference"]) != bool(row["payout_date"]):
        raise ValueError("a payout has a reference and a date, or neither")
    payout_on = text.day(row["payout_date"]) if row["payout_date"] else None
    yield SettlementTrailer(line, gross, fee, vat, net, row["payout_reference"], payout_on)


def _nothing_after(rows: Iterator[tuple[int, dict[str, str]]]) -> Iterator[Record]:
    for line, _ in rows:
        yield Problem(line, "record_invalid", f"Line {line} stands after the T record.")


def _amounts(row: dict[str, str], currency: str) -> list[Money]:
    if row["currency"] != currency:
        raise ValueError(f"the currency is {row['currency']!r}, not {currency!r} as in the header")
    return [text.money(row[column], currency) for column in ("gross", "fee", "vat", "net")]


def _card_present(reference: str) -> tuple[str, str, str]:
    tid, _, rest = reference.partition("/")
    stan, _, authorization_code = rest.partition("/")
    return tid, stan, authorization_code
