"""Settlements as they are read: their public ids, their figures, and by what each of their lines was matched."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from payments.core.ids import ALPHABET, is_id
from payments.models import CardEvidence, Discrepancy, Operation, Payment
from payments.models.discrepancy import DiscrepancyKind as Kind
from reconciliation.models import Settlement, SettlementLine
from reconciliation.services.candidates import Signal, signals_of
from reconciliation.sql import settlements

PREFIX: Final = "stl"
_TAIL: Final = 13  # digits of 5 bits: more than any row's number has
_GREATEST: Final = 2**63
_KINDS: Final = (
    *(Kind.UNKNOWN_LINE, Kind.SIGN_DIFFERS, Kind.DUPLICATE, Kind.MISSING_IN_BOOKS),
    *(Kind.AMOUNT_DIFFERS, Kind.CURRENCY_DIFFERS, Kind.FEE_DIFFERS),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """How many lines a settlement has, the days that they span, its first payout, and what is still to come of it.

    `open` is in minor units: what the provider owes of the settlement, and what of its payouts the bank has not shown.
    """

    lines: int
    first: date | None
    last: date | None
    payout: str | None
    open: int


@dataclass(frozen=True, slots=True)
class MatchedLine:
    """A line, the signals by which it was matched (None: it was not), and the discrepancies about it."""

    line: SettlementLine
    signals: tuple[Signal, ...] | None
    discrepancies: tuple[str, ...]


def public_id(settlement: Settlement) -> str:
    """Return the id of a settlement outside: the time of its file, then its number."""
    digits, left = "", settlement.pk
    for _ in range(_TAIL):
        left, digit = divmod(left, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return settlement.file_id[:-_TAIL] + digits


def number_of(name: str) -> int | None:
    """Return the number of the settlement that has this id, if one has; `public_id` tells whether it does."""
    if not is_id(name, PREFIX):
        return None
    number = 0
    for digit in name[-_TAIL:]:
        number = number * len(ALPHABET) + ALPHABET.index(digit)
    return number if number < _GREATEST else None


def figures(rows: Sequence[Settlement]) -> dict[int, Figures]:
    """Return the figures of settlements, which have their merchants, by their numbers."""
    zones = {row.pk: row.merchant.zone for row in rows}
    found = settlements.figures([row.pk for row in rows])
    return {
        number: Figures(lines, _day(first, zones[number]), _day(last, zones[number]), payout, left)
        for number, lines, first, last, payout, left in found
    }


def matched_lines(settlement: Settlement, lines: Sequence[SettlementLine]) -> list[MatchedLine]:
    """Return lines of one settlement with what they were matched by, in a few queries for all of them."""
    matched = [line for line in lines if line.rule and line.payment_id and line.state in ("matched", "early")]
    payments = Payment.objects.select_related("order").in_bulk([line.payment_id for line in matched if line.payment_id])
    named = [line.operation_id for line in matched if line.operation_id]
    operations = Operation.objects.in_bulk(named)
    evidence = _evidence(matched)
    about = _discrepancies(settlement, lines)
    return [
        MatchedLine(
            line,
            signals_of(line, payments[line.payment_id], operations.get(line.operation_id or ""), evidence.get(line.pk))
            if line in matched and line.payment_id in payments
            else None,
            tuple(about[line.number]),
        )
        for line in lines
    ]


def _evidence(lines: Sequence[SettlementLine]) -> dict[int, CardEvidence]:
    """Return what a device posted of each line's operation."""
    named = {line.operation_id: line.pk for line in lines if line.operation_id}
    posted = CardEvidence.objects.filter(operation_id__in=named).order_by("-id")
    return {named[row.operation_id]: row for row in posted if row.operation_id is not None}


def _discrepancies(settlement: Settlement, lines: Sequence[SettlementLine]) -> dict[int, list[str]]:
    keys = {f"{kind}:{settlement.pk}:{line.number}": line.number for line in lines for kind in _KINDS}
    rows = Discrepancy.objects.filter(
        merchant_id=settlement.merchant_id, settlement_file_id=settlement.file_id, key__in=keys
    )
    found: dict[int, list[str]] = defaultdict(list)
    for name, key in rows.order_by("id").values_list("id", "key"):
        found[keys[key]].append(name)
    return found


def _day(moment: datetime | None, zone: tzinfo) -> date | None:
    return moment.astimezone(zone).date() if moment is not None else None
