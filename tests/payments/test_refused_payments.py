"""Payments, links and refunds that cannot be made are refused by name, and leave nothing behind."""

from dataclasses import replace
from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone
from pytest_django import Settings

from payments.core.errors import Conflict, Forbidden, Invalid, OnetillError
from payments.core.money import Money
from payments.models import Order, Payment, PaymentLink, ProviderAccount, Refund
from payments.people.models import Customer, Role
from payments.providers.simulator.provider import Simulator
from payments.services import create_setup, pay_link, update_setup
from payments.services.create import PaymentRequest, create_payment
from payments.services.link import LinkRequest, create_link
from payments.services.orders import OrderName
from payments.services.refunds.request import request_refund
from tests.builders import BY, Shop, fresh, open_shop
from tests.people.cast import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"method": "ideal", "manual_capture": True}, "capture", "capture_not_supported"),
        ({"method": "card", "voucher_code": "AAAA"}, "voucher_code", "not_together"),
        ({"method": "voucher"}, "voucher_code", "required"),
        ({"method": "card", "received": 5_000}, "received", "not_together"),
    ],
)
def test_what_does_not_go_together(shop: Shop, body: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(OnetillError) as refused:
        shop.pay(5_000, **body)
    assert param in {refused.value.param, *(fault.param for fault in getattr(refused.value, "faults", ()))}
    assert code in {refused.value.code, *(fault.code for fault in getattr(refused.value, "faults", ()))}
    assert not Order.objects.exists()


def test_a_live_merchant_takes_no_money_that_is_none() -> None:
    live = open_shop("Echt", mode="live")
    play = ProviderAccount.objects.create(merchant=live.merchant, provider="simulator", name="Play", currency="EUR")
    with pytest.raises(Invalid, match="provider_test_only"):
        live.pay(5_000, provider_account=play)
    assert not Payment.objects.exists()


def test_an_order_that_does_not_exist(shop: Shop) -> None:
    request = PaymentRequest(
        channel=shop.store, order=OrderName(order_id="ord_1"), amount=Money(5_000, "EUR"), method="cash"
    )
    with pytest.raises(OnetillError, match="no such order"):
        create_payment(request, actor=BY)
    assert not Payment.objects.exists()


def test_who_pays_the_rest_becomes_the_orders_customer(shop: Shop) -> None:
    order = shop.pay_cash(1_000, order_total=3_000).order
    assert order.customer is None
    anna = Customer.objects.create(merchant_id=shop.merchant.id, reference="c-1", name="Anna")
    shop.pay_cash(2_000, order=order, customer=anna)
    assert fresh(order).customer_id == anna.id


class TestLinks:
    def link(self, shop: Shop, **body: Any) -> PaymentLink:
        about = {"channel": shop.webshop, "currency": "EUR", "description": "Tulips", "amount": 5_000}
        request: dict[str, Any] = {name: value for name, value in (about | body).items() if value is not None}
        return create_link(LinkRequest(**request), actor=BY)

    def pay(self, link: PaymentLink, **more: Any) -> Payment:
        return pay_link.pay(link, **({"method": "card", "attempt": token_hex(16), "visitor": "10.0.0.1"} | more))

    @pytest.mark.parametrize(
        "body",
        [
            {"amount_min": 100, "amount_max": 200},
            {"amount": None, "amount_min": 100},
            {"amount": None, "amount_max": 100},
            {"amount": None, "amount_min": 200, "amount_max": 100},
            {"methods": ["cash"]},
        ],
    )
    def test_one_that_nobody_could_pay_is_not_made(self, shop: Shop, body: dict[str, Any]) -> None:
        with pytest.raises(OnetillError):
            self.link(shop, **body)
        assert not PaymentLink.objects.exists()

    def test_one_attempt_is_one_payment(self, shop: Shop) -> None:
        link, attempt = self.link(shop), token_hex(16)
        first = self.pay(link, attempt=attempt)
        assert self.pay(link, attempt=attempt) == first
        assert Payment.objects.count() == 1

    def test_what_was_paid_elsewhere_since_the_page_was_read_is_not_paid_again(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = self.link(shop)

        def meanwhile_at_the_counter(request: PaymentRequest, **more: Any) -> Payment:
            shop.pay_cash(3_000, order=link.order)
            return create_payment(request, **more)

        monkeypatch.setattr(pay_link, "create_payment", meanwhile_at_the_counter)
        with pytest.raises(Conflict, match="payment_link_not_active"):
            self.pay(link)
        assert fresh(link.order).captured == 3_000

    def test_beside_one_that_is_under_way_nothing_is_charged(self, shop: Shop, settings: Settings) -> None:
        link = self.link(shop)
        there, settings.SIMULATOR_URL = settings.SIMULATOR_URL, "http://127.0.0.1:9"
        assert self.pay(link).status == "processing"
        settings.SIMULATOR_URL = there
        with pytest.raises(Conflict, match="payment_in_progress"):
            self.pay(link)
        assert Payment.objects.count() == 1


class TestRefunds:
    def reasons(self, shop: Shop, payment: Payment) -> list[str]:
        with pytest.raises(Invalid, match="route_not_possible") as refused:
            shop.refund(payment, 1_000, route="original")
        return [reason["code"] for reason in refused.value.members["reasons"]]

    def test_an_exchange_is_within_one_currency_and_travels_nowhere(self, shop: Shop) -> None:
        order = shop.pay(5_000).order
        dollars = shop.pay_cash(5_000, currency="USD").order
        other = shop.pay_cash(1_000).order
        with pytest.raises(Invalid, match="order_currency_differs"):
            shop.refund(order, 1_000, exchange_for=dollars)
        with pytest.raises(Invalid, match="route_not_possible"):
            shop.refund(order, 1_000, exchange_for=other, route="cash")
        assert not Refund.objects.exists()

    def test_an_error_of_the_database_that_is_none_of_ours_is_not_called_a_refusal(self, shop: Shop) -> None:
        class Clash:
            def begin(self, object_id: str) -> None:
                raise IntegrityError("another constraint")

        with pytest.raises(IntegrityError, match="another constraint"):
            request_refund(shop.asks(shop.pay(5_000).order, 1_000), actor=BY, guard=Clash())

    def test_a_card_read_at_a_terminal_of_an_online_provider_needs_the_card(self, shop: Shop) -> None:
        shop.terminal = replace(shop.terminal, account=shop.account("simulator"))
        assert self.reasons(shop, shop.pin(5_000)) == ["card_required"]

    def test_a_provider_gives_back_for_so_many_days(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        payment = shop.pay(5_000)
        able = replace(Simulator.capabilities, refund_window=timedelta(days=30))
        monkeypatch.setattr(Simulator, "capabilities", able)
        Payment.objects.update(occurred_at=timezone.now() - timedelta(days=31))
        assert self.reasons(shop, fresh(payment)) == ["refund_window_passed"]
        Payment.objects.update(occurred_at=timezone.now() - timedelta(days=29))
        assert shop.refund(fresh(payment), 1_000, route="original").amount == 1_000

    def test_a_provider_that_cannot_give_back_a_method(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        payment = shop.pay(5_000)
        Payment.objects.update(method="ideal")
        able = replace(Simulator.capabilities, refund_methods=frozenset({"card"}))
        monkeypatch.setattr(Simulator, "capabilities", able)
        assert self.reasons(shop, fresh(payment)) == ["provider_cannot_refund"]


class TestAccounts:
    def test_one_person_alone_adds_none_to_a_live_merchant(self) -> None:
        live = open_shop("Echt", mode="live")
        anna = person("anna", live.merchant.id, role=Role.Name.OWNER)
        before = ProviderAccount.objects.count()
        with pytest.raises(Forbidden, match="second_person_required"):
            create_setup.create_provider_account(
                merchant=live.merchant, provider="external", name="Mine", currency="EUR", actor=anna
            )
        assert ProviderAccount.objects.count() == before

    def test_of_each_provider_one_is_used_where_none_is_named(self, shop: Shop) -> None:
        first = shop.account("external")
        second = create_setup.create_provider_account(
            merchant=shop.merchant, provider="external", name="Second", currency="EUR", actor=BY
        )
        assert shop.account("external") == first
        update_setup.amend_provider_account(second, changes={"default": True}, credentials={}, actor=BY)
        assert shop.account("external") == second
        assert not fresh(first).default
