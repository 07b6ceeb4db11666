"""What an order costs binds every charge that we decide; what happened anyway is booked, and told while it is true."""

from typing import Any

import pytest

from payments.core.errors import Conflict, Invalid, OnetillError
from payments.models import Discrepancy, Order
from payments.people.models import AuditLog
from payments.queries.due import due
from payments.services.create import Acknowledgement
from tests.builders import Shop, fresh, open_shop, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

BUSY = 510  # the provider has it under way for some seconds
IN_DOUBT = 1_022  # the provider takes it, and its answer is lost


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def refused(shop: Shop, amount: int, order: Order, **more: Any) -> OnetillError:
    with pytest.raises(OnetillError) as refusal:
        shop.pay(amount, order=order, **more)
    return refusal.value


def overpaid() -> list[tuple[int | None, str]]:
    rows = Discrepancy.objects.filter(kind="overpaid").order_by("id")
    return [(row.amount, row.status) for row in rows]


def left(order: Order) -> int | None:
    return due(fresh(order), order.payments.all())


class TestATotalThatIsKnown:
    def test_binds_without_being_sent_again(self, shop: Shop) -> None:
        order = shop.pay(1_000, order_total=1_000).order
        for way in ({"method": "card"}, {"method": "cash", "channel": shop.store}, {"method": "ideal"}):
            refusal = refused(shop, 50, order, return_url="https://shop.example", **way)
            assert (refusal.status, refusal.code, refusal.members["due"]) == (422, "amount_exceeds_due", 0)
        gift = shop.voucher(1_000)
        assert refused(shop, 50, order, method="voucher", voucher_code=gift.code).code == "amount_exceeds_due"
        assert fresh(gift.voucher).balance == 1_000
        assert fresh(order).captured == 1_000

    def test_says_how_much_is_due(self, shop: Shop) -> None:
        order = shop.pay(400, order_total=1_000).order
        refusal = refused(shop, 650, order)
        assert (refusal.code, refusal.members["due"], left(order)) == ("amount_exceeds_due", 600, 600)
        assert "6.00" in refusal.detail
        assert shop.pay(600, order=order).status == "captured"

    def test_is_changed_first_by_the_request_that_names_another(self, shop: Shop) -> None:
        order = shop.pay(1_000, order_total=1_000).order
        assert shop.pay(500, order=order, order_total=1_500).status == "captured"
        refusal = refused(shop, 50, order, order_total=1_450)
        assert (refusal.code, refusal.members["paid"]) == ("order_total_below_paid", 1_500)
        assert fresh(order).total == 1_500

    def test_may_be_lowered_to_what_was_paid_and_not_given_back(self, shop: Shop) -> None:
        payment = shop.pay(1_000, order_total=1_000)
        shop.refund(payment, 400)
        work()
        assert refused(shop, 50, payment.order, order_total=550).code == "order_total_below_paid"
        refusal = refused(shop, 50, payment.order, order_total=600)
        assert (refusal.code, refusal.members["due"]) == ("amount_exceeds_due", 0)

    def test_what_is_due_is_unchanged_by_refunds(self, shop: Shop) -> None:
        payment = shop.pay(1_000, order_total=1_500)
        shop.refund(payment)
        work()
        assert left(payment.order) == 500

    def test_what_is_authorized_is_not_due(self, shop: Shop) -> None:
        order = shop.pay(700, order_total=1_000, manual_capture=True).order
        assert left(order) == 300
        assert refused(shop, 350, order).members["due"] == 300

    def test_binds_an_exchange(self, shop: Shop) -> None:
        returned, bought = shop.pay(1_000), shop.pay(1_000, order_total=1_000).order
        with pytest.raises(Invalid) as refusal:
            shop.refund(returned, channel=shop.store, exchange_for=bought)
        assert (refusal.value.code, refusal.value.param) == ("amount_exceeds_due", "exchange_for")


class TestAChargeUnderWay:
    def test_is_no_longer_due(self, shop: Shop) -> None:
        order = shop.pay(400, order_total=1_000).order
        requested = shop.pay(BUSY, order=order)
        assert (requested.status, left(order)) == ("processing", 90)
        refusal = refused(shop, 150, order)
        assert isinstance(refusal, Conflict)
        assert (refusal.code, refusal.members["payment"]) == ("payment_in_progress", requested.id)
        assert 1 <= (refusal.retry_after or 0) <= 60
        assert refused(shop, 650, order).code == "amount_exceeds_due"  # whatever becomes of the other
        assert shop.pay(50, order=order).status == "captured"

    def test_a_redirect_that_waits_holds_nothing(self, shop: Shop) -> None:
        away: dict[str, Any] = {"method": "ideal", "return_url": "https://shop.example"}
        waiting = shop.pay(1_000, order_total=1_000, **away)
        assert (waiting.status, left(waiting.order)) == ("requires_action", 1_000)
        assert shop.pay(1_000, order=waiting.order, **away).status == "requires_action"
        assert shop.pay(1_000, order=waiting.order).status == "captured"


class TestAPaymentOfUnknownOutcome:
    def test_stops_every_charge_but_cash(self, shop: Shop) -> None:
        unknown = shop.pay(IN_DOUBT, order_total=3_000)
        assert unknown.status == "unknown"
        gift = shop.voucher(1_000)
        for way in ({"method": "card"}, {"method": "voucher", "voucher_code": gift.code}):
            refusal = refused(shop, 500, unknown.order, **way)
            assert (refusal.status, refusal.code) == (409, "outcome_unknown")
            assert refusal.members["payment"] == unknown.id
            assert refusal.members["age_seconds"] >= 0
        assert shop.pay_cash(500, order=unknown.order).status == "captured"
        bought = shop.pay(1_000)
        with pytest.raises(Conflict, match="outcome_unknown"):
            shop.refund(bought, channel=shop.store, exchange_for=unknown.order)

    def test_a_named_person_may_charge_beside_it(self, shop: Shop) -> None:
        unknown = shop.pay(IN_DOUBT)
        by = Acknowledgement(operator="Ada", reason="She waits at the counter.")
        paid = shop.pay(500, order=unknown.order, acknowledge_unknown=by)
        entry = AuditLog.objects.get(action="payment.acknowledge_unknown")
        assert entry.object_id == unknown.order.id
        assert entry.after == {
            "operator": "Ada",
            "reason": "She waits at the counter.",
            "payment": paid.id,
            "unknown": [unknown.id],
        }

    def test_where_nothing_is_unknown_nothing_was_decided(self, shop: Shop) -> None:
        shop.pay(500, acknowledge_unknown=Acknowledgement(operator="Ada", reason="to be sure"))
        assert not AuditLog.objects.filter(action="payment.acknowledge_unknown").exists()


class TestPaidTooMuch:
    def test_is_told_once_per_order_with_what_it_now_is(self, shop: Shop) -> None:
        order = shop.pay(1_000, order_total=1_000).order
        first = shop.pin(1_000, order=order)
        assert overpaid() == [(1_000, "open")]
        assert Discrepancy.objects.get().payment_id == first.id
        second = shop.pin(500, order=order)
        assert overpaid() == [(1_500, "open")]
        assert "15.00" in Discrepancy.objects.get().detail
        shop.pin_back(500, second)
        assert overpaid() == [(1_000, "open")]
        shop.pin_back(1_000, first)
        assert overpaid() == [(1_000, "resolved")]

    @pytest.mark.parametrize("total", [1_000, None])
    def test_closes_by_itself_once_it_is_given_back(self, shop: Shop, total: int | None) -> None:
        order = shop.pay(1_000, order_total=total).order
        again = shop.pin(1_000, order=order)
        assert overpaid() == [(1_000, "open")]
        shop.pin_back(1_000, again)
        assert overpaid() == [(1_000, "resolved")]

    def test_closes_by_itself_once_the_order_costs_that_much(self, shop: Shop) -> None:
        order = shop.pay(1_000, order_total=1_000).order
        shop.pin(600, order=order)
        shop.pay(150, order=order, order_total=1_750)
        assert overpaid() == [(600, "resolved")]

    def test_refunded_and_paid_again_by_another_card_is_paid_once(self, shop: Shop) -> None:
        order = shop.pin(4_000, order_reference="TILL-77").order
        shop.pin_back(4_000, order.payments.get())
        shop.pin(4_000, order=order)
        order.refresh_from_db()
        assert (order.captured, order.refunded, order.refundable) == (8_000, 4_000, 4_000)
        assert overpaid() == []

    def test_refunded_and_paid_again_with_a_total(self, shop: Shop) -> None:
        order = shop.pay(4_000, order_total=4_000).order
        shop.refund(order)  # promised: no worker has asked the provider yet
        shop.pin(4_000, order=order)
        assert overpaid() == []
        work()
        assert overpaid() == []

    def test_refunded_and_paid_again_without_a_terminal(self, shop: Shop) -> None:
        payment = shop.pay(4_000)
        shop.refund(payment)
        shop.pay(4_000, order=payment.order)
        work()
        assert overpaid() == []

    def test_a_refund_that_fails_after_it_was_paid_again_is_told(self, shop: Shop) -> None:
        payment = shop.pay(4_000, order_total=4_000)
        refund = shop.refund(payment, 1_001)  # which the provider refuses
        shop.pin(1_001, order=payment.order)
        assert overpaid() == []
        work()
        assert fresh(refund).status == "failed"
        assert overpaid() == [(1_001, "open")]

    def test_two_sales_without_a_refund_are_two(self, shop: Shop) -> None:
        order = shop.pin(4_000, order_reference="TILL-79").order
        shop.pin(4_000, order=order)
        assert overpaid() == [(4_000, "open")]

    def test_a_tip_and_cash_handed_out_are_not_too_much(self, shop: Shop) -> None:
        order = shop.pay(1_000, order_total=4_000).order
        shop.pin(4_000, order=order, tip=600, cashback=400)
        assert overpaid() == []

    def test_a_person_who_accepted_it_is_asked_again_about_more_only(self, shop: Shop) -> None:
        order = shop.pay(1_000, order_total=1_000).order
        shop.pin(500, order=order)
        Discrepancy.objects.update(status="resolved", resolution={"action": "accept"})
        shop.pin_back(100, order.payments.get(amount=500))
        assert overpaid() == [(500, "resolved")]
        shop.pin(100, order=order)
        assert overpaid() == [(500, "resolved"), (500, "open")]
