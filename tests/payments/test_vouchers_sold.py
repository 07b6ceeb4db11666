"""A voucher that was sold on an order and that order's refund never both stand; where a device makes it so, it is told."""

import pytest

from payments.core.errors import Invalid
from payments.core.money import Money
from payments.models import Discrepancy, Payment
from payments.payloads import payment as shape_of
from payments.services.card_present.types import Kind, Original
from payments.services.refunds.plan import Plan
from payments.services.refunds.request import plan_refund
from payments.services.voucher import NewVoucher, VoucherRequest, create_voucher
from tests.builders import BY, Shop, fresh, only, open_shop, report_dispute

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def sell(shop: Shop, payment: Payment, amount: int) -> NewVoucher:
    request = VoucherRequest(merchant=shop.merchant, amount=Money(amount, "EUR"), order=payment.order)
    return create_voucher(request, actor=BY)


def discrepancies() -> list[tuple[str, int | None, str]]:
    return [(row.kind, row.amount, row.status) for row in Discrepancy.objects.order_by("id")]


def test_what_was_sold_as_a_voucher_is_not_given_back(shop: Shop) -> None:
    paid = shop.pay_cash(8_000, order_total=8_000)
    gift = sell(shop, paid, 5_000)
    order = fresh(paid.order)
    plan: Plan = plan_refund(shop.asks(order, channel=shop.store), actor=BY)
    assert (plan.amount, plan.amount_refundable) == (3_000, 3_000)
    with pytest.raises(Invalid, match="amount_exceeds_refundable") as refused:
        shop.refund(order, 8_000, channel=shop.store)
    assert refused.value.members["amount_refundable"] == 3_000
    shop.refund(order, 3_000, channel=shop.store)
    with pytest.raises(Invalid, match="amount_exceeds_refundable") as refused:
        shop.refund(order, 100, channel=shop.store)
    assert refused.value.members["amount_refundable"] == 0
    spent = shop.pay(5_000, method="voucher", channel=shop.store, voucher_code=gift.code)
    assert spent.status == "captured"
    books = shop.books()
    assert only(books, "takings", "returns", "vouchers") == {"takings": -8_000, "returns": 3_000, "vouchers": 0}
    assert discrepancies() == []


def test_nothing_is_left_of_a_payment_that_became_a_voucher(shop: Shop) -> None:
    paid = shop.pay_cash(5_000)
    sell(shop, paid, 5_000)
    shown = shape_of(Payment.objects.select_related("merchant", "order", "channel", "provider_account").get(id=paid.id))
    assert shown["amount_refundable"] == 0
    with pytest.raises(Invalid, match="amount_exceeds_paid"):
        sell(shop, paid, 50)


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.REVERSAL])
def test_a_device_that_gives_it_back_all_the_same_is_told_of(shop: Shop, kind: Kind) -> None:
    paid = shop.pin(5_000, order_reference="GIFT-2")
    gift = sell(shop, paid, 5_000)
    done = shop.at_terminal(kind, 5_000, original=Original(payment_id=paid.id))
    assert [row.kind for row in done.discrepancies] == ["over_returned"]
    assert discrepancies() == [("over_returned", 5_000, "open")]
    assert "vouchers" in Discrepancy.objects.get().detail
    assert fresh(gift.voucher).balance == 5_000


def test_a_chargeback_beside_a_voucher_is_told_of_while_it_is_true(shop: Shop) -> None:
    paid = shop.pin(5_000, order_reference="GIFT-4")
    sell(shop, paid, 2_000)
    report_dispute(paid, "chargeback", "open")
    assert discrepancies() == [("over_returned", 2_000, "open")]
    report_dispute(paid, "chargeback", "won")
    assert discrepancies() == [("over_returned", 2_000, "resolved")]
    assert fresh(paid.order).refundable == 3_000
