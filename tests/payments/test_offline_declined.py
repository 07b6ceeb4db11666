"""A sale that the terminal approved offline and the issuer declined afterwards: the goods are gone, and finance knows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Discrepancy, Payment
from payments.services.card_present.types import DeviceOutcome, Kind, Original
from tests.builders import Shop, fresh, only, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def offline(shop: Shop) -> Payment:
    """Sold while the line was down."""
    payment = shop.pin(2500, offline=True)
    assert payment.provisional
    assert only(shop.books(), "provisional", "takings") == {"provisional": 2500, "takings": -2500}
    return payment


def test_the_loss_is_booked_and_told(shop: Shop, offline: Payment) -> None:
    shop.at_terminal(Kind.SALE, 2500, resolves=1, outcome=DeviceOutcome.DECLINED)

    assert only(shop.books(), "provisional", "write_offs") == {"provisional": 0, "write_offs": 2500}
    assert not fresh(offline).provisional
    assert fresh(offline).status == "captured"  # the customer left with the goods
    discrepancy = Discrepancy.objects.get(kind="offline_declined")
    assert (discrepancy.payment_id, discrepancy.amount, discrepancy.status) == (offline.id, 2500, "open")


def test_the_same_news_twice_loses_nothing_twice(shop: Shop, offline: Payment) -> None:
    for _ in range(2):
        shop.at_terminal(Kind.SALE, 2500, resolves=1, outcome=DeviceOutcome.DECLINED)
    assert only(shop.books(), "write_offs") == {"write_offs": 2500}


def test_a_reversal_afterwards_takes_everything_back(shop: Shop, offline: Payment) -> None:
    shop.at_terminal(Kind.SALE, 2500, resolves=1, outcome=DeviceOutcome.DECLINED)
    later = timezone.now() + timedelta(seconds=1)
    shop.at_terminal(Kind.REVERSAL, 2500, original=Original(sequence=1), occurred_at=later)

    assert fresh(offline).status == "reversed"
    touched = only(shop.books(), "provisional", "write_offs", "takings", "receivable")
    assert not any(touched.values())
