"""What a provider says of a refund: late, twice, in the wrong order, or of one that nobody here asked for."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.money import Money
from payments.models import Discrepancy, Operation, Payment, Refund, StatisticDelta
from payments.notify.models import Event
from payments.providers.base import Outcome, ProviderReport, ReportType, Result
from payments.services.record import Recording, record, record_answer
from payments.services.refunds.cancel import cancel_refund
from tests.builders import Shop, fresh, only, open_shop, work
from tests.simulator import RunningSimulator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

SUCCEEDED, DECLINED = Outcome.SUCCEEDED, Outcome.DECLINED


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def payment(shop: Shop) -> Payment:
    """50.00 by card in the webshop."""
    return shop.pay(5000)


def operation_of(refund: Refund) -> Operation:
    return Operation.objects.select_related("provider_account__merchant").get(refund_part__refund=refund)


def answer(refund: Refund, outcome: Outcome, *, at: datetime | None = None, **more: Any) -> None:
    """The provider tells what became of a refund of ours."""
    result = Result(outcome, reference=f"at_provider_{refund.id[-6:]}", occurred_at=at or timezone.now(), **more)
    record_answer(operation_of(refund), result, actor="provider")


def elsewhere(payment: Payment, amount: int, reference: str = "dashboard_1") -> Recording:
    """The provider tells of a refund that was made at its dashboard."""
    result = Result(
        SUCCEEDED,
        reference=reference,
        payment_reference=fresh(payment).provider_reference,
        amount=Money(amount, "EUR"),
        occurred_at=timezone.now(),
    )
    account = payment.provider_account
    return record(
        account, [ProviderReport(fact=ReportType.REFUND, result=result, reason="dashboard")], actor="provider"
    )


def open_kinds(shop: Shop) -> set[str]:
    return set(Discrepancy.objects.exclude(status="resolved").values_list("kind", flat=True))


def numbers(payment: Payment) -> dict[str, int]:
    order = fresh(payment.order)
    return {name: getattr(order, name) for name in ("refunded", "refund_reserved", "refundable", "excess")}


def figures() -> tuple[int, int]:
    rows = StatisticDelta.objects.values_list("refunds_count", "refunds_amount")
    return sum(row[0] for row in rows), sum(row[1] for row in rows)


class TestWhatWeRequested:
    def test_it_goes_back_the_way_it_came(self, shop: Shop, payment: Payment, simulator: RunningSimulator) -> None:
        refund = shop.refund(payment.order, 2000)
        assert (refund.status, numbers(payment)["refund_reserved"]) == ("pending", 2000)
        work()
        assert fresh(refund).status == "succeeded"
        assert numbers(payment) == {"refunded": 2000, "refund_reserved": 0, "refundable": 3000, "excess": 0}
        assert only(shop.books(), "receivable", "refunds_payable", "returns") == {
            "receivable": 3000,
            "refunds_payable": 0,
            "returns": 2000,
        }
        (effect,) = simulator.effects(account=payment.provider_account_id, verb="refund")
        assert (effect["amount"], effect["operation_id"]) == (2000, operation_of(refund).id)

    def test_the_same_answer_twice_is_once(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        for _ in range(2):
            answer(refund, SUCCEEDED)
        assert numbers(payment)["refunded"] == 2000
        assert Event.objects.filter(type="refund.succeeded").count() == 1

    def test_refused_it_holds_nothing_and_is_still_owed(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, DECLINED, code="no_balance")
        assert fresh(refund).status == "failed"
        assert numbers(payment) == {"refunded": 0, "refund_reserved": 0, "refundable": 5000, "excess": 0}
        assert only(shop.books(), "receivable", "refunds_payable") == {"receivable": 5000, "refunds_payable": -2000}

    def test_of_unknown_outcome_it_stands_open_until_the_truth_comes(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, Outcome.UNKNOWN)
        assert (fresh(refund).status, refund.parts.get().status) == ("pending", "unknown")
        assert (open_kinds(shop), numbers(payment)["refund_reserved"]) == ({"outcome_unknown"}, 2000)
        answer(refund, SUCCEEDED)
        assert (fresh(refund).status, open_kinds(shop)) == ("succeeded", set())

    def test_never_sent_it_waits_to_be_sent_again(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, Outcome.NOT_SENT)
        operation = operation_of(refund)
        assert (refund.parts.get().status, operation.outcome) == ("queued", "not_sent")
        assert operation.due_at is not None
        assert operation.due_at > timezone.now()
        assert cancel_refund(refund, actor="tests").status == "canceled"

    def test_on_its_way_it_cannot_be_canceled(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, Outcome.PENDING, expected_at=timezone.now() + timedelta(days=5))
        part = refund.parts.get()
        assert part.status == "pending"
        assert part.expected_at is not None
        assert part.expected_at > timezone.now() + timedelta(days=4)
        with pytest.raises(Exception, match="refund_not_cancelable"):
            cancel_refund(refund, actor="tests")

    def test_canceled_before_a_worker_came_it_is_never_sent(
        self, shop: Shop, payment: Payment, simulator: RunningSimulator
    ) -> None:
        refund = shop.refund(payment.order, 2000)
        cancel_refund(refund, actor="tests")
        work()
        assert fresh(refund).status == "canceled"
        assert simulator.effects(account=payment.provider_account_id, verb="refund") == []

    def test_another_amount_than_asked_is_told_to_finance(self, shop: Shop, payment: Payment) -> None:
        answer(shop.refund(payment.order, 2000), SUCCEEDED, amount=Money(1900, "EUR"))
        assert Discrepancy.objects.get(kind="amount_differs").amount == -100


class TestLateFailure:
    def test_what_came_back_is_owed_again(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, SUCCEEDED)
        answer(refund, DECLINED, code="account_closed")
        assert (fresh(refund).status, refund.parts.get().status) == ("failed", "failed")
        assert numbers(payment) == {"refunded": 0, "refund_reserved": 0, "refundable": 5000, "excess": 0}
        assert only(shop.books(), "receivable", "refunds_payable") == {"receivable": 5000, "refunds_payable": -2000}
        assert list(Event.objects.filter(type__startswith="refund.").order_by("id").values_list("type", flat=True)) == [
            "refund.pending",
            "refund.succeeded",
            "refund.failed",
        ]

    def test_told_before_the_success_it_is_still_the_later_truth(self, shop: Shop, payment: Payment) -> None:
        refund, now = shop.refund(payment.order, 2000), timezone.now()
        answer(refund, DECLINED, at=now)
        answer(refund, SUCCEEDED, at=now - timedelta(seconds=2))
        assert (fresh(refund).status, numbers(payment)["refunded"]) == ("failed", 0)

    def test_the_next_refund_takes_the_debt_over(self, shop: Shop, payment: Payment) -> None:
        failed = shop.refund(payment.order, 2000)
        answer(failed, DECLINED)
        again = shop.refund(payment.order, 2000, route="voucher")
        assert (fresh(failed).status, again.status) == ("canceled", "succeeded")
        assert failed.parts.get().reasons[-1]["code"] == "replanned"
        assert only(shop.books(), "refunds_payable", "returns", "vouchers") == {
            "refunds_payable": 0,
            "returns": 2000,
            "vouchers": -2000,
        }
        assert figures() == (1, 2000)

    def test_a_person_gives_the_debt_up(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, DECLINED)
        assert cancel_refund(refund, actor="usr_finance").status == "canceled"
        assert only(shop.books(), "refunds_payable", "returns") == {"refunds_payable": 0, "returns": 0}
        assert figures() == (0, 0)

    def test_failed_and_left_all_the_same(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, DECLINED)
        answer(refund, SUCCEEDED)
        assert (fresh(refund).status, numbers(payment)["refunded"]) == ("succeeded", 2000)
        assert only(shop.books(), "refunds_payable")["refunds_payable"] == 0

    def test_given_up_and_left_all_the_same(self, shop: Shop, payment: Payment) -> None:
        first = shop.refund(payment.order, 5000)
        answer(first, DECLINED)
        shop.refund(payment.order, 5000, route="voucher")
        answer(first, SUCCEEDED)
        assert fresh(first).status == "succeeded"
        assert numbers(payment) == {"refunded": 10_000, "refund_reserved": 0, "refundable": 0, "excess": 5000}
        assert open_kinds(shop) == {"over_returned"}
        assert only(shop.books(), "refunds_payable", "returns") == {"refunds_payable": 0, "returns": 10_000}
        assert figures() == (2, 10_000)

    def test_and_then_it_comes_back_again(self, shop: Shop, payment: Payment) -> None:
        first = shop.refund(payment.order, 5000)
        answer(first, DECLINED)
        shop.refund(payment.order, 5000, route="voucher")
        answer(first, SUCCEEDED)
        answer(first, DECLINED)
        assert (numbers(payment)["excess"], open_kinds(shop)) == (0, set())
        cancel_refund(first, actor="usr_finance")
        assert only(shop.books(), "refunds_payable", "returns") == {"refunds_payable": 0, "returns": 5000}
        assert figures() == (1, 5000)

    def test_what_came_back_does_not_leave_twice_without_a_person_looking(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        answer(refund, SUCCEEDED)
        answer(refund, DECLINED)
        answer(refund, SUCCEEDED, at=timezone.now() + timedelta(seconds=1))
        assert (fresh(refund).status, open_kinds(shop)) == ("failed", {"missing_in_books"})


class TestMadeElsewhere:
    def test_at_the_dashboard(self, shop: Shop, payment: Payment) -> None:
        elsewhere(payment, 2000)
        refund = payment.order.refunds.get()
        assert (refund.status, refund.reported, refund.parts.get().route) == ("succeeded", True, "original")
        assert numbers(payment) == {"refunded": 2000, "refund_reserved": 0, "refundable": 3000, "excess": 0}
        assert only(shop.books(), "receivable", "returns") == {"receivable": 3000, "returns": 2000}
        assert figures() == (1, 2000)

    def test_told_twice_it_is_one(self, payment: Payment) -> None:
        for _ in range(2):
            elsewhere(payment, 2000)
        assert payment.order.refunds.count() == 1

    def test_more_than_was_left_is_booked_and_told(self, shop: Shop, payment: Payment) -> None:
        shop.refund(payment.order, 4000, route="voucher")
        elsewhere(payment, 5000)
        assert numbers(payment) == {"refunded": 9000, "refund_reserved": 0, "refundable": 0, "excess": 4000}
        assert Discrepancy.objects.get(kind="over_returned").amount == 4000
        with pytest.raises(Exception, match="amount_exceeds_refundable"):
            shop.refund(payment.order, 1)

    def test_our_own_refunds_early_webhook_is_no_second_refund(self, shop: Shop, payment: Payment) -> None:
        refund = shop.refund(payment.order, 2000)
        recording = elsewhere(payment, 2000, reference="early")
        assert len(recording.waiting) == 1
        result = Result(SUCCEEDED, reference="early", occurred_at=timezone.now())
        record_answer(operation_of(refund), result, actor="system:worker")
        assert len(elsewhere(payment, 2000, reference="early").applied) == 1
        assert payment.order.refunds.count() == 1
        assert numbers(payment)["refunded"] == 2000

    def test_a_canceled_refund_of_ours_holds_nobody_up(self, shop: Shop, payment: Payment) -> None:
        cancel_refund(shop.refund(payment.order, 2000), actor="tests")
        assert len(elsewhere(payment, 500).applied) == 1

    def test_on_a_terminal_without_a_sale(self, shop: Shop) -> None:
        refund = shop.pin_back(1500)
        assert (refund.status, refund.parts.get().payment) == ("succeeded", None)
        assert fresh(refund.order).excess == 1500
        assert open_kinds(shop) == {"unlinked_refund", "over_returned"}
        assert only(shop.books(), "returns", "receivable") == {"returns": 1500, "receivable": -1500}
        assert figures() == (1, 1500)

    def test_on_a_terminal_for_its_sale(self, shop: Shop) -> None:
        sale = shop.pin(2000)
        refund = shop.pin_back(500, sale)
        assert (refund.order_id, refund.parts.get().route) == (sale.order_id, "terminal")
        assert numbers(sale)["refundable"] == 1500
        assert open_kinds(shop) == set()

    def test_on_the_terminal_that_was_asked_to(self, shop: Shop) -> None:
        sale = shop.pin(2000)
        at = {"route": "terminal", "terminal_id": shop.terminal.terminal_id, "channel": shop.store}
        requested = shop.refund(sale.order, 500, **at)
        done = shop.pin_back(500, sale)
        assert (done.id, done.status) == (requested.id, "succeeded")
        assert numbers(sale) == {"refunded": 500, "refund_reserved": 0, "refundable": 1500, "excess": 0}
        assert shop.pin_back(500, sale).id != requested.id
