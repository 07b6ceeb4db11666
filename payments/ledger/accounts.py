"""Accounts by their place in the chart: found, or made at their first posting, and remembered per process."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

from django.db import connection, transaction

from payments.core.ids import new_id
from payments.ledger import sql
from payments.ledger.entries import AccountSpec
from payments.ledger.errors import AccountDiffers

Place = tuple[str, AccountSpec]  # a merchant's id, and what the chart says
MOST_REMEMBERED: Final = 100_000  # a merchant has tens of them

_remembered: dict[Place, int] = {}


def numbers(places: AbstractSet[Place]) -> dict[Place, int]:
    """The number of each account, made where there is none yet.

    Raises:
        AccountDiffers: it exists with another kind or rule for items.
    """
    known = {place: number for place in places if (number := _remembered.get(place)) is not None}
    if len(known) < len(places):
        # In one order for everybody: two transactions that make the same accounts cannot wait for each other.
        unknown = sorted((place for place in places if place not in known), key=_chart_order)
        found = _find(unknown)
        if missing := [place for place in unknown if place not in found]:
            _make(missing)
            # Looked up again: another transaction may have made some of them, and then ours made none.
            found |= _find(missing)
        # Not before the commit: what this transaction has made, its rollback would take back.
        transaction.on_commit(lambda: _remember(found))
        known |= found
    return known


def forget() -> None:
    """Forget the cached account numbers: after a database was emptied or restored under a running process."""
    _remembered.clear()


def _remember(found: dict[Place, int]) -> None:
    if len(_remembered) > MOST_REMEMBERED:
        _remembered.clear()
    _remembered.update(found)


def _find(places: list[Place]) -> dict[Place, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.FIND_ACCOUNTS, _columns(places))
        rows = {(merchant, code, currency): rest for merchant, code, currency, *rest in cursor.fetchall()}
    found = {}
    for merchant, spec in places:
        row = rows.get((merchant, spec.code, spec.currency))
        if row is not None:
            if row[:2] != [spec.kind, spec.item_required]:
                raise AccountDiffers(spec.code)
            found[merchant, spec] = int(row[2])
    return found


def _make(places: list[Place]) -> None:
    ids = [new_id("acc") for _ in places]
    kinds = [str(spec.kind) for _, spec in places]
    rules = [spec.item_required for _, spec in places]
    with connection.cursor() as cursor:
        cursor.execute(sql.MAKE_ACCOUNTS, [*_columns(places), ids, kinds, rules])


def _columns(places: list[Place]) -> list[Any]:
    return [
        [merchant for merchant, _ in places],
        [spec.code for _, spec in places],
        [spec.currency for _, spec in places],
    ]


def _chart_order(place: Place) -> tuple[str, str, str]:
    merchant, spec = place
    return merchant, spec.code, spec.currency
