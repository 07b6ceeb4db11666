"""Mollie's settlements: what each of their lists holds, and the movements of the balance that stand in none of them.

A settlement is known by its bank reference (`1234567.2404.03`), as in the report that Mollie's dashboard exports, so
that it is booked once, whichever of the two comes first. Read with the organization's token; live only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec

from payments.providers.base import Credentials
from payments.providers.mollie.client import TOKEN, NoSuccess, ask, listed, unusable_token
from payments.providers.mollie.requests import OPERATION
from payments.providers.mollie.translate import metadata_of, moment
from payments.providers.payload import Payload, part, text
from reconciliation.sources.base import PayoutState, SourceUnavailable

# What is in it changes no more once the bank has it.
_COMPLETE: Final = frozenset({"processing-at-bank", "paidout", "failed"})
_SETTLEMENT: Final = ("id", "reference", "status", "createdAt", "settledAt", "amount")
# Each list of a settlement, and what stands in it.
_LISTS: Final = {"payments": "payment", "captures": "capture", "refunds": "refund", "chargebacks": "chargeback"}
_MOVEMENT: Final = ("id", "method", "amount", "settlementAmount", "paymentId", "createdAt", "paidAt")
_TRANSACTION: Final = ("id", "type", "resultAmount", "createdAt", "context")
_COST: Final = ("description", "method", "count", "amountNet", "amountVat", "amountGross")
_TRANSFER: Final = "outgoing-transfer"
_LISTED: Final = frozenset({*_LISTS.values(), _TRANSFER})


class MollieSettlements:
    """Settlements of every status but those that are still open."""

    code: ClassVar[str] = "mollie"
    format: ClassVar[str] = "mollie_payout"

    def look(self, reference: str, credentials: Credentials) -> PayoutState:
        """Whether its lists are complete, and whether the bank sent it back."""
        with _asking(credentials):
            status = text(_settlement(reference, credentials), "status")
        return PayoutState(status in _COMPLETE, failed=status == "failed")

    def lines(self, reference: str, credentials: Credentials) -> Iterator[bytes]:
        """The settlement, what its lists hold, its costs, other movements, and how many lines they were."""
        with _asking(credentials):
            settlement, count = _settlement(reference, credentials), 0
            yield _line({"object": "settlement", **_only(settlement, _SETTLEMENT)})
            for row in _rows(settlement, credentials):
                count += 1
                yield _line(row)
            yield _line({"object": "end", "count": count})

    def recent(self, credentials: Credentials, since: datetime) -> list[str]:
        """Those made since then that are complete; none where the account has no token for them."""
        if unusable_token(credentials) is not None:
            return []
        found: list[str] = []
        with _asking(credentials):
            for row in listed(credentials, "settlements", "settlements", credential=TOKEN):
                made, reference = moment(row, "createdAt"), text(row, "reference")
                if made is not None and made < since:
                    break
                if reference is not None and text(row, "status") in _COMPLETE:
                    found.append(reference)
        return found


def _settlement(reference: str, credentials: Credentials) -> Payload:
    return ask(credentials, "GET", f"settlements/{quote(reference, safe='')}", credential=TOKEN)


def _rows(settlement: Payload, credentials: Credentials) -> Iterator[dict[str, Any]]:
    name = text(settlement, "id") or ""
    for path, kind in _LISTS.items():
        for row in listed(credentials, f"settlements/{name}/{path}", path, credential=TOKEN):
            operation = text(metadata_of(row), OPERATION)
            named = {"metadata": {OPERATION: operation}} if operation else {}
            yield {"object": kind, **_only(row, _MOVEMENT), **named}
    yield from _costs(settlement)
    for row in _other_movements(settlement, credentials):
        yield {"object": "balance_transaction", **_only(row, _TRANSACTION)}


def _costs(settlement: Payload) -> Iterator[dict[str, Any]]:
    """What Mollie withholds, summed up by it for each month and method, in four decimals."""
    for year, months in part(settlement, "periods").items():
        for month, period in (months if isinstance(months, dict) else {}).items():
            costs = period.get("costs") if isinstance(period, dict) else None
            for cost in costs if isinstance(costs, list) else []:
                yield {"object": "cost", "period": f"{year}-{month}", **_only(cost, _COST)}


def _other_movements(settlement: Payload, credentials: Credentials) -> Iterator[Payload]:
    """Movements of the balance between the transfer before and this one's own, but those that its lists hold."""
    name, balance = text(settlement, "id"), text(settlement, "balanceId")
    inside = False
    for row in listed(credentials, f"balances/{balance}/transactions", "balance_transactions", credential=TOKEN):
        is_transfer = text(row, "type") == _TRANSFER
        if is_transfer and inside:
            return
        inside = inside or (is_transfer and text(row, "context", "settlementId") == name)
        if inside and text(row, "type") not in _LISTED:
            yield row


@contextmanager
def _asking(credentials: Credentials) -> Iterator[None]:
    """Every request without a success becomes SourceUnavailable."""
    unusable = unusable_token(credentials)
    if unusable is not None:
        raise SourceUnavailable(unusable[1])
    try:
        yield
    except NoSuccess as error:
        raise SourceUnavailable(error.detail) from error


def _only(obj: Payload, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: obj[name] for name in names if obj.get(name) is not None}


def _line(obj: dict[str, Any]) -> bytes:
    return msgspec.json.encode(obj) + b"\n"
