"""Many ask at once for what is there once: exactly what fits is given back."""

from typing import Any

import pytest

from payments.core.errors import Invalid
from payments.models import Order, Voucher
from payments.services.refunds.plan import BankAccount
from tests.builders import Shop, fresh, only, open_shop
from tests.threads import crowd

pytestmark = pytest.mark.django_db(transaction=True)

ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")
THREADS = 20


@pytest.fixture
def shop() -> Shop:
    return open_shop(refund_fallback="voucher")


def test_a_hundred_refunds_of_one_order(shop: Shop) -> None:
    """Over three tenders and every route; 70.00 is there, and 1.00 is asked a hundred times."""
    order = shop.pin(3000).order
    shop.pay_cash(2500, order=order)
    shop.pay(1500, method="voucher", voucher_code=shop.voucher(1500).code, order=order)
    ways: list[dict[str, Any]] = [
        {"channel": shop.store},
        {"channel": shop.store, "allocation": "proportional"},
        {"route": "bank", "bank_account": ANNA},
        {"route": "voucher"},
        {"channel": shop.store, "route": "cash"},
        {"channel": shop.store, "terminal_id": shop.terminal.terminal_id},
    ]
    answers = crowd(100, lambda number: shop.refund(order, 100, **ways[number % len(ways)]), width=THREADS)
    refusals = [row for row in answers if isinstance(row, Invalid)]
    assert len(answers) - len(refusals) == 70
    # Whoever wants cash is told of the till where it was empty before the other tenders were.
    told = {(row.code, row.members.get("amount_refundable", row.members.get("balance"))) for row in refusals}
    assert ("amount_exceeds_refundable", 0) in told
    assert told <= {("amount_exceeds_refundable", 0), ("till_too_low", 0)}
    after = fresh(order)
    assert isinstance(after, Order)
    assert after.refunded + after.refund_reserved == 7000
    assert (after.refundable, after.excess) == (0, 0)
    assert only(shop.books(), "returns")["returns"] == 7000


def test_the_losers_of_a_race_for_everything_are_told_that_nothing_is_left(shop: Shop) -> None:
    order = shop.pin(5000).order
    answers = crowd(THREADS, lambda _: shop.refund(order), width=THREADS)
    refusals = [row for row in answers if isinstance(row, Invalid)]
    assert len(refusals) == THREADS - 1
    assert {row.members["amount_refundable"] for row in refusals} == {0}


def test_one_voucher_is_spent_once(shop: Shop) -> None:
    voucher = shop.voucher(1000)
    answers = crowd(THREADS, lambda _: shop.pay(400, method="voucher", voucher_code=voucher.code), width=THREADS)
    refusals = [row for row in answers if isinstance(row, Invalid)]
    assert len(answers) - len(refusals) == 2
    assert {row.code for row in refusals} == {"voucher_insufficient"}
    assert fresh(voucher.voucher).balance == 200
    assert shop.books()["vouchers"] == -200


def test_vouchers_of_crossed_orders_are_filled_without_a_deadlock(shop: Shop) -> None:
    vouchers = [shop.voucher(4000) for _ in range(2)]
    orders = []
    for first, second in (vouchers, vouchers[::-1]):
        order = shop.pay(2000, method="voucher", voucher_code=first.code).order
        shop.pay(2000, method="voucher", voucher_code=second.code, order=order)
        orders.append(order)
    crowd(40, lambda number: shop.refund(orders[number % 2], 200, allocation="proportional"), width=THREADS)
    assert sorted(Voucher.objects.values_list("balance", flat=True)) == [4000, 4000]
