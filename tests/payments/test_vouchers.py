"""Vouchers: stored value that a shop owes to whoever holds the code."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from payments import payloads
from payments.core.errors import Invalid, NotFound
from payments.core.money import Money
from payments.core.pan import has_card_number
from payments.models import Voucher
from payments.services.voucher import VoucherRequest, create_voucher, expire, find, new_code
from tests.builders import Shop, fresh, only, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop()


class TestMaking:
    def test_given_away_it_is_the_shops_promotion(self, shop: Shop) -> None:
        voucher = shop.voucher(2500).voucher
        assert (voucher.balance, voucher.status) == (2500, "active")
        assert only(shop.books(), "promotions", "vouchers") == {"promotions": 2500, "vouchers": -2500}

    def test_sold_on_an_order_it_is_no_sale_of_goods(self, shop: Shop) -> None:
        order = shop.pay_cash(2500).order
        voucher = shop.voucher(2500, order=order).voucher
        assert voucher.order_id == order.id
        assert only(shop.books(), "takings", "vouchers", "till") == {"takings": 0, "vouchers": -2500, "till": 2500}

    def test_no_more_is_sold_than_was_paid(self, shop: Shop) -> None:
        order = shop.pay_cash(2500).order
        shop.voucher(2000, order=order)
        with pytest.raises(Invalid) as refused:
            shop.voucher(501, order=order)
        assert (refused.value.code, refused.value.members["amount_paid"]) == ("amount_exceeds_paid", 500)
        assert Voucher.objects.count() == 1

    def test_an_order_in_another_currency(self, shop: Shop) -> None:
        order = shop.pay_cash(2500).order
        with pytest.raises(Invalid) as refused:
            create_voucher(
                VoucherRequest(merchant=shop.merchant, amount=Money(2500, "USD"), order=order), actor="tests"
            )
        assert refused.value.code == "order_currency_differs"

    def test_it_cannot_have_expired_already(self, shop: Shop) -> None:
        with pytest.raises(Invalid) as refused:
            shop.voucher(2500, expires_at=timezone.now())
        assert refused.value.param == "expires_at"


class TestCode:
    def test_it_can_be_read_aloud_and_is_never_a_number(self) -> None:
        codes = {new_code() for _ in range(200)}
        assert len(codes) == 200
        assert all(re.fullmatch(r"[B-Y][B-Z2-9]{3}(-[B-Z2-9]{4}){2}-[B-Z2-9]{6}", code) for code in codes)
        assert not any(set("01IOLSZAEU5") & set(code) or has_card_number(code) for code in codes)

    def test_only_a_keyed_hash_is_kept(self, shop: Shop) -> None:
        voucher = shop.voucher(2500)
        stored = Voucher.objects.values().get()
        assert voucher.code.replace("-", "") not in str(stored).replace("-", "")
        assert stored["code_end"] == voucher.code[-4:]

    def test_it_is_found_however_it_is_typed(self, shop: Shop) -> None:
        voucher = shop.voucher(2500)
        for typed in (voucher.code, voucher.code.lower(), voucher.code.replace("-", " ")):
            assert find(merchant=shop.merchant, code=typed) == voucher.voucher

    def test_another_merchants_code_is_none_here(self, shop: Shop) -> None:
        voucher = open_shop("Kaas").voucher(2500)
        with pytest.raises(NotFound):
            find(merchant=shop.merchant, code=voucher.code)
        with pytest.raises(Invalid) as refused:
            shop.pay(100, method="voucher", voucher_code=voucher.code)
        assert refused.value.param == "voucher_code"
        assert fresh(voucher.voucher).balance == 2500


class TestSpending:
    def test_in_parts_until_nothing_is_left(self, shop: Shop) -> None:
        voucher = shop.voucher(2500)
        for amount, left, status in ((1000, 1500, "active"), (1500, 0, "spent")):
            payment = shop.pay(amount, method="voucher", voucher_code=voucher.code)
            assert (payment.status, payment.amount_captured) == ("captured", amount)
            assert (fresh(voucher.voucher).balance, fresh(voucher.voucher).status) == (left, status)
        assert only(shop.books(), "vouchers", "takings") == {"vouchers": 0, "takings": -2500}

    def test_more_than_its_balance(self, shop: Shop) -> None:
        voucher = shop.voucher(2500)
        with pytest.raises(Invalid) as refused:
            shop.pay(2501, method="voucher", voucher_code=voucher.code)
        assert (refused.value.code, refused.value.members["balance"]) == ("voucher_insufficient", 2500)
        assert fresh(voucher.voucher).balance == 2500

    def test_in_the_currency_it_is_worth(self, shop: Shop) -> None:
        voucher = shop.voucher(2500)
        with pytest.raises(Invalid) as refused:
            shop.pay(100, method="voucher", voucher_code=voucher.code, currency="USD")
        assert (refused.value.code, refused.value.param) == ("voucher_currency_differs", "voucher_code")
        assert fresh(voucher.voucher).balance == 2500

    def test_after_its_day(self, shop: Shop) -> None:
        voucher = shop.voucher(2500, expires_at=timezone.now() + timedelta(days=1))
        Voucher.objects.update(expires_at=timezone.now())
        with pytest.raises(Invalid) as refused:
            shop.pay(100, method="voucher", voucher_code=voucher.code)
        assert refused.value.code == "voucher_expired"

    def test_it_is_told_as_expired_from_the_moment_on(self, shop: Shop) -> None:
        voucher = shop.voucher(2500).voucher
        assert payloads.voucher(voucher)["status"] == "active"
        voucher.expires_at = timezone.now() - timedelta(seconds=1)
        assert payloads.voucher(voucher)["status"] == "expired"

    def test_the_database_lets_no_balance_leave_its_bounds(self, shop: Shop) -> None:
        shop.voucher(2500)
        for balance in (-1, 2501):
            with pytest.raises(IntegrityError, match="voucher_balance"), transaction.atomic():
                Voucher.objects.update(balance=balance)


class TestExpiring:
    def test_what_nobody_came_for_is_breakage(self, shop: Shop) -> None:
        voucher, other = shop.voucher(2500, expires_at=timezone.now() + timedelta(days=1)), shop.voucher(1000)
        shop.pay(500, method="voucher", voucher_code=voucher.code)
        assert expire() == 0
        Voucher.objects.filter(id=voucher.voucher.id).update(expires_at=timezone.now())
        assert expire() == 1
        assert expire() == 0
        assert (fresh(voucher.voucher).balance, fresh(voucher.voucher).status) == (0, "expired")
        assert fresh(other.voucher).balance == 1000
        assert only(shop.books(), "vouchers", "breakage") == {"vouchers": -1000, "breakage": -2000}
