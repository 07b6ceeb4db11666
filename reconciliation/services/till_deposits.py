"""Cash that a store took to the bank: recognized on the statement of the merchant's account, and no longer in transit.

A line names a deposit by what stands on its bag or slip (a word of its own of the deposit's reason, with a digit in
it), or is a cash deposit by the bank's words; always with its amount. Of several deposits of one amount that a line
does not tell apart the oldest is meant: it is the same money on the same account.
"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from payments.accounting.journal import bank_owner
from payments.ledger.posting import post
from payments.models import Merchant, Till, TillMovement
from payments.runtime.sweeps import Sweep
from reconciliation import journal
from reconciliation.models import BankStatementLine
from reconciliation.services.auto_resolve import resolve_explained

EARLY: Final = timedelta(days=1)  # a bank that dates what was put in at night by the day before
LATE: Final = timedelta(days=14)  # a bag that is counted after a long weekend
LOOKED_FOR: Final = timedelta(days=60)
# As Dutch, Belgian and German banks write it; CDPT is ISO 20022's own code.
_CASH: Final = re.compile(
    r"\b(?:af|geld|munt|biljet|contante?\W+)?storting(?:en)?\b|\bseal\W?bag\b|\bcash\W+deposit\b|\bCDPT\b|"
    r"\bversement\W+esp[eè]ces\b|\bbareinzahlung\b",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[0-9A-Za-z]*[0-9][0-9A-Za-z]*")
SHORTEST: Final = 4  # characters of a word that names a bag
_State = BankStatementLine.State


def deposit_key(movement_id: str) -> str:
    """The key of the discrepancy about a deposit that the bank does not show."""
    return f"payout_not_received:{movement_id}"


def on_their_way(merchant_id: str | None = None) -> QuerySet[TillMovement]:
    """Return the deposits that no bank line shows yet, the oldest first."""
    rows = TillMovement.objects.filter(kind=TillMovement.Kind.DEPOSIT)
    rows = rows if merchant_id is None else rows.filter(merchant=merchant_id)
    seen = BankStatementLine.objects.filter(state=_State.DEPOSIT).values("item")
    return rows.exclude(item__in=seen).order_by("occurred_at", "id")


def match(merchant: Merchant, lines: QuerySet[BankStatementLine]) -> int:
    """Match those of these bank lines that nothing explains with deposits, and book them; return how many.

    Joins the caller's transaction. The merchant's tills are locked, so that no deposit is seen twice.
    """
    if not on_their_way(merchant.id).exists():
        return 0
    list(Till.objects.select_for_update(of=("self",), no_key=True).filter(merchant=merchant).order_by("id"))
    deposits = list(on_their_way(merchant.id))
    incoming = lines.filter(
        state=_State.OTHER, statement__kind="statement", undone=0, amount__in={one.amount for one in deposits}
    )
    found = list(_pairs(incoming.select_related("statement__merchant").order_by("booked_on", "id"), deposits))
    for line, deposit in found:
        line.state, line.item = _State.DEPOSIT, deposit.item
    BankStatementLine.objects.bulk_update([line for line, _deposit in found], ["state", "item"])
    post([journal.deposit_seen(merchant, line) for line, _deposit in found])
    resolve_explained(merchant, [deposit_key(deposit.id) for _line, deposit in found])
    return len(found)


def rematch() -> int:
    """Look again for deposits on the statements of the last two months: a device may report one late."""
    since = timezone.now() - LOOKED_FOR
    sweep = Sweep("reconciliation.till_deposits")
    waiting = on_their_way().filter(occurred_at__gte=since).values_list("merchant_id", flat=True)
    found = 0
    for merchant in Merchant.objects.filter(id__in=waiting.order_by()).exclude(id__in=sweep.resting):
        with sweep.item(merchant.id, merchant_id=merchant.id), transaction.atomic():
            lines = BankStatementLine.objects.filter(statement__merchant=merchant, booked_on__gte=since.date())
            found += match(merchant, lines)
    return found


def _pairs(
    lines: Iterable[BankStatementLine], deposits: list[TillMovement]
) -> Iterable[tuple[BankStatementLine, TillMovement]]:
    """What a line names first: an older deposit of the same amount is not given away to it."""
    left, unnamed = list(deposits), []
    for line in lines:
        words = _words(_text(line))
        deposit = next((one for one in left if _fits(line, one) and _words(one.reason) & words), None)
        if deposit is None:
            unnamed.append(line)
            continue
        left.remove(deposit)
        yield line, deposit
    for line in unnamed:
        deposit = next((one for one in left if _fits(line, one)), None) if _CASH.search(_text(line)) else None
        if deposit is not None:
            left.remove(deposit)
            yield line, deposit


def _fits(line: BankStatementLine, deposit: TillMovement) -> bool:
    taken: date = deposit.business_day
    same = (line.amount, line.currency) == (deposit.amount, deposit.currency)
    # On its way to one account, it arrives on no other.
    own = line.statement.account == bank_owner(line.statement.merchant).replace(" ", "").upper()
    return same and own and taken - EARLY <= line.booked_on <= taken + LATE


def _text(line: BankStatementLine) -> str:
    return f"{line.remittance} {line.counterparty_name} {line.bank_reference} {line.end_to_end_id} {line.code}"


def _words(text: str) -> set[str]:
    return {word.upper() for word in _WORD.findall(text) if len(word) >= SHORTEST}
