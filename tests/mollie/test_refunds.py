"""Refunds and chargebacks at Mollie: made, found again, refused as duplicates, queued, failing late, taken by the bank."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Chargeback, Operation, Refund
from tests.fake_mollie import afterwards
from tests.fake_mollie.server import FakeMollie
from tests.fake_mollie.traps import Trap
from tests.fakes.faults import Fault
from tests.mollie.conftest import MollieShop
from tests.reconciliation.conftest import violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_agree(mollie_shop: MollieShop) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert violations() == []


def older(**span: float) -> None:
    """Time goes by, for us."""
    long_ago = timezone.now() - timedelta(**span)
    Operation.objects.filter(verb="refund").update(created_at=long_ago, submitted_at=long_ago)


def made() -> tuple[str | None, str]:
    """What came of the newest refund: its outcome and why. (A debt that Mollie does not pay goes another way.)"""
    operation = Operation.objects.filter(verb="refund", executor="provider").latest("id")
    return operation.outcome, operation.failure_code


def posted(fake: FakeMollie) -> int:
    """How often a refund was asked for."""
    return sum(row.endpoint.startswith("POST") and row.endpoint.endswith("/refunds") for row in fake.received)


@pytest.mark.parametrize("signed", [False, True], ids=["hint", "event"])
def test_a_refund_is_pending_until_it_has_left(mollie_shop: MollieShop, fake_mollie: FakeMollie, signed: bool) -> None:
    payment = mollie_shop.paid()
    fake_mollie.traps.set(Trap.REFUND_QUEUED)  # Mollie waits for balance itself
    refund = mollie_shop.refund(payment, 20_00)
    assert refund["status"] == "pending"
    afterwards.refunds_leave(mollie_shop.books)
    assert mollie_shop.tell(signed=signed) == [200]
    assert mollie_shop.refunded(refund)["status"] == "succeeded"
    assert mollie_shop.payment(payment)["amount_refunded"] == 20_00
    assert mollie_shop.effects() == [("sale", 50_00), ("refund", 20_00)]


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE, Fault.UNREADABLE])
def test_a_refund_whose_answer_never_came_is_looked_for_and_never_repeated(
    mollie_shop: MollieShop, fake_mollie: FakeMollie, fault: Fault
) -> None:
    payment = mollie_shop.paid()
    fake_mollie.faults.plan(fault)
    refund = mollie_shop.refund(payment, 20_00)
    mollie_shop.work()
    if fault is Fault.UNREADABLE:  # not done: it may still be on its way, and then it certainly is not
        assert Operation.objects.get(verb="refund").outcome == "unknown"
        older(minutes=5)
        mollie_shop.work()
        mollie_shop.work()
    assert mollie_shop.refunded(refund)["status"] == "pending"
    assert len(mollie_shop.books.all("re")) == 1
    assert posted(fake_mollie) == (2 if fault is Fault.UNREADABLE else 1)


def test_nothing_is_sent_again_once_its_key_may_be_gone(mollie_shop: MollieShop, fake_mollie: FakeMollie) -> None:
    payment = mollie_shop.paid()
    fake_mollie.faults.plan(Fault.DROPPED_NOT_DONE)
    mollie_shop.refund(payment, 20_00)
    older(minutes=51)
    for _ in range(3):
        mollie_shop.work()
    assert posted(fake_mollie) == 1
    assert made() == ("declined", "not_received")


@pytest.mark.parametrize("trap", [Trap.KEY_RUNNING, Trap.KEY_FORGOTTEN])
def test_a_conflict_about_the_key_decides_nothing(mollie_shop: MollieShop, fake_mollie: FakeMollie, trap: Trap) -> None:
    """409: the first request runs. A key that is forgotten: a duplicate, which is ours, as its metadata say."""
    payment = mollie_shop.paid()
    if trap is Trap.KEY_FORGOTTEN:
        fake_mollie.faults.plan(Fault.RATE_LIMITED)
    fake_mollie.traps.set(Trap.KEY_RUNNING) if trap is Trap.KEY_RUNNING else None
    refund = mollie_shop.refund(payment, 20_00)
    operation = Operation.objects.get(verb="refund")
    if trap is Trap.KEY_RUNNING:
        assert operation.outcome == "unknown"
        older(minutes=5)
    else:
        body = mollie_shop.books.all("tr")[0]
        made = mollie_shop.books.add(
            "re",
            paymentId=body["id"],
            amount={"currency": "EUR", "value": "20.00"},
            description="W",
            metadata={"onetill_operation": operation.id},
            status="pending",
        )
        assert made["metadata"]
    mollie_shop.work()
    mollie_shop.work()
    assert mollie_shop.refunded(refund)["status"] == "pending"
    assert len(mollie_shop.books.all("re")) == 1


def test_a_second_equal_return_within_the_hour_waits_until_it_is_over(
    mollie_shop: MollieShop, fake_mollie: FakeMollie
) -> None:
    payment = mollie_shop.paid()
    first, second = mollie_shop.refund(payment, 10_00), mollie_shop.refund(payment, 10_00)
    assert (first["status"], made()) == ("pending", ("not_sent", "duplicate_refund"))
    older(minutes=70)  # longer than a key lives: what certainly was not made is sent again all the same
    mollie_shop.books.later(minutes=70)
    mollie_shop.work()
    assert mollie_shop.refunded(second)["status"] == "pending"
    assert [row["amount"]["value"] for row in mollie_shop.books.all("re")] == ["10.00", "10.00"]


def test_a_duplicate_of_what_somebody_gave_back_at_mollie_is_left_to_a_person(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.paid()
    afterwards.refund_at_dashboard(mollie_shop.books, mollie_shop.at_mollie(payment)["id"], "10.00")
    mollie_shop.refund(payment, 10_00)
    assert made() == ("declined", "duplicate_refund")
    assert len(mollie_shop.books.all("re")) == 1


@pytest.mark.parametrize(
    ("trap", "code"), [(Trap.REFUND_UNAVAILABLE, "provider_unavailable"), (Trap.REFUND_SHORT, "balance_too_short")]
)
def test_what_mollie_certainly_did_not_do_is_sent_again(
    mollie_shop: MollieShop, fake_mollie: FakeMollie, trap: Trap, code: str
) -> None:
    payment = mollie_shop.paid()
    fake_mollie.traps.set(trap)
    refund = mollie_shop.refund(payment, 20_00)
    assert Operation.objects.get(verb="refund").failure_code == code
    older(hours=3)
    mollie_shop.work()
    assert mollie_shop.refunded(refund)["status"] == "pending"


def test_more_than_what_is_left_is_refused(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.paid()
    afterwards.refund_at_dashboard(mollie_shop.books, mollie_shop.at_mollie(payment)["id"], "45.00")
    mollie_shop.refund(payment, 20_00)
    assert made() == ("declined", "invalid_request")
    assert "maximum" in Operation.objects.get(verb="refund", executor="provider").failure_detail


@pytest.mark.parametrize("done", [False, True], ids=["before it left", "after it was done"])
def test_a_refund_that_comes_back(mollie_shop: MollieShop, done: bool) -> None:
    payment = mollie_shop.paid()
    mollie_shop.refund(payment, 20_00)
    if done:
        afterwards.refunds_leave(mollie_shop.books)
        mollie_shop.tell()
    afterwards.refund_comes_back(mollie_shop.books, mollie_shop.books.all("re")[0]["id"])
    mollie_shop.tell()
    assert made() == ("declined", "refund_failed")
    assert mollie_shop.payment(payment)["amount_refunded"] == 0


def test_what_somebody_gives_back_at_mollie_is_booked(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.paid()
    afterwards.refund_at_dashboard(mollie_shop.books, mollie_shop.at_mollie(payment)["id"], "15.00")
    afterwards.refunds_leave(mollie_shop.books)
    mollie_shop.tell()
    assert mollie_shop.payment(payment)["amount_refunded"] == 15_00
    assert Refund.objects.get().status == "succeeded"


def test_a_chargeback_and_its_reversal(mollie_shop: MollieShop) -> None:
    payment = mollie_shop.paid()
    taken = afterwards.charge_back(mollie_shop.books, mollie_shop.at_mollie(payment)["id"], "50.00")
    mollie_shop.tell()
    assert Chargeback.objects.get().status == "open"
    assert mollie_shop.payment(payment)["status"] == "captured", "Mollie keeps it paid, and so do we"
    mollie_shop.hint(mollie_shop.at_mollie(payment)["id"])  # a late webhook does not pay it anew
    mollie_shop.work()
    afterwards.reverse_chargeback(mollie_shop.books, taken["id"])
    mollie_shop.tell()
    chargeback = Chargeback.objects.get()
    assert (chargeback.status, chargeback.amount) == ("won", 50_00)
    assert mollie_shop.payment(payment)["amount_captured"] == 50_00
