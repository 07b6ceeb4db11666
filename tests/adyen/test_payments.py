"""Payments through Adyen: on its page and with stored cards, held and captured, in doubt, disputed, and late."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Chargeback, Operation, Order, ProviderEvent
from tests.adyen.conftest import STORED, AdyenShop
from tests.fake_adyen import afterwards
from tests.fake_adyen.server import FakeAdyen
from tests.fake_adyen.traps import Trap
from tests.fakes.faults import Fault
from tests.fakes.shop import BACK
from tests.reconciliation.conftest import violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_agree(adyen_shop: AdyenShop) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert violations() == []


def test_a_customer_pays_on_adyens_page(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay()
    assert payment["status"] == "requires_action"
    assert "/pay/CS" in payment["next_action"]["url"]
    afterwards.pay(adyen_shop.books, adyen_shop.session(payment))
    assert adyen_shop.tell() == [200]
    read = adyen_shop.payment(payment)
    assert (read["status"], read["amount_captured"], adyen_shop.effects()) == ("captured", 50_00, [("sale", 50_00)])
    assert (read["card"]["brand"], read["card"]["last4"]) == ("visa", "1111")


def test_what_is_sent_says_what_it_is_about(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay(customer={"email": "k.visser@example.nl"})
    asked = adyen_shop.books.sessions[adyen_shop.session(payment)]
    assert asked["amount"] == {"currency": "EUR", "value": 50_00}
    assert (asked["returnUrl"], asked["merchantAccount"]) == (BACK, "Onetill_bloem")
    assert asked["reference"] == Operation.objects.get().id
    assert (asked["allowedPaymentMethods"], asked["captureDelayHours"]) == (["scheme"], 0)


def test_the_customer_chooses_the_method_on_the_page(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay(method=None)
    afterwards.pay(adyen_shop.books, adyen_shop.session(payment), "ideal")
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["method"] == "ideal"


def test_a_refused_attempt_is_paid_by_another_on_the_same_page(adyen_shop: AdyenShop) -> None:
    """AUTHORISATION false, and then true: the order must not be lost, nor its customer charged for nothing."""
    payment = adyen_shop.pay()
    afterwards.refuse(adyen_shop.books, adyen_shop.session(payment), "12 : Not enough balance")
    adyen_shop.tell()
    read = adyen_shop.payment(payment)
    assert (read["status"], read["failure"]["code"]) == ("declined", "insufficient_funds")
    adyen_shop.books.later(seconds=5)
    afterwards.pay(adyen_shop.books, adyen_shop.session(payment))
    adyen_shop.tell()
    read = adyen_shop.payment(payment)
    assert (read["status"], Order.objects.get().captured) == ("captured", 50_00)
    # What was done next is done to the attempt that was paid.
    adyen_shop.refund(payment)
    assert adyen_shop.change("refund").payment.captured == 50_00


def test_the_refusal_of_a_first_attempt_comes_after_the_success_of_the_second(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay()
    afterwards.pay(adyen_shop.books, adyen_shop.session(payment))
    adyen_shop.books.later(seconds=5)
    afterwards.refuse(adyen_shop.books, adyen_shop.session(payment))
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["status"] == "captured"


def test_a_page_that_nobody_paid_on(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay(method="ideal")
    afterwards.close_page(adyen_shop.books, adyen_shop.session(payment))
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["status"] == "expired"


def test_a_stored_card_is_charged_at_once_and_its_webhook_changes_nothing(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay(metadata=STORED)
    assert payment["status"] == "captured"
    adyen_shop.tell()
    assert adyen_shop.effects() == [("sale", 50_00)]
    assert adyen_shop.payment(payment)["amount_captured"] == 50_00


def test_a_stored_card_is_refused(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay(50_02, metadata=STORED)
    assert (payment["status"], payment["failure"]["code"]) == ("declined", "insufficient_funds")


def test_a_stored_card_of_nobody(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.pay(metadata={"adyen_stored_payment_method": "8415"})
    assert (payment["status"], payment["failure"]["code"]) == ("declined", "shopper_required")


@pytest.mark.parametrize("trap", [Trap.ERROR_AND_AUTHORISED, Trap.ALREADY_PROCESSED])
def test_what_looks_refused_and_was_paid_waits_for_its_webhook(
    adyen_shop: AdyenShop, fake_adyen: FakeAdyen, trap: Trap
) -> None:
    fake_adyen.traps.set(trap)
    payment = adyen_shop.pay(metadata=STORED)
    assert payment["status"] == "unknown"
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["status"] == "captured"
    assert adyen_shop.effects() == [("sale", 50_00)]


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE, Fault.DROPPED_NOT_DONE, Fault.SLOW])
def test_a_charge_without_answer_is_sent_again_under_its_key(
    adyen_shop: AdyenShop, fake_adyen: FakeAdyen, fault: Fault
) -> None:
    fake_adyen.faults.silence = 0.1
    fake_adyen.faults.plan(fault)
    payment = adyen_shop.pay(metadata=STORED)
    assert payment["status"] == "unknown"
    adyen_shop.work()
    assert adyen_shop.payment(payment)["status"] == "captured"
    assert adyen_shop.effects() == [("sale", 50_00)]


def test_what_says_that_it_may_be_tried_again_is(adyen_shop: AdyenShop, fake_adyen: FakeAdyen) -> None:
    fake_adyen.traps.set(Trap.TRANSIENT)
    payment = adyen_shop.pay(metadata=STORED)
    assert payment["status"] == "unknown"
    adyen_shop.work()
    assert adyen_shop.payment(payment)["status"] == "captured"


def test_a_charge_whose_customer_has_gone_stays_unknown_until_it_is_told_of(
    adyen_shop: AdyenShop, fake_adyen: FakeAdyen
) -> None:
    """It cannot be asked about, and to send it again would charge somebody who is no longer there."""
    fake_adyen.faults.plan(Fault.DROPPED_NOT_DONE)
    payment = adyen_shop.pay(metadata=STORED)
    Operation.objects.update(created_at=timezone.now() - timedelta(hours=1))
    for _ in range(3):
        adyen_shop.work()
    assert (adyen_shop.payment(payment)["status"], adyen_shop.effects()) == ("unknown", [])
    assert len(fake_adyen.received) == 1
    afterwards.authorise(
        adyen_shop.books,
        {"reference": Operation.objects.get().id, "amount": {"currency": "EUR", "value": 50_00}},
        "visa",
    )
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["status"] == "captured"


def test_a_refund_is_sent_again_under_its_key_for_days(adyen_shop: AdyenShop, fake_adyen: FakeAdyen) -> None:
    payment = adyen_shop.paid()
    fake_adyen.faults.plan(Fault.DROPPED_DONE)
    adyen_shop.refund(payment, 20_00)
    Operation.objects.update(created_at=timezone.now() - timedelta(days=2))
    adyen_shop.work()
    assert len(adyen_shop.books.changes) == 1
    adyen_shop.carry_out("refund")
    assert adyen_shop.payment(payment)["amount_refunded"] == 20_00


def test_a_key_that_adyen_forgot_is_the_one_way_to_pay_twice_and_is_seen(
    adyen_shop: AdyenShop, fake_adyen: FakeAdyen
) -> None:
    """A second payment of one order is booked as what it is: finance finds it by its discrepancy."""
    fake_adyen.faults.plan(Fault.DROPPED_DONE)
    fake_adyen.traps.set(Trap.KEY_FORGOTTEN, times=2)
    adyen_shop.pay(metadata=STORED)
    adyen_shop.work()
    adyen_shop.tell()
    assert adyen_shop.effects() == [("sale", 50_00)] * 2
    assert Order.objects.get().captured == 50_00


def test_what_is_held_is_captured_once_its_webhook_says_so(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid(capture="manual")
    assert payment["status"] == "authorized"
    adyen_shop.ask(f"/v1/payments/{payment['id']}/capture", amount=30_00)
    adyen_shop.work()
    assert adyen_shop.payment(payment)["amount_captured"] == 0, "received is not captured"
    adyen_shop.carry_out("capture")
    read = adyen_shop.payment(payment)
    assert (read["status"], read["amount_captured"]) == ("captured", 30_00)
    assert adyen_shop.effects() == [("capture", 30_00)]


@pytest.mark.parametrize("verb", ["capture", "refund"])
def test_a_change_that_bears_the_payments_own_reference_is_known_by_its_name(adyen_shop: AdyenShop, verb: str) -> None:
    payment = adyen_shop.paid(capture="manual" if verb == "capture" else "automatic")
    if verb == "capture":
        adyen_shop.ask(f"/v1/payments/{payment['id']}/capture", amount=50_00)
        adyen_shop.work()
    else:
        adyen_shop.refund(payment, 50_00)
    adyen_shop.carry_out(verb, reference=adyen_shop.at_adyen(payment).reference)
    read = adyen_shop.payment(payment)
    assert read[f"amount_{'captured' if verb == 'capture' else 'refunded'}"] == 50_00
    assert Operation.objects.filter(verb=verb).count() == 1


def test_a_refused_capture_leaves_it_held(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid(capture="manual")
    adyen_shop.ask(f"/v1/payments/{payment['id']}/capture", amount=30_00)
    adyen_shop.work()
    adyen_shop.carry_out("capture", success=False)
    assert adyen_shop.payment(payment)["amount_captured"] == 0
    assert Operation.objects.get(verb="capture").outcome == "declined"


def test_a_capture_that_fails_later_is_taken_back(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid(capture="manual")
    adyen_shop.ask(f"/v1/payments/{payment['id']}/capture", amount=50_00)
    adyen_shop.work()
    adyen_shop.carry_out("capture")
    afterwards.fail_capture(adyen_shop.books, adyen_shop.change("capture").name)
    adyen_shop.tell()
    assert (adyen_shop.payment(payment)["status"], Order.objects.get().captured) == ("reversed", 0)


@pytest.mark.parametrize("success", [True, False])
def test_what_is_held_is_given_up_once_its_webhook_says_so(adyen_shop: AdyenShop, success: bool) -> None:
    payment = adyen_shop.paid(capture="manual")
    adyen_shop.ask(f"/v1/payments/{payment['id']}/cancel")
    adyen_shop.work()
    assert adyen_shop.payment(payment)["status"] == "authorized"
    adyen_shop.carry_out("cancel", success=success)
    assert adyen_shop.payment(payment)["status"] == ("canceled" if success else "authorized")


def test_what_was_held_runs_out(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.paid(capture="manual")
    afterwards.expire(adyen_shop.books, adyen_shop.at_adyen(payment))
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["status"] == "expired"


def test_a_dispute_from_its_announcement_to_its_end(adyen_shop: AdyenShop) -> None:
    payment = adyen_shop.at_adyen(adyen_shop.paid())
    books = adyen_shop.books
    due = (timezone.now() + timedelta(days=9)).isoformat(timespec="seconds")
    name = afterwards.dispute(books, payment, "NOTIFICATION_OF_CHARGEBACK", defensePeriodEndsAt=due)
    adyen_shop.tell()
    assert Chargeback.objects.get().status == "inquiry"
    afterwards.dispute(books, payment, "CHARGEBACK", name, net=-50_00, defensePeriodEndsAt=due)
    adyen_shop.tell()
    assert Chargeback.objects.get().status == "open"
    books.later(days=5)
    afterwards.dispute(books, payment, "CHARGEBACK_REVERSED", name, net=50_00)
    adyen_shop.tell()
    assert Chargeback.objects.get().status == "won"
    books.later(days=5)
    afterwards.dispute(books, payment, "SECOND_CHARGEBACK", name, net=-50_00)
    adyen_shop.tell()
    chargeback = Chargeback.objects.get()
    assert (chargeback.status, chargeback.stage) == ("open", "pre_arbitration")
    books.later(days=5)
    afterwards.dispute(books, payment, "PREARBITRATION_LOST", name)
    adyen_shop.tell()
    assert Chargeback.objects.get().status == "lost"


def test_several_items_in_one_webhook(adyen_shop: AdyenShop) -> None:
    first, second = adyen_shop.pay(), adyen_shop.pay(20_00)
    for each in (first, second):
        afterwards.pay(adyen_shop.books, adyen_shop.session(each))
    assert adyen_shop.tell(together=True) == [200]
    assert [adyen_shop.payment(each)["status"] for each in (first, second)] == ["captured", "captured"]
    assert ProviderEvent.objects.count() == 1


def test_the_webhook_comes_before_the_answer(adyen_shop: AdyenShop, fake_adyen: FakeAdyen) -> None:
    fake_adyen.traps.set(Trap.WEBHOOK_BEFORE_ANSWER)
    adyen_shop.books.listen = lambda _, items: adyen_shop.happened.extend(items)
    payment = adyen_shop.pay()
    adyen_shop.tell()
    assert adyen_shop.payment(payment)["status"] == "captured"
