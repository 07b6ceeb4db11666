"""What a terminal reports has happened: it is booked as it is told, and a person sees what does not fit."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Discrepancy
from payments.notify.models import Event
from payments.services.card_present.register import register
from payments.services.card_present.types import DeviceOutcome, Kind, Original
from tests.builders import BY, Shop, fresh, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def opened() -> list[tuple[str, str]]:
    return list(Discrepancy.objects.order_by("id").values_list("kind", "status"))


def test_nothing_reported_is_nothing_done(shop: Shop) -> None:
    done = register(merchant=shop.merchant, device=shop.terminal, transactions=[], actor=BY, now=timezone.now())
    assert done == []


def test_a_refund_that_was_declined_and_of_which_nothing_is_known_is_announced_to_nobody(shop: Shop) -> None:
    shop.at_terminal(Kind.REFUND, 500, outcome=DeviceOutcome.DECLINED)
    assert not Event.objects.exists()
    assert opened() == []


def test_a_clock_that_is_ahead_is_one_discrepancy_that_names_all_it_told(shop: Shop) -> None:
    for _ in range(2):
        shop.at_terminal(Kind.SALE, 500, occurred_at=timezone.now() + timedelta(days=2))
    row = Discrepancy.objects.get()
    assert (row.kind, row.sequences) == ("clock_differs", [[1, 1], [2, 2]])


def test_more_given_back_on_one_card_than_was_paid_with_it_is_seen_though_the_order_had_more(shop: Shop) -> None:
    first = shop.pin(1_000)
    shop.pin(1_000, order=first.order)
    shop.pin_back(1_500, original=first)
    assert fresh(first.order).excess == 0
    assert opened() == [("overpaid", "resolved"), ("over_returned", "open")]
    assert Discrepancy.objects.latest("id").amount == 500


def test_an_excess_that_grows_less_stays_one_until_it_is_gone(shop: Shop) -> None:
    order = shop.pay_cash(2_500).order
    shop.voucher(2_500, order=order)
    shop.pin_back(1_000, original=shop.pin(1_000, order=order))
    shop.pin_back(1_000, original=None, order_id=order.id)
    assert fresh(order).excess == 1_000
    shop.pin(400, order=order)
    assert fresh(order).excess == 600
    assert ("over_returned", "open") in opened()
    shop.pin(600, order=order)
    assert fresh(order).excess == 0
    assert ("over_returned", "open") not in opened()


def test_taking_back_what_never_moved_moves_nothing(shop: Shop) -> None:
    declined = shop.at_terminal(Kind.SALE, 500, outcome=DeviceOutcome.DECLINED)
    before = shop.books()
    shop.at_terminal(Kind.REVERSAL, 500, original=Original(sequence=declined.sequence))
    assert shop.books() == before
    assert opened() == []
