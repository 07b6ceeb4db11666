"""How a refund is split over what was paid, by which route each part travels, and why the better ones cannot."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import Invalid, ValidationFailed
from payments.models import Order, Voucher
from payments.services.refunds.plan import BankAccount, PlannedPart, Share
from payments.services.refunds.request import plan_refund
from payments.services.setup_faults import checked
from tests.builders import BY, Shop, fresh, on, open_shop

pytestmark = pytest.mark.django_db

ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def planned(shop: Shop, order: Order, amount: int | None = None, **more: Any) -> tuple[PlannedPart, ...]:
    return plan_refund(shop.asks(order, amount, **{"channel": shop.store} | more), actor=BY).parts


def rule(shop: Shop, fallback: str) -> None:
    """What the merchant wants of refunds without another way back."""
    shop.merchant.refund_fallback = fallback
    shop.merchant.save()


def shares(parts: tuple[PlannedPart, ...]) -> list[tuple[str | None, int]]:
    return [(part.payment.method, part.amount) for part in parts]


@pytest.fixture
def paid_in_three(shop: Shop) -> Order:
    """First 50.00 by PIN, then 30.00 in cash, then 20.00 with a voucher; the merchant gives vouchers for PIN sales."""
    rule(shop, "voucher")
    first = shop.pin(5000, occurred_at=timezone.now() - timedelta(hours=1))
    shop.pay_cash(3000, order=first.order)
    voucher = shop.voucher(2000)
    shop.pay(2000, method="voucher", voucher_code=voucher.code, order=first.order)
    order = fresh(first.order)
    assert isinstance(order, Order)
    return order


class TestSplitting:
    def test_what_was_paid_last_is_given_back_first(self, shop: Shop, paid_in_three: Order) -> None:
        assert shares(planned(shop, paid_in_three, 4000)) == [("voucher", 2000), ("cash", 2000)]

    def test_without_an_amount_everything_is_given_back(self, shop: Shop, paid_in_three: Order) -> None:
        plan = plan_refund(shop.asks(paid_in_three, channel=shop.store), actor=BY)
        assert plan.amount == plan.amount_refundable == 10_000
        assert shares(plan.parts) == [("voucher", 2000), ("cash", 3000), ("card", 5000)]

    def test_proportionally_no_cent_is_lost(self, shop: Shop, paid_in_three: Order) -> None:
        parts = planned(shop, paid_in_three, 1001, allocation="proportional")
        assert shares(parts) == [("voucher", 200), ("cash", 300), ("card", 501)]

    def test_proportionally_a_tender_without_a_share_has_no_part(self, shop: Shop, paid_in_three: Order) -> None:
        assert shares(planned(shop, paid_in_three, 1, allocation="proportional")) == [("card", 1)]

    def test_as_asked(self, shop: Shop, paid_in_three: Order) -> None:
        cash, card = paid_in_three.payments.get(method="cash"), paid_in_three.payments.get(method="card")
        asked = (Share(payment_id=card.id, amount=100), Share(payment_id=cash.id, amount=50))
        assert shares(planned(shop, paid_in_three, allocation=asked)) == [("card", 100), ("cash", 50)]

    def test_as_asked_must_add_up(self, shop: Shop, paid_in_three: Order) -> None:
        card = paid_in_three.payments.get(method="card")
        with pytest.raises(Invalid, match="add up") as refused:
            planned(shop, paid_in_three, 200, allocation=(Share(payment_id=card.id, amount=100),))
        assert refused.value.param == "allocation"

    def test_as_asked_no_payment_gives_more_than_it_has(self, shop: Shop, paid_in_three: Order) -> None:
        cash = paid_in_three.payments.get(method="cash")
        with pytest.raises(Invalid) as refused:
            planned(shop, paid_in_three, allocation=(Share(payment_id=cash.id, amount=3001),))
        assert (refused.value.code, refused.value.param) == ("amount_exceeds_refundable", "allocation[0].amount")
        assert refused.value.members["amount_refundable"] == 3000

    def test_as_asked_names_each_payment_of_the_order_once(self, shop: Shop, paid_in_three: Order) -> None:
        cash, other = paid_in_three.payments.get(method="cash"), shop.pay_cash(1000)
        for second in (cash, other):
            shares = (Share(payment_id=cash.id, amount=10), Share(payment_id=second.id, amount=10))
            with pytest.raises(Invalid) as refused:
                planned(shop, paid_in_three, allocation=shares)
            assert refused.value.param == "allocation[1].payment"

    def test_of_one_payment_only_that_one_gives(self, shop: Shop, paid_in_three: Order) -> None:
        cash = paid_in_three.payments.get(method="cash")
        plan = plan_refund(shop.asks(cash, channel=shop.store), actor=BY)
        assert (plan.amount, plan.amount_refundable, shares(plan.parts)) == (3000, 3000, [("cash", 3000)])

    def test_a_payment_of_another_order_is_refused(self, shop: Shop, paid_in_three: Order) -> None:
        other = shop.pay_cash(1000)
        with pytest.raises(Invalid) as refused:
            planned(shop, paid_in_three, payment=other)
        assert refused.value.param == "payment"

    def test_more_than_was_paid_is_refused_with_what_is_left(self, shop: Shop, paid_in_three: Order) -> None:
        with pytest.raises(Invalid) as refused:
            planned(shop, paid_in_three, 10_001)
        assert refused.value.code == "amount_exceeds_refundable"
        assert refused.value.members == {"amount_refundable": 10_000, "currency": "EUR"}

    def test_planning_changes_nothing(self, shop: Shop, paid_in_three: Order) -> None:
        books = shop.books()
        planned(shop, paid_in_three)
        assert shop.books() == books
        assert fresh(paid_in_three).refundable == 10_000
        assert not paid_in_three.refunds.exists()


def possible(refused: Invalid) -> dict[str, str | None]:
    """Of each route what stands in its way."""
    assert (refused.code, refused.param) == ("route_required", "route")
    found = {choice["route"]: choice["code"] for choice in refused.members["routes"]}
    assert [choice["possible"] for choice in refused.members["routes"]] == [code is None for code in found.values()]
    return found


class TestRoutes:
    def test_a_pin_sale_does_not_become_store_credit_by_itself(self, shop: Shop) -> None:
        with pytest.raises(Invalid) as refused:
            planned(shop, shop.pin(1000).order)
        assert possible(refused.value) == {
            "original": "card_required",
            "terminal": "terminal_required",
            "bank": "bank_account_required",
            "voucher": None,
            "cash": None,
        }
        assert "voucher, cash" in refused.value.detail

    def test_the_choice_names_the_card_and_the_bank_before_store_credit(self, shop: Shop) -> None:
        """By PIN and by voucher: the card can be presented, an account named, or the voucher's half given back alone."""
        paid = shop.pin(1000)
        shop.pay(2000, method="voucher", voucher_code=shop.voucher(2000).code, order=paid.order)
        with pytest.raises(Invalid) as refused:
            planned(shop, fresh(paid.order), channel=shop.webshop)
        assert refused.value.detail == (
            "Not all of this goes back by itself. Ask the customer, then send one of: terminal, where the customer "
            "presents the card; bank_account, with the customer's IBAN and name; route: voucher. To give back only "
            "what goes by itself, send its payment, or an allocation."
        )

    def test_in_the_webshop_no_cash_is_offered(self, shop: Shop) -> None:
        with pytest.raises(Invalid) as refused:
            planned(shop, shop.pin(1000).order, channel=shop.webshop)
        assert possible(refused.value)["cash"] == "no_till"

    def test_a_merchant_may_give_a_voucher_where_nothing_else_is_left(self, shop: Shop) -> None:
        rule(shop, "voucher")
        (part,) = planned(shop, shop.pin(1000).order)
        assert part.route == "voucher"
        assert [(reason["route"], reason["code"]) for reason in part.reasons] == [
            ("original", "card_required"),
            ("terminal", "terminal_required"),
            ("bank", "bank_account_required"),
        ]

    def test_what_can_be_asked_for_is_possible_for_all_that_goes_back(self, shop: Shop, paid_in_three: Order) -> None:
        """Of the voucher and the cash auto would know; for the card it asks, and what it offers suits all three."""
        rule(shop, "none")
        shop.pay_cash(10_000)  # the till can give all of it
        with pytest.raises(Invalid) as refused:
            planned(shop, paid_in_three)
        assert possible(refused.value) == {
            "original": "card_required",
            "terminal": "not_paid_by_card",
            "bank": "bank_account_required",
            "voucher": None,
            "cash": None,
        }
        for route in ("voucher", "cash"):
            assert {part.route for part in planned(shop, paid_in_three, route=route)} == {route}

    def test_what_the_till_cannot_give_is_not_offered(self, shop: Shop, paid_in_three: Order) -> None:
        rule(shop, "none")
        with pytest.raises(Invalid) as refused:
            planned(shop, paid_in_three)
        assert possible(refused.value)["cash"] == "till_too_low"
        assert possible(refused.value)["original"] == "card_required"
        shop.pay_cash(100)
        with pytest.raises(Invalid) as refused:
            planned(shop, shop.pin(50_000).order)
        assert possible(refused.value)["cash"] == "till_too_low"

    def test_a_channel_gives_back_by_its_own_routes_only(self, shop: Shop) -> None:
        shop.store.refund_routes = ["terminal", "bank"]
        rule(shop, "voucher")
        with pytest.raises(Invalid) as refused:
            planned(shop, shop.pin(1000).order)
        assert possible(refused.value) == {
            "original": "route_not_allowed",
            "terminal": "terminal_required",
            "bank": "bank_account_required",
            "voucher": "route_not_allowed",
            "cash": "route_not_allowed",
        }
        with pytest.raises(Invalid) as refused:
            planned(shop, shop.pay_cash(1000).order, route="original")
        assert refused.value.members["reasons"][0]["code"] == "route_not_allowed"
        (part,) = planned(shop, shop.pin(1000).order, bank_account=ANNA)
        assert part.route == "bank"

    @pytest.mark.parametrize("routes", [[], ["pigeon"], ["cash", "cash"], "cash", [1]])
    def test_routes_that_are_none_are_refused(self, routes: Any) -> None:
        for setting in ("refund_routes", "refund_fallback"):
            with pytest.raises(ValidationFailed):
                checked({setting: routes})

    def test_a_pin_sale_goes_to_the_bank_account_that_is_given(self, shop: Shop) -> None:
        (part,) = planned(shop, shop.pin(1000).order, bank_account=ANNA)
        assert (part.route, part.bank_account) == ("bank", ANNA)
        assert [reason["code"] for reason in part.reasons] == ["card_required", "terminal_required"]

    def test_a_bank_account_given_before_on_this_order_is_known(self, shop: Shop) -> None:
        order = shop.pin(1000).order
        shop.refund(order, 100, bank_account=ANNA)
        (part,) = planned(shop, order)
        assert (part.route, part.bank_account) == ("bank", ANNA)

    def test_with_a_terminal_named_the_card_is_presented_there(self, shop: Shop) -> None:
        order = shop.pin(1000).order
        for route in ("terminal", "auto"):
            (part,) = planned(shop, order, route=route, terminal_id=shop.terminal.terminal_id)
            assert (part.route, part.terminal_id) == ("terminal", shop.terminal.terminal_id)

    @pytest.mark.parametrize(
        ("route", "code", "reason"),
        [
            ("original", "route_not_possible", "card_required"),
            ("terminal", "route_not_possible", "terminal_required"),
            ("bank", "bank_account_required", None),
        ],
    )
    def test_a_route_that_is_asked_for_and_impossible_is_refused(
        self, shop: Shop, route: str, code: str, reason: str | None
    ) -> None:
        with pytest.raises(Invalid) as refused:
            planned(shop, shop.pin(1000).order, route=route)
        assert refused.value.code == code
        assert [row["code"] for row in refused.value.members.get("reasons", [])] == ([reason] if reason else [])

    def test_a_terminal_gives_back_on_cards_only(self, shop: Shop) -> None:
        with pytest.raises(Invalid) as refused:
            planned(shop, shop.pay_cash(1000).order, route="terminal", terminal_id=shop.terminal.terminal_id)
        assert refused.value.members["reasons"][0]["code"] == "not_paid_by_card"

    def test_cash_comes_out_of_a_till(self, shop: Shop) -> None:
        order = shop.pin(1000).order
        assert planned(shop, order, route="cash")[0].route == "cash"
        with pytest.raises(Invalid) as refused:
            planned(shop, order, route="cash", channel=shop.webshop)
        assert refused.value.members["reasons"][0]["code"] == "no_till"

    def test_what_was_paid_in_cash_is_no_cash_in_the_webshop(self, shop: Shop) -> None:
        order = shop.pay_cash(1000).order
        assert [planned(shop, order, route=route)[0].route for route in ("auto", "original")] == ["cash", "cash"]
        with pytest.raises(Invalid) as refused:
            planned(shop, order, channel=shop.webshop)
        assert possible(refused.value) == {
            "original": "no_till",
            "terminal": "not_paid_by_card",
            "bank": "bank_account_required",
            "voucher": None,
            "cash": "no_till",
        }

    def test_an_expired_voucher_is_not_filled_again(self, shop: Shop) -> None:
        voucher = shop.voucher(1000, expires_at=timezone.now() + timedelta(days=1))
        order = shop.pay(1000, method="voucher", voucher_code=voucher.code).order
        assert planned(shop, order)[0].route == "original"
        Voucher.objects.filter(id=voucher.voucher.id).update(expires_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(Invalid) as refused:
            planned(shop, order)
        assert possible(refused.value)["original"] == "voucher_expired"

    def test_a_contract_that_ended_gives_nothing_back(self, shop: Shop) -> None:
        payment = shop.pay(1000, method="voucher", voucher_code=shop.voucher(1000).code)
        account = payment.provider_account
        account.active = False
        account.save()
        with pytest.raises(Invalid) as refused:
            planned(shop, payment.order)
        assert possible(refused.value)["original"] == "provider_account_inactive"


class TestCash:
    @pytest.mark.parametrize(("amount", "rounding"), [(1002, -2), (1003, 2), (1005, 0), (2, -2)])
    def test_only_the_cash_leg_is_rounded(self, shop: Shop, amount: int, rounding: int) -> None:
        order = shop.pin(5000).order
        (part,) = planned(shop, order, amount, route="cash")
        assert (part.amount, part.rounding) == (amount, rounding)
        assert planned(shop, order, amount, route="voucher")[0].rounding == 0

    @pytest.mark.parametrize("currency", ["JPY", "KWD", "USD"])
    def test_only_coins_of_the_merchants_own_country_are_missing(self, shop: Shop, currency: str) -> None:
        order = shop.pay_cash(1003, currency=currency).order
        (part,) = planned(shop, order, 502)
        assert (order.payments.get().rounding, part.route, part.rounding) == (0, "cash", 0)


class TestArrival:
    def test_our_own_books_are_at_once(self, shop: Shop) -> None:
        (part,) = planned(shop, shop.pin(1000).order, route="voucher")
        assert part.expected_at - timezone.now() < timedelta(seconds=5)

    @pytest.mark.parametrize(("requested", "arrives"), [("2026-11-19", "2026-11-20"), ("2026-11-20", "2026-11-23")])
    def test_a_bank_takes_a_business_day(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, requested: str, arrives: str
    ) -> None:
        order = shop.pin(1000, occurred_at=on("2026-11-18")).order
        monkeypatch.setattr("payments.services.refunds.request.timezone.now", lambda: on(requested))
        (part,) = planned(shop, order, bank_account=ANNA)
        assert part.expected_at == on(arrives)
