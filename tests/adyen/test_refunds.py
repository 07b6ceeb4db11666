"""Refunds through Adyen: received is not refunded, what is refused or comes back is owed again, and the dashboard's."""

from collections.abc import Iterator

import pytest

from payments.models import Operation, Refund
from tests.adyen.conftest import AdyenShop
from tests.fake_adyen import afterwards
from tests.reconciliation.conftest import violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_agree(adyen_shop: AdyenShop) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert violations() == []


def test_received_is_not_refunded(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid()
    refund = adyen_shop.refund(payment, 20_00)
    assert (refund["status"], adyen_shop.payment(payment)["amount_refunded"]) == ("pending", 0)
    assert Operation.objects.get(verb="refund").outcome == "pending"
    adyen_shop.carry_out("refund")
    assert adyen_shop.refunded(refund)["status"] == "succeeded"
    assert adyen_shop.payment(payment)["amount_refunded"] == 20_00
    assert adyen_shop.effects() == [("sale", 50_00), ("refund", 20_00)]


def test_a_pending_refund_is_not_sent_twice(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid()
    adyen_shop.refund(payment, 20_00)
    for _ in range(3):
        adyen_shop.work()
    assert len(adyen_shop.books.changes) == 1


def test_two_equal_refunds_are_two(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid()
    for _ in range(2):
        adyen_shop.refund(payment, 20_00)
        adyen_shop.carry_out("refund")
    assert adyen_shop.payment(payment)["amount_refunded"] == 40_00


def test_a_refused_refund_is_owed_again(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid()
    adyen_shop.refund(payment, 20_00)
    adyen_shop.carry_out("refund", success=False)
    assert Operation.objects.get(verb="refund").outcome == "declined"
    assert adyen_shop.payment(payment)["amount_refunded"] == 0


@pytest.mark.parametrize("code", ["REFUND_FAILED", "REFUNDED_REVERSED"])
def test_a_refund_that_comes_back_days_later(adyen_shop: AdyenShop, code: str) -> None:
    payment = adyen_shop.paid()
    adyen_shop.refund(payment, 20_00)
    adyen_shop.carry_out("refund")
    adyen_shop.books.later(days=3)
    afterwards.fail_refund(adyen_shop.books, adyen_shop.change("refund").name, code)
    adyen_shop.tell()
    operation = Operation.objects.get(verb="refund")
    assert (operation.outcome, operation.failure_code) == ("declined", "refund_failed")
    assert adyen_shop.payment(payment)["amount_refunded"] == 0


def test_the_failure_is_told_before_the_success(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid()
    adyen_shop.refund(payment, 20_00)
    name = adyen_shop.change("refund").name
    afterwards.carry_out(adyen_shop.books, name)
    adyen_shop.books.later(days=3)
    afterwards.fail_refund(adyen_shop.books, name)
    adyen_shop.happened.reverse()
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["amount_refunded"] == 0


def test_what_somebody_gives_back_at_adyen_is_booked(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid()
    afterwards.refund_at_dashboard(adyen_shop.books, adyen_shop.at_adyen(payment), 15_00)
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["amount_refunded"] == 15_00
    assert Refund.objects.get().status == "succeeded"


def test_what_somebody_gives_back_while_ours_has_no_name_yet_is_not_taken_for_ours(adyen_shop: AdyenShop) -> None:
    """Ours without an answer and the dashboard's, of one amount: the second waits until the first has a name."""
    payment = adyen_shop.paid()
    body = {"payment": payment["id"], "reason": "Too small", "channel": adyen_shop.shop.webshop.id, "amount": 15_00}
    adyen_shop.ask("/v1/refunds", **body)
    afterwards.refund_at_dashboard(adyen_shop.books, adyen_shop.at_adyen(payment), 15_00)
    adyen_shop.tell()
    adyen_shop.work()
    adyen_shop.carry_out("refund")
    adyen_shop.work()
    assert adyen_shop.payment(payment)["amount_refunded"] == 30_00
