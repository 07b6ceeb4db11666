"""Payments through Mollie: on its page, held and captured, ended, found again, and told of by both webhooks."""

import json
from collections.abc import Iterator

import pytest

from payments.models import Operation, Order, ProviderEvent
from payments.providers.base import Outcome
from tests.fake_mollie import afterwards, webhooks
from tests.fake_mollie.server import FakeMollie
from tests.fake_mollie.traps import Trap
from tests.fakes.faults import Fault
from tests.fakes.shop import BACK
from tests.mollie.conftest import MollieShop
from tests.reconciliation.conftest import violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_agree(mollie_shop: MollieShop) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert violations() == []


@pytest.mark.parametrize("signed", [False, True], ids=["hint", "event"])
def test_a_customer_pays_on_mollies_page(mollie_shop: MollieShop, signed: bool) -> None:
    payment = mollie_shop.pay()
    assert payment["status"] == "requires_action"
    afterwards.pay(mollie_shop.books, mollie_shop.at_mollie(payment)["id"])
    assert mollie_shop.tell(signed=signed) == [200]
    read = mollie_shop.payment(payment)
    assert (read["status"], read["amount_captured"], mollie_shop.effects()) == ("captured", 50_00, [("sale", 50_00)])


def test_what_is_sent_says_what_it_is_about(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.pay(description="Tulips")
    made = mollie_shop.at_mollie(payment)
    assert made["amount"] == {"currency": "EUR", "value": "50.00"}
    assert (made["description"], made["redirectUrl"], made["method"]) == ("Tulips", BACK, "ideal")
    assert made["webhookUrl"].endswith(f"/providers/mollie/{mollie_shop.account.id}/webhooks")
    assert made["metadata"]["onetill_operation"] == Operation.objects.get().id


def test_the_customer_chooses_the_method_on_the_page(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.pay(method=None)
    name = mollie_shop.at_mollie(payment)["id"]
    afterwards.pay(mollie_shop.books, name, "creditcard")
    mollie_shop.tell()
    read = mollie_shop.payment(payment)
    assert (read["method"], read["card"]["brand"], read["card"]["last4"]) == ("card", "visa", "1234")


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        (afterwards.fail, "declined", "declined"),
        (afterwards.cancel, "canceled", "canceled"),
        (afterwards.expire, "expired", "expired"),
    ],
    ids=["failed", "canceled", "expired"],
)
def test_an_attempt_ends_and_is_paid_all_the_same(mollie_shop: MollieShop, end: object, status: str, code: str) -> None:
    payment = mollie_shop.pay()
    name = mollie_shop.at_mollie(payment)["id"]
    end(mollie_shop.books, name)  # type: ignore[operator]
    mollie_shop.tell()
    read = mollie_shop.payment(payment)
    assert (read["status"], read["failure"]["code"]) == (status, code)
    mollie_shop.books.later(seconds=5)
    afterwards.pay(mollie_shop.books, name)
    mollie_shop.tell()
    assert mollie_shop.payment(payment)["status"] == "captured"


def test_the_end_of_an_old_attempt_does_not_touch_what_another_one_paid(mollie_shop: MollieShop) -> None:
    old = mollie_shop.pay(order_reference="W-1", order_total=50_00)
    new = mollie_shop.pay(order_reference="W-1", order_total=50_00)
    afterwards.pay(mollie_shop.books, mollie_shop.at_mollie(new)["id"])
    mollie_shop.tell()
    afterwards.expire(mollie_shop.books, mollie_shop.at_mollie(old)["id"])
    mollie_shop.tell()
    new = mollie_shop.payment(new)
    assert (mollie_shop.payment(old)["status"], new["status"]) == ("expired", "captured")
    assert Order.objects.get().captured == 50_00


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE, Fault.SLOW])
def test_a_payment_whose_answer_never_came_is_found_among_all(
    mollie_shop: MollieShop, fake_mollie: FakeMollie, fault: Fault
) -> None:
    mollie_shop.pay()
    fake_mollie.faults.silence = 0.1
    fake_mollie.faults.plan(fault)
    payment = mollie_shop.pay(60_00)
    for _ in range(3):
        mollie_shop.pay(70_00)  # newer than the one that is looked for
    assert mollie_shop.payment(payment)["status"] == "unknown"
    mollie_shop.work()
    assert mollie_shop.payment(payment)["status"] == "requires_action"
    assert len([row for row in mollie_shop.books.all("tr") if row["amount"]["value"] == "60.00"]) == 1


def test_what_mollie_never_received_is_declined(mollie_shop: MollieShop, fake_mollie: FakeMollie) -> None:
    fake_mollie.faults.plan(Fault.DROPPED_NOT_DONE)
    payment = mollie_shop.pay()
    assert mollie_shop.payment(payment)["status"] == "unknown"
    mollie_shop.work()
    read = mollie_shop.payment(payment)
    assert (read["status"], read["failure"]["code"]) == ("declined", "not_received")
    assert mollie_shop.books.all("tr") == []


def test_a_hint_about_a_payment_whose_answer_never_came(mollie_shop: MollieShop, fake_mollie: FakeMollie) -> None:
    """Mollie tells us before we know its name for the payment; a hint has no other."""
    fake_mollie.faults.plan(Fault.DROPPED_DONE)
    payment = mollie_shop.pay()
    afterwards.pay(mollie_shop.books, mollie_shop.at_mollie(payment)["id"])
    assert mollie_shop.tell() == [200]
    assert mollie_shop.payment(payment)["status"] == "captured"


def test_hints_and_events_come_twice_late_and_in_any_order(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.paid()
    name = mollie_shop.at_mollie(payment)["id"]
    for _ in range(3):
        assert mollie_shop.hint(name) == 200
        mollie_shop.work()
    assert mollie_shop.payment(payment)["amount_captured"] == 50_00
    hint = ProviderEvent.objects.get(event_id=f"classic:{name}")
    assert hint.deliveries == 4


def test_a_hint_about_a_strangers_payment_asks_nobody(mollie_shop: MollieShop, fake_mollie: FakeMollie) -> None:
    asked = len(fake_mollie.received)
    assert mollie_shop.hint("tr_of0somebody1else") == 200
    mollie_shop.work()
    assert len(fake_mollie.received) == asked


@pytest.mark.parametrize(
    "body", [b"id=ord_1", b"id=tr_1&id=tr_2", b"id=tr_1%27--", b"id=" + b"tr_" + b"x" * 100, b"id=", b"tr_1", b"\xff=1"]
)
def test_what_is_no_hint_needs_a_signature(mollie_shop: MollieShop, body: bytes) -> None:
    assert mollie_shop.send(body, {"Content-Type": "application/x-www-form-urlencoded"}) == 400


def test_a_forged_event_is_refused_and_one_of_two_signatures_is_enough(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.pay()
    afterwards.pay(mollie_shop.books, mollie_shop.at_mollie(payment)["id"])
    body = json.dumps(webhooks.event(mollie_shop.books, *mollie_shop.happened.pop())).encode()
    assert mollie_shop.send(body, webhooks.signed(body, "not the secret")) == 400
    assert mollie_shop.send(body, {"Content-Type": "application/json"}) == 400
    Operation.objects.update(due_at=None)  # nothing but the event finds it
    mollie_shop.work()
    assert mollie_shop.payment(payment)["status"] == "requires_action"
    assert mollie_shop.send(body, webhooks.signed(body, "the new secret", "secret_bloem")) == 200
    mollie_shop.work()
    assert mollie_shop.payment(payment)["status"] == "captured"


def test_an_event_says_nothing_that_mollie_does_not_say_when_asked(mollie_shop: MollieShop) -> None:
    """An event is true of the moment at which it was made: what is true now is read."""
    payment = mollie_shop.pay()
    made = mollie_shop.at_mollie(payment)
    lie = {**made, "status": "paid", "paidAt": mollie_shop.books.stamp()}
    mollie_shop.happened.append(("payment.paid", lie))
    assert mollie_shop.tell(signed=True) == [200]
    assert mollie_shop.payment(payment)["status"] == "requires_action"


def test_metadata_may_come_back_as_a_text(mollie_shop: MollieShop, fake_mollie: FakeMollie) -> None:
    fake_mollie.traps.always(Trap.METADATA_AS_TEXT)
    assert mollie_shop.paid()["status"] == "captured"


@pytest.mark.parametrize("pending", [False, True], ids=["at once", "later"])
def test_part_of_what_is_held_is_captured(mollie_shop: MollieShop, fake_mollie: FakeMollie, pending: bool) -> None:
    payment = mollie_shop.paid(method="card", capture="manual")
    assert payment["status"] == "authorized"
    if pending:
        fake_mollie.traps.set(Trap.CAPTURE_PENDING)
    mollie_shop.ask(f"/v1/payments/{payment['id']}/capture", amount=30_00, final=True)
    if pending:
        assert mollie_shop.payment(payment)["amount_captured"] == 0
        afterwards.carry_out_capture(mollie_shop.books, mollie_shop.books.all("cpt")[0]["id"])
        mollie_shop.tell()
    assert mollie_shop.payment(payment)["amount_captured"] == 30_00
    mollie_shop.tell()
    assert mollie_shop.payment(payment)["amount_captured"] == 30_00
    assert mollie_shop.effects() == [("capture", 30_00)]


def test_a_capture_whose_answer_never_came_is_found_by_its_operation(
    mollie_shop: MollieShop, fake_mollie: FakeMollie
) -> None:
    payment = mollie_shop.paid(method="card", capture="manual")
    fake_mollie.faults.plan(Fault.DROPPED_DONE)
    mollie_shop.ask(f"/v1/payments/{payment['id']}/capture")
    assert mollie_shop.payment(payment)["amount_captured"] == 0
    mollie_shop.work()
    assert mollie_shop.payment(payment)["amount_captured"] == 50_00
    assert mollie_shop.effects() == [("capture", 50_00)]


@pytest.mark.parametrize("way", ["cancelable", "release", "ignored"])
def test_what_is_held_is_given_up(mollie_shop: MollieShop, fake_mollie: FakeMollie, way: str) -> None:
    payment = mollie_shop.paid(method="card", capture="manual")
    made = mollie_shop.at_mollie(payment)
    made["isCancelable"] = way == "cancelable"
    if way == "ignored":  # 202, and nothing comes of it until the bank's own clock runs out
        fake_mollie.traps.set(Trap.RELEASE_IGNORED)
    mollie_shop.ask(f"/v1/payments/{payment['id']}/cancel")
    assert mollie_shop.payment(payment)["status"] == ("authorized" if way == "ignored" else "canceled")
    if way == "ignored":
        afterwards.expire(mollie_shop.books, made["id"])
        mollie_shop.tell()
        assert mollie_shop.payment(payment)["status"] in ("canceled", "expired")


def test_a_payment_that_nobody_can_cancel_stays_as_it_is(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.pay()
    mollie_shop.ask(f"/v1/payments/{payment['id']}/cancel")
    cancel = mollie_shop.payment(payment)["operations"][-1]
    assert (cancel["outcome"], cancel["failure"]["code"]) == (Outcome.DECLINED, "not_cancelable")
    afterwards.pay(mollie_shop.books, mollie_shop.at_mollie(payment)["id"])
    mollie_shop.tell()
    assert mollie_shop.payment(payment)["status"] == "captured"


def test_a_cancellation_that_crosses_the_customer(mollie_shop: MollieShop, fake_mollie: FakeMollie) -> None:
    payment = mollie_shop.pay(method="bank_transfer")
    fake_mollie.traps.set(Trap.CANCEL_CROSSES_TAP)
    mollie_shop.ask(f"/v1/payments/{payment['id']}/cancel")
    assert mollie_shop.payment(payment)["operations"][-1]["failure"]["code"] == "already_paid"
    mollie_shop.tell()
    assert mollie_shop.payment(payment)["status"] == "captured"


def test_an_authorization_that_runs_out(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.paid(method="card", capture="manual")
    afterwards.expire(mollie_shop.books, mollie_shop.at_mollie(payment)["id"])
    mollie_shop.tell()
    assert mollie_shop.payment(payment)["status"] == "expired"


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.NO_PERMISSION])
def test_what_mollie_turned_away_at_the_door_is_sent_again(
    mollie_shop: MollieShop, fake_mollie: FakeMollie, fault: Fault
) -> None:
    fake_mollie.faults.plan(fault)
    payment = mollie_shop.pay()
    mollie_shop.work()
    assert mollie_shop.payment(payment)["status"] == "requires_action"


def test_what_was_paid_at_mollie_without_us_is_told_by_a_signed_event_only(mollie_shop: MollieShop) -> None:
    """A payment link made at the dashboard: its hint is about nobody's payment, its event is proven."""
    made = mollie_shop.books.add(
        "tr",
        amount={"currency": "EUR", "value": "12.00"},
        description="Link",
        method="ideal",
        metadata=None,
        status="open",
        captureMode="automatic",
        isCancelable=False,
        expiresAt="2099-01-01T00:00:00+00:00",
    )
    afterwards.pay(mollie_shop.books, made["id"])
    assert mollie_shop.tell(signed=True) == [200]
    assert ProviderEvent.objects.get().status == ProviderEvent.Status.WAITING
