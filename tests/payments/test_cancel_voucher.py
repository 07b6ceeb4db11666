"""A voucher that nobody has used is taken back: the books are as before, and its order can give the money back."""

from collections.abc import Iterator

import pytest

from payments.audit import check
from payments.core.errors import Conflict, Invalid
from payments.models import Payment, Voucher
from payments.services.cancel_voucher import cancel_voucher
from payments.services.voucher import NewVoucher
from tests.builders import BY, Shop, fresh, only, open_shop
from tests.payments.test_vouchers_sold import sell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Whatever happens to its vouchers, its books have no violation afterwards."""
    yield open_shop()
    assert list(check()) == []


def canceled(made: NewVoucher) -> Voucher:
    return cancel_voucher(Voucher.objects.select_related("merchant").get(id=made.voucher.id), actor=BY)


def test_what_it_was_sold_for_is_given_back(shop: Shop) -> None:
    paid = shop.pay_cash(5_000)
    lost = sell(shop, paid, 5_000)
    row = canceled(lost)
    assert (row.status, row.balance) == ("canceled", 0)
    assert (fresh(paid.order).vouchers_sold, fresh(paid.order).refundable) == (0, 5_000)
    assert only(shop.books(), "vouchers", "takings") == {"vouchers": 0, "takings": -5_000}
    with pytest.raises(Invalid, match="voucher_insufficient"):
        shop.pay(100, method="voucher", channel=shop.store, voucher_code=lost.code)
    shop.refund(fresh(paid.order), 2_000, channel=shop.store)
    again = sell(shop, Payment.objects.select_related("order").get(id=paid.id), 3_000)
    assert again.voucher.balance == 3_000


def test_a_gift_costs_nothing_then(shop: Shop) -> None:
    canceled(shop.voucher(2_500))
    assert only(shop.books(), "vouchers", "promotions") == {"vouchers": 0, "promotions": 0}


def test_one_that_is_somebodys_stays(shop: Shop) -> None:
    """Used and filled again, made for a refund, and canceled before."""
    used = shop.voucher(2_500)
    paid = shop.pay(1_000, method="voucher", channel=shop.store, voucher_code=used.code)
    shop.refund(paid, channel=shop.store)
    assert fresh(used.voucher).balance == 2_500
    shop.refund(shop.pay_cash(700), channel=shop.store, route="voucher")
    credit = Voucher.objects.get(amount=700)
    gone = shop.voucher(900)
    canceled(gone)
    for voucher_id in (used.voucher.id, credit.id, gone.voucher.id):
        with pytest.raises(Conflict, match="voucher_not_cancelable"):
            cancel_voucher(Voucher.objects.select_related("merchant").get(id=voucher_id), actor=BY)
