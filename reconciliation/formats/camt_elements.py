"""Single values out of ISO 20022 elements, whatever the version of their namespace."""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from lxml.etree import QName
from lxml.etree import _Element as Element

from payments.core.money import EXPONENTS, MAX_AMOUNT, Money

LONGEST_TEXT: Final = 2000
# Banks pad with zeros and leave the first one out; a sign belongs to CdtDbtInd.
_AMOUNT: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{0,17})?|\.[0-9]{1,17}")


def every(element: Element, path: str) -> list[Element]:
    """All elements at a path of local names, in the element's own namespace."""
    return element.findall(_path(QName(element).namespace or "", path))


def first(element: Element, path: str) -> Element | None:
    """The first element at a path of local names."""
    return element.find(_path(QName(element).namespace or "", path))


def text(element: Element, *paths: str) -> str:
    """The text at the first of these paths that has one, else an empty string."""
    for path in paths:
        found = first(element, path)
        if found is not None and found.text and found.text.strip():
            return found.text.strip()[:LONGEST_TEXT]
    return ""


def money(element: Element) -> Money:
    """An unsigned amount with its `Ccy`.

    Raises:
        ValueError: a sign, a fraction of a minor unit, an unknown currency, or more than can be booked.
    """
    digits, currency = (element.text or "").strip(), element.get("Ccy", "")
    if _AMOUNT.fullmatch(digits) is None or currency not in EXPONENTS:
        raise ValueError(f"{digits!r} {currency!r} is no unsigned amount with an ISO 4217 currency")
    amount = Money.from_decimal(Decimal(digits), currency)
    if amount.amount > MAX_AMOUNT:
        raise ValueError(f"{amount} is beyond what can be booked")
    return amount


def signed(element: Element) -> Money:
    """The element's `Amt`, negative where its `CdtDbtInd` is a debit.

    Raises:
        ValueError: either is missing or wrong.
    """
    found, indicator = first(element, "Amt"), text(element, "CdtDbtInd")
    if found is None or indicator not in ("CRDT", "DBIT"):
        raise ValueError("an amount (Amt) or its direction (CdtDbtInd) is missing")
    return money(found) if indicator == "CRDT" else -money(found)


def day(element: Element, path: str) -> date | None:
    """The day at a path that holds `Dt` or `DtTm`; a time is the bank's own wall clock.

    Raises:
        ValueError: it is no day.
    """
    written = text(element, f"{path}/Dt", f"{path}/DtTm")
    return _day(written, path) if written else None


def moment_day(element: Element, path: str) -> date | None:
    """The day of the time at a path, None if there is none.

    Raises:
        ValueError: it is no time.
    """
    written = text(element, path)
    return _day(written, path) if written else None


def _day(written: str, path: str) -> date:
    try:
        # A day may carry a zone: 2026-11-22Z.
        return datetime.fromisoformat(written).date() if "T" in written else date.fromisoformat(written[:10])
    except ValueError:
        raise ValueError(f"{path} is {written[:40]!r}, which is no day (YYYY-MM-DD)") from None


def charges(element: Element, currency: str) -> int:
    """What the bank states to have charged on it in this currency, signed: a charge is negative, a rebate positive."""
    total = 0
    for stated in every(element, "Chrgs"):
        records = [*every(stated, "Rcrd"), *([stated] if first(stated, "Amt") is not None else [])]
        found = [(first(one, "Amt"), text(one, "CdtDbtInd")) for one in records]
        found = found or [(first(stated, "TtlChrgsAndTaxAmt"), "")]  # a total without records
        for amount, indicator in found:
            if amount is not None and amount.get("Ccy") == currency:
                total += money(amount).amount * (1 if indicator == "CRDT" else -1)
    return total


def code(element: Element) -> str:
    """The bank's transaction code, as PMNT/RCDT/ESCT, or its own."""
    parts = [text(element, f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "/".join(part for part in parts if part) or text(element, "BkTxCd/Prtry/Cd")


@lru_cache(maxsize=1024)
def _path(namespace: str, path: str) -> str:
    return "/".join(f"{{{namespace}}}{step}" for step in path.split("/"))
