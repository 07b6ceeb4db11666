"""The description of a file in columns that a merchant gives: what its parts may be, and what is wrong with one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from reconciliation.formats.base import LineType

SETTLEMENT: Final = "settlement"
BANK: Final = "bank"
PAYOUT: Final = "payout"
IGNORE: Final = "ignore"
CREDIT: Final = "credit"
DEBIT: Final = "debit"
# What a type of row can mean, and whether it brings money in (1), takes it out (-1), or either (0).
SIGNS: Final = {
    LineType.SALE: 1,
    LineType.REFUND_FAILED: 1,
    LineType.CHARGEBACK_REVERSAL: 1,
    LineType.RESERVE_RELEASE: 1,
    LineType.REFUND: -1,
    LineType.REVERSAL: -1,
    LineType.CHARGEBACK: -1,
    LineType.RESERVE_HOLD: -1,
    LineType.FEE: 0,
}
MEANINGS: Final = {
    SETTLEMENT: (*(kind.value for kind in SIGNS), PAYOUT, IGNORE),
    BANK: (CREDIT, DEBIT, IGNORE),
}
ENCODINGS: Final = ("utf-8", "windows-1252", "iso-8859-1", "iso-8859-15")
LAST_HEADER_ROW: Final = 50
DELIMITERS: Final = (",", ";", "\t", "|")
_TOKENS: Final = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<short>[0-9]{2})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
}
_TOKEN: Final = re.compile("|".join(_TOKENS))
_YEARS: Final = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Layout:
    """A mapping that was checked. `columns` names the file's columns by what they are."""

    name: str
    columns: Mapping[str, str]
    currency: str  # of files without a column for it
    zone: tzinfo = UTC
    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ";"
    decimal: str = ","
    date_format: str = "DD-MM-YYYY"
    header_row: int = 1
    sheet: str = ""
    sign: str = "signed"
    fees: str = "positive"  # how costs are written in the columns for fee and VAT
    account: str = ""  # at the bank, whose movements the rows are
    types: Mapping[str, str] = field(default_factory=dict)  # by the row's own word, in lower case


def pattern(date_format: str) -> re.Pattern[str]:
    """Return what dates of a format (`DD-MM-YYYY`, with `HH:mm:ss` if they have a time) look like.

    Raises:
        ValueError: day, month or year is missing or stands twice.
    """
    parts, at = [], 0
    for token in _TOKEN.finditer(date_format):
        parts += [re.escape(date_format[at : token.start()]), _TOKENS[token[0]]]
        at = token.end()
    parts.append(re.escape(date_format[at:]))
    try:
        made = re.compile("".join(parts))
    except re.error:
        raise ValueError("a part of the date stands twice") from None
    if not {"day", "month"} <= set(made.groupindex) or not {"year", "short"} & set(made.groupindex):
        raise ValueError("a date has DD, MM and YYYY")
    return made


def moment(cell: str, layout: Layout) -> datetime:
    """Read a date as the layout writes it; of a sheet a cell that holds a date, too.

    Raises:
        ValueError: anything else, or a year that is none of trade.
    """
    value = _typed_date(cell) if layout.format == "xlsx" else None
    if value is None:
        match = pattern(layout.date_format).fullmatch(cell)
        if match is None:
            raise ValueError(f"it is no date as {layout.date_format}")
        parts = {name: int(number) for name, number in match.groupdict().items()}
        year = parts.pop("short") + 2000 if "short" in parts else parts.pop("year")
        value = datetime(year, **parts, tzinfo=layout.zone)
    if value.year not in _YEARS:
        raise ValueError(f"it is in the year {value.year}")
    return value.replace(tzinfo=layout.zone)


def _typed_date(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def faults(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (field, what to do) for whatever of a mapping cannot be used."""
    yield from _words(given)
    yield from _column_faults(given.get("columns"), given)
    yield from _type_faults(given.get("types", {}), given)
    try:
        pattern(str(given.get("date_format", "")))
    except ValueError as fault:
        yield "date_format", f"Write it as DD-MM-YYYY, with HH:mm:ss if there is a time: {fault}."
    row = given.get("header_row", 1)
    if type(row) is not int or not 1 <= row <= LAST_HEADER_ROW:
        yield "header_row", "Give the number of the row with the columns' names, 1 to 50."
    if type(given.get("sheet", "")) is not str:
        yield "sheet", "Give the name of the sheet, or leave it out."


_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": (SETTLEMENT, BANK),
    "format": ("csv", "xlsx"),
    "encoding": ENCODINGS,
    "delimiter": DELIMITERS,
    "decimal": (",", "."),
    "sign": ("signed", "debit_credit", "by_type"),
    "fees": ("positive", "negative"),
}
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    SETTLEMENT: (
        *("date", "amount", "debit", "credit", "fee", "vat", "net", "type", "currency", "reference"),
        *("payment_reference", "operation", "order", "tid", "rrn", "stan", "authorization_code", "card"),
        *("settlement", "description"),
    ),
    # `iban` and `counterparty` are who paid or was paid; whose movements they are, the mapping itself names.
    BANK: (
        *("date", "amount", "debit", "credit", "type", "currency", "reference", "description", "counterparty"),
        *("iban", "balance"),
    ),
}
_KNOWN_BY: Final = ("reference", "payment_reference", "operation", "order", "rrn", "authorization_code", "card")


def _words(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, known in _CHOICES.items():
        if name in given and given[name] not in known:
            yield name, f"Use one of: {', '.join(map(repr, known))}."


def _column_faults(columns: Any, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(columns, dict) or not all(isinstance(each, str) and each.strip() for each in columns.values()):
        yield "columns", "Give an object with the names of the file's columns."
        return
    kind = BANK if given.get("kind") == BANK else SETTLEMENT
    for name in sorted(set(columns) - set(COLUMNS[kind])):
        yield f"columns.{name}"[:64], f"There is no such column. There are: {', '.join(COLUMNS[kind])}."
    if "date" not in columns:
        yield "columns.date", "Say which column is the date."
    sides = given.get("sign") == "debit_credit"
    needed = ("debit", "credit") if sides else ("amount",)
    nets = kind == SETTLEMENT and given.get("sign", "signed") == "signed" and "net" in columns
    if not set(needed) <= set(columns) and not nets:
        yield f"columns.{needed[0]}", f"Say which column is the {' and which the '.join(needed)}."
    if kind == SETTLEMENT and not set(_KNOWN_BY) & set(columns):
        yield "columns.reference", f"A row must be known by something: map one of {', '.join(_KNOWN_BY)}."
    if kind == BANK and "description" not in columns:
        yield "columns.description", "Say which column is the description: payouts are found by it."
    if given.get("sign") == "by_type" and "type" not in columns:
        yield "columns.type", "Say which column is the type: it decides the sign."


def _type_faults(types: Any, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(types, dict):
        yield "types", "Give an object with the words of the type column and what each means."
        return
    known = MEANINGS[BANK if given.get("kind") == BANK else SETTLEMENT]
    for word, meaning in types.items():
        if meaning not in known:
            yield "types", f"{word!r} cannot mean {meaning!r}. Use one of: {', '.join(known)}."
    columns = given.get("columns")
    if isinstance(columns, dict) and "type" in columns and not types:
        yield "types", "Say what each word of the type column means."
