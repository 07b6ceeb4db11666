"""Stripe's payouts become settlements: read at Stripe when it says they are complete, and booked like any other."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.ledger.models import Posting
from payments.models import Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from reconciliation.models import Announcement, Payout, Settlement, SettlementFile
from reconciliation.services import read_sources, rematch
from reconciliation.services.import_file import import_due
from tests.fake_stripe import afterwards
from tests.fake_stripe.books import DISPUTE_FEE, Object, fee_of
from tests.fake_stripe.faults import Fault
from tests.fake_stripe.server import FakeStripe
from tests.reconciliation.conftest import violations
from tests.stripe.conftest import StripeShop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def reconcile(shop: StripeShop) -> None:
    """What workers do once Stripe's events are in."""
    shop.deliver()
    Announcement.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    read_sources.read_due()
    import_due()


def settled(shop: StripeShop, payout: Object) -> Settlement:
    """What was booked of a payout."""
    settlement = Settlement.objects.get(reference=payout["id"])
    assert settlement.net == payout["amount"]
    assert settlement.file.status == "imported"
    assert settlement.file.format == "stripe_payout"
    assert violations() == []
    return settlement


def balances(shop: StripeShop) -> dict[str, int]:
    """Balance by the first word of the account, debit positive; what nets to zero is left out."""
    sums: dict[str, int] = {}
    for row in Posting.objects.filter(account__merchant_id=shop.shop.merchant.id).select_related("account"):
        name = f"{row.account.code.partition(':')[0]} {row.account.currency}"
        sums[name] = sums.get(name, 0) + row.amount
    return {name: amount for name, amount in sums.items() if amount}


def test_a_payout_settles_everything_to_zero(stripe_shop: StripeShop) -> None:
    """Sales, a capture in part, refunds by us and at the dashboard, a refund that came back, a bill."""
    sold = [stripe_shop.pay(50_00 + at) for at in range(0, 700, 100)]
    held = stripe_shop.pay(80_00, capture="manual")
    stripe_shop.ask(f"/v1/payments/{held['id']}/capture", amount=60_00)
    page = stripe_shop.pay(45_00, token=None, method="ideal")
    afterwards.pay(stripe_shop.books, page["next_action"]["url"].rpartition("/")[2])
    stripe_shop.deliver()
    stripe_shop.refund(sold[0], 20_00)
    failing = stripe_shop.refund(sold[1], 10_00)
    afterwards.end_refund(stripe_shop.books, stripe_shop.books.all("re")[0]["id"], "failed")
    afterwards.dashboard_refund(stripe_shop.books, stripe_shop.intent(sold[2])["id"], 5_00)
    stripe_shop.refund(sold[3], 10_10)  # pending, and it fails before it ever succeeded
    afterwards.end_refund(stripe_shop.books, stripe_shop.books.all("re")[0]["id"], "failed")
    afterwards.bill(stripe_shop.books, 3_50)
    payout = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)

    settlement = settled(stripe_shop, payout)
    cards = [*(50_00 + at for at in range(0, 700, 100)), 60_00]
    assert settlement.fee == sum(fee_of("card", amount) for amount in cards) + fee_of("ideal", 45_00)
    found = balances(stripe_shop)
    assert stripe_shop.refunded(failing)["status"] == "failed"
    assert "receivable EUR" not in found
    assert found["in_transit EUR"] == payout["amount"]
    assert found["fees EUR"] == settlement.fee + 3_50
    assert list(Discrepancy.objects.exclude(status="resolved").values_list("detail", flat=True)) == []
    shown = stripe_shop.api.get("/v1/payouts").json()["data"]
    assert [(row["reference"], row["amount"], row["status"]) for row in shown] == [
        (payout["id"], payout["amount"], "announced")
    ]


@pytest.mark.parametrize("end", ["won", "lost"])
def test_disputes_and_their_fees(stripe_shop: StripeShop, end: str) -> None:
    payment, other = stripe_shop.pay(50_00), stripe_shop.pay(90_00)
    dispute = afterwards.dispute(stripe_shop.books, stripe_shop.intent(payment)["id"])
    first = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    assert settled(stripe_shop, first).fee == fee_of("card", 50_00) + fee_of("card", 90_00) + DISPUTE_FEE
    afterwards.close_dispute(stripe_shop.books, dispute["id"], end)
    stripe_shop.pay(30_00)
    second = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    settled(stripe_shop, second)
    found = balances(stripe_shop)
    assert "receivable EUR" not in found
    assert found.get("chargebacks EUR", 0) == (0 if end == "won" else 50_00)
    assert "disputed EUR" not in found
    assert other["status"] == "captured"


def test_another_currency_goes_over_exchange(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(100_00, currency="USD")
    stripe_shop.refund(payment, 20_00)
    payout = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    settled(stripe_shop, payout)
    found = balances(stripe_shop)
    assert "receivable USD" not in found
    assert "receivable EUR" not in found
    assert (found["exchange USD"], found["exchange EUR"]) == (80_00, -72_00)
    kinds = set(Discrepancy.objects.values_list("kind", flat=True))
    assert kinds <= {DiscrepancyKind.CURRENCY_DIFFERS}


@pytest.mark.parametrize("end", ["won", "lost"])
def test_a_dispute_in_another_currency_goes_over_exchange_too(stripe_shop: StripeShop, end: str) -> None:
    payment = stripe_shop.pay(100_00, currency="USD")
    dispute = afterwards.dispute(stripe_shop.books, stripe_shop.intent(payment)["id"], 40_00)
    stripe_shop.pay(50_00)
    settled(stripe_shop, pay_out(stripe_shop))
    afterwards.close_dispute(stripe_shop.books, dispute["id"], end)
    stripe_shop.pay(30_00)
    settled(stripe_shop, pay_out(stripe_shop))
    found = balances(stripe_shop)
    assert {name for name in found if name.startswith(("receivable", "disputed", "suspense"))} == set()
    left = 100_00 if end == "won" else 60_00
    assert (found["exchange USD"], found["exchange EUR"]) == (left, -left * 9 // 10)
    assert found.get("chargebacks USD", 0) == 100_00 - left


def pay_out(shop: StripeShop) -> Object:
    """What Stripe pays out, read and booked."""
    payout = afterwards.pay_out(shop.books)
    reconcile(shop)
    return payout


def test_news_twice_and_a_sweep_that_dies_read_it_once(stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
    stripe_shop.pay(50_00)
    payout = afterwards.pay_out(stripe_shop.books)
    stripe_shop.books.emit("payout.reconciliation_completed", payout)
    reconcile(stripe_shop)
    Announcement.objects.update(due_at=timezone.now())  # as after a worker that was killed at the end
    read_sources.read_due()
    import_due()
    settled(stripe_shop, payout)
    assert (Settlement.objects.count(), SettlementFile.objects.count(), Payout.objects.count()) == (1, 1, 1)
    assert not Announcement.objects.filter(due_at__isnull=False).exists()


def test_a_worker_that_dies_between_reading_and_booking(stripe_shop: StripeShop) -> None:
    stripe_shop.pay(50_00)
    payout = afterwards.pay_out(stripe_shop.books)
    stripe_shop.deliver()
    read_sources.read_due()
    Announcement.objects.update(due_at=timezone.now(), file=None)
    read_sources.read_due()
    import_due()
    settled(stripe_shop, payout)
    assert SettlementFile.objects.count() == 1


@pytest.mark.parametrize("fault", [Fault.DROPPED_NOT_DONE, Fault.ERROR_NOT_DONE, Fault.RATE_LIMITED, Fault.UNREADABLE])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_stripe_that_does_not_answer_is_asked_again(
    stripe_shop: StripeShop, fake_stripe: FakeStripe, fault: Fault, after: int
) -> None:
    stripe_shop.pay(50_00)
    payout = afterwards.pay_out(stripe_shop.books)
    stripe_shop.deliver()
    fake_stripe.faults.plan(*[None] * after, fault)
    read_sources.read_due()
    assert not SettlementFile.objects.exists()
    assert Announcement.objects.get().detail
    reconcile(stripe_shop)
    settled(stripe_shop, payout)


def test_a_long_payout_is_read_in_pages(stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
    payment = stripe_shop.pay(500_00)
    for _ in range(230):
        afterwards.bill(stripe_shop.books, 1)
    payout = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    assert settled(stripe_shop, payout).lines.count() == 231
    pages = [request for request in fake_stripe.received if request.endpoint == "GET /v1/balance_transactions"]
    assert len(pages) == 3
    assert payment["status"] == "captured"


def test_what_is_not_complete_waits_and_a_manual_payout_is_left_to_the_bank(stripe_shop: StripeShop) -> None:
    stripe_shop.pay(50_00)
    payout = afterwards.pay_out(stripe_shop.books, complete=False)
    stripe_shop.books.emit("payout.reconciliation_completed", payout)  # told too early
    reconcile(stripe_shop)
    assert not SettlementFile.objects.exists()
    assert Announcement.objects.get().due_at is not None
    payout["reconciliation_status"] = "not_applicable"
    reconcile(stripe_shop)
    left = Announcement.objects.get()
    assert left.due_at is None
    assert "the bank statement shows it" in left.detail
    payout["reconciliation_status"] = "completed"
    stripe_shop.books.emit("payout.reconciliation_completed", payout)
    reconcile(stripe_shop)
    settled(stripe_shop, payout)


def test_a_payout_whose_event_got_lost_is_found_by_asking(stripe_shop: StripeShop) -> None:
    stripe_shop.pay(50_00)
    payout = afterwards.pay_out(stripe_shop.books)
    assert read_sources.look_for_lost() == 1
    assert read_sources.look_for_lost() == 0
    reconcile(stripe_shop)
    settled(stripe_shop, payout)
    assert SettlementFile.objects.count() == 1


@pytest.mark.parametrize("notified_first", [True, False], ids=["the event first", "the next payout first"])
def test_a_payout_that_the_bank_sends_back_is_paid_out_again(stripe_shop: StripeShop, notified_first: bool) -> None:
    stripe_shop.pay(50_00)
    first = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    settled(stripe_shop, first)
    afterwards.fail_payout(stripe_shop.books, first["id"])
    failed = stripe_shop.books.events[-1]
    if notified_first:
        reconcile(stripe_shop)
        assert balances(stripe_shop)["receivable EUR"] == first["amount"]
    else:
        stripe_shop._told += 1  # the event is late
    stripe_shop.pay(30_00)
    second = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    stripe_shop.deliver(failed)
    reconcile(stripe_shop)
    settled(stripe_shop, second)
    assert {row.reference: row.status for row in Payout.objects.all()} == {
        first["id"]: "failed",
        second["id"]: "announced",
    }
    found = balances(stripe_shop)
    assert "receivable EUR" not in found
    assert found["in_transit EUR"] == second["amount"] == first["amount"] + 30_00 - fee_of("card", 30_00)
    assert not Announcement.objects.filter(due_at__isnull=False).exists()


def test_a_settlement_may_come_before_the_webhook_of_what_it_settles(stripe_shop: StripeShop) -> None:
    """Refunded at the dashboard and paid out; the payout's event overtakes the refund's."""
    payment = stripe_shop.pay(50_00)
    afterwards.dashboard_refund(stripe_shop.books, stripe_shop.intent(payment)["id"], 20_00)
    payout = afterwards.pay_out(stripe_shop.books)
    stripe_shop.deliver(stripe_shop.books.events[-1])
    read_sources.read_due()
    import_due()
    settled(stripe_shop, payout)
    assert Discrepancy.objects.get().kind == DiscrepancyKind.MISSING_IN_BOOKS
    stripe_shop.deliver()
    rematch.rematch()
    assert "receivable EUR" not in balances(stripe_shop)
    assert not Discrepancy.objects.exclude(status="resolved").exists()
    assert violations() == []


def test_what_stripe_calls_by_an_unknown_name_is_kept_in_suspense(stripe_shop: StripeShop) -> None:
    stripe_shop.pay(50_00)
    afterwards.bill(stripe_shop.books, -1_00, "anticipation_repayment")
    payout = afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    settled(stripe_shop, payout)
    assert balances(stripe_shop)["suspense EUR"] == -1_00
    assert Discrepancy.objects.get().kind == DiscrepancyKind.UNKNOWN_LINE


def test_the_file_that_is_kept_holds_nothing_about_people(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00, customer={"email": "anna@example.org", "name": "Anna"})
    charge = stripe_shop.books.objects[stripe_shop.intent(payment)["latest_charge"]]
    charge["billing_details"] = {"name": "Anna de Vries", "email": "anna@example.org"}
    charge["metadata"]["note"] = "for Anna"
    afterwards.pay_out(stripe_shop.books)
    reconcile(stripe_shop)
    kept = SettlementFile.objects.get().file.read()
    assert b"Anna" not in kept
    assert b"anna" not in kept
    assert b"4242" not in kept


def test_an_old_lease_is_taken_over(stripe_shop: StripeShop) -> None:
    stripe_shop.pay(50_00)
    afterwards.pay_out(stripe_shop.books)
    stripe_shop.deliver()
    read_sources._store_announcements()
    assert len(read_sources._claim([])) == 1
    assert read_sources._claim([]) == []
    Announcement.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert len(read_sources._claim([])) == 1
