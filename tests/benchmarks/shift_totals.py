"""(t) Closing a shift of 10,000 transactions: what the books count per brand and type, and which differ from the device.

The floor is the time that a device may wait for it, 300 ms.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from django.utils import timezone

from payments.db import bulk
from payments.providers.base import Card
from payments.services.card_present.register import register
from payments.services.card_present.types import AcquirerReferences, DeviceOutcome, DeviceTransaction, Kind
from terminals import totals
from terminals.models import TerminalTransaction
from terminals.services import judge_shifts
from terminals.services.create import create
from terminals.totals import Numbers
from tests.benchmarks import server, sql
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size, in_turn, milliseconds
from tests.builders import BY, open_shop

WAITS: Final = 300.0  # ms
BRANDS: Final = ("maestro", "visa", "mastercard")
GOAL: Final = Goal(1, at_least=False)


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    shop = open_shop("Shifts")
    terminal = create(channel=shop.store, label="Counter", actor=BY).terminal
    device = replace(shop.terminal, terminal_id=terminal.id)
    for first in range(1, size.shift + 1, size.device_batch):
        sales = [_sale(at) for at in range(first, min(first + size.device_batch, size.shift + 1))]
        found = register(merchant=shop.merchant, device=device, transactions=sales, actor=BY, now=timezone.now())
        bulk.insert(
            [
                TerminalTransaction(
                    terminal_id=terminal.id,
                    series=device.series,
                    sequence=one.sequence,
                    type="sale",
                    content=sha256(str(one.sequence).encode()).digest(),
                    status=TerminalTransaction.Status.RECORDED,
                    payment_id=one.payment_id,
                )
                for one in found
            ]
        )
    with server.owner() as owner:
        owner.execute(sql.ANALYZE)
    numbers = Numbers(terminal_id=terminal.id, series=device.series, first=1, last=size.shift)
    assert sum(counted.count for counted in totals.booked(numbers).values()) == size.shift
    nothing: list[dict[str, Any]] = []
    measured = in_turn(
        3 * size.rounds,
        agrees=lambda: milliseconds(lambda: totals.booked(numbers)),
        differs=lambda: milliseconds(lambda: judge_shifts.differences(numbers, nothing)),
    )
    yield Figure("t.shift_totals", measured["agrees"], "ms", WAITS, goal=GOAL)
    yield Figure("t.shift_differences", measured["differs"], "ms", WAITS, goal=GOAL)


def _sale(sequence: int) -> DeviceTransaction:
    card = Card(brand=BRANDS[sequence % 3], last4="4242", fingerprint="card_anna", entry_mode="contactless")
    amount = 100 + sequence
    return DeviceTransaction(
        sequence=sequence,
        kind=Kind.SALE,
        outcome=DeviceOutcome.APPROVED,
        amount=amount,
        currency="EUR",
        occurred_at=timezone.now() - timedelta(seconds=1),
        posted={
            "sequence": sequence,
            "type": "sale",
            "amount": amount,
            "currency": "EUR",
            "outcome": "approved",
            "card": {"brand": card.brand, "last4": "4242"},
            "rrn": f"{sequence:012d}",
            "receipt": {"customer": "Bloem Utrecht\n" * 20},
        },
        card=card,
        references=AcquirerReferences(rrn=f"{sequence:012d}", authorization_code="A1B2C3"),
    )
