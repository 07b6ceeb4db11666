"""However a day's transactions arrive (order, repetition, batching), the books are the same."""

import json
import os
import random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.models import Discrepancy, Order, Payment, StatisticDelta
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.terminals.conftest import books, paired
from tests.terminals.device import refund, reversal, sale

Transaction = dict[str, Any]


@st.composite
def days(draw: st.DrawFn) -> list[Transaction]:
    """A day of one device: sales of every ending, each perhaps refunded, reversed or resolved later on."""
    day: list[Transaction] = []
    for number in range(draw(st.integers(1, 5))):
        first, amount = len(day) + 1, draw(st.integers(100, 5000))
        name = {"order_reference": f"A-{number}"} if draw(st.booleans()) else {}
        ending = draw(st.sampled_from(["approved", "approved", "offline", "declined", "unknown"]))
        outcome = "approved" if ending == "offline" else ending
        day.append(sale(first, amount, outcome=outcome, offline=ending == "offline", **name))
        if ending == "unknown" and draw(st.booleans()):
            day.append(sale(first + 1, amount, outcome=draw(st.sampled_from(["approved", "declined"])), resolves=first))
        for back in range(draw(st.integers(0, 2)) if outcome == "approved" else 0):
            by_order = bool(name) and draw(st.booleans())
            about = name if by_order else {"sequence": first}
            day.append(refund(len(day) + 1, draw(st.integers(1, amount)) + back, original=about))
        if outcome == "approved" and draw(st.booleans()):
            day.append(reversal(len(day) + 1, of=first, amount=amount))
    return day


def arrangement(day: list[Transaction], chance: random.Random) -> list[list[Transaction]]:
    """The same transactions, shuffled, some twice, in batches of any size."""
    sent = day + chance.choices(day, k=len(day) // 2)
    chance.shuffle(sent)
    batches = []
    while sent:
        size = chance.randint(1, len(sent))
        batches.append(sent[:size])
        sent = sent[size:]
    return batches


def outcome_of(shop: Shop, back_office: Api, batches: list[list[Transaction]]) -> Any:
    """What a new terminal's day comes to; nothing of it stays."""
    with transaction.atomic():
        device = paired(back_office)
        for batch in batches:
            answer = device.batch(batch)
            assert answer.status_code == 200, answer.content
            assert {result["status"] for result in answer.json()["results"]} <= {"recorded", "duplicate"}
        facts = {
            "books": books(shop.merchant),
            "payments": sorted(
                Payment.objects.values_list("status", "amount_captured", "amount_refunded", "provisional")
            ),
            "orders": sorted(
                Order.objects.values_list("captured", "refunded", "excess"),
            ),
            "open": sorted(Discrepancy.objects.exclude(status="resolved").values_list("kind", flat=True)),
            "sales": [
                sum(StatisticDelta.objects.values_list(column, flat=True))
                for column in ("sales_count", "sales_amount", "refunds_count", "refunds_amount")
            ],
            "series": json.loads(answer.content)["missing_sequences"],
        }
        transaction.set_rollback(True)
    return facts


@pytest.mark.django_db
@settings(
    max_examples=int(os.environ.get("DAYS", "10")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(day=days(), seed=st.integers(0, 2**32))
def test_any_order_repetition_and_batching_gives_the_same_books(
    shop: Shop, back_office: Api, day: list[Transaction], seed: int
) -> None:
    chance = random.Random(seed)
    as_it_happened = outcome_of(shop, back_office, [[each] for each in day])
    assert as_it_happened["series"] == []
    assert outcome_of(shop, back_office, arrangement(day, chance)) == as_it_happened
    assert outcome_of(shop, back_office, [list(reversed(day))]) == as_it_happened
