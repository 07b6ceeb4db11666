"""Cash goes back out of a till that holds it: refused or planned elsewhere with the balance told, also in a race."""

from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest

from payments.core.errors import Conflict, Invalid
from payments.core.money import Money
from payments.models import Order, Refund, Till, TillMovement
from payments.people.models import Approval, Role
from payments.people.services import approvals
from payments.queries.tills import till_balance
from payments.services import till
from payments.services.refunds.plan import BankAccount
from payments.services.refunds.request import plan_refund, request_refund
from payments.services.till import TillReport
from tests.builders import BY, Shop, open_shop
from tests.people.cast import finance_of, person
from tests.threads import at_once

pytestmark = pytest.mark.django_db

ANNA = BankAccount(iban="NL20INGB0001234567", name="A. de Vries")


@pytest.fixture
def shop() -> Shop:
    return open_shop()


def moves(shop: Shop, kind: str, amount: int) -> TillMovement:
    from django.utils import timezone

    money = Money(amount, "EUR")
    report = TillReport(channel=shop.store, kind=kind, amount=money, occurred_at=timezone.now(), operator="Sanne")
    return till.move(report, actor=BY)


def in_cash(shop: Shop, order: Order, amount: int | None = None, **more: Any) -> Refund:
    return shop.refund(order, amount, channel=shop.store, route="cash", **more)


def too_low(act: Callable[[], Any], balance: int) -> str:
    with pytest.raises((Invalid, Conflict)) as refusal:
        act()
    assert (refusal.value.code, refusal.value.members["balance"]) == ("till_too_low", balance)
    return refusal.value.detail


def test_more_cash_than_the_till_holds_is_refused_with_what_it_holds(shop: Shop) -> None:
    shop.pay_cash(1_000)
    order = shop.pin(5_000).order
    told = too_low(lambda: in_cash(shop, order, 1_050), 1_000)
    assert "€10.00" in told
    assert "€10.50" in told
    assert Refund.objects.count() == 0
    assert in_cash(shop, order, 1_000).status == "succeeded"
    assert till_balance(shop.store, "EUR") == 0
    too_low(lambda: in_cash(shop, order, 50), 0)
    too_low(lambda: plan_refund(shop.asks(order, 50, channel=shop.store, route="cash"), actor=BY), 0)


def test_a_float_counts_and_what_went_to_the_bank_does_not(shop: Shop) -> None:
    moves(shop, "paid_in", 15_000)
    order = shop.pin(20_000).order
    in_cash(shop, order, 14_000)
    moves(shop, "paid_out", 500)
    too_low(lambda: in_cash(shop, order, 1_000), 500)
    moves(shop, "count", 4_000)
    assert in_cash(shop, order, 4_000).status == "succeeded"


def test_a_till_that_was_counted_empty_gives_nothing(shop: Shop) -> None:
    moves(shop, "count", 0)
    order = shop.pin(5_000).order
    too_low(lambda: in_cash(shop, order, 100), 0)


def test_of_a_till_that_nobody_keeps_nothing_is_known(shop: Shop) -> None:
    order = shop.pin(5_000).order
    assert in_cash(shop, order, 2_000).status == "succeeded"
    assert in_cash(shop, order, 2_000).status == "succeeded"


def test_auto_takes_another_way_and_says_why(shop: Shop) -> None:
    order = shop.pay_cash(5_000).order
    moves(shop, "paid_out", 4_500)
    plan = plan_refund(shop.asks(order, 5_000, channel=shop.store, bank_account=ANNA), actor=BY)
    (part,) = plan.parts
    assert part.route == "bank"
    assert [(reason["route"], reason["code"]) for reason in part.reasons] == [("cash", "till_too_low")]
    assert "€5.00" in part.reasons[0]["detail"]
    with pytest.raises(Invalid) as refusal:
        shop.refund(order, 5_000, channel=shop.store)
    routes = {choice["route"]: choice["code"] for choice in refusal.value.members["routes"]}
    assert (refusal.value.code, routes["cash"], routes["voucher"]) == ("route_required", "till_too_low", None)


def test_all_cash_of_one_refund_counts_together(shop: Shop) -> None:
    order = shop.pay_cash(3_000).order
    shop.pay_cash(3_000, order=order)
    moves(shop, "paid_out", 1_000)
    too_low(lambda: in_cash(shop, order, 6_000), 5_000)
    assert in_cash(shop, order, 5_000).status == "succeeded"


def test_one_stores_till_is_not_anothers_and_currencies_are_apart(shop: Shop) -> None:
    shop.pay_cash(9_000)
    dollars = shop.pay_cash(2_000, currency="USD").order
    in_cash(shop, dollars, 2_000)
    other = shop.pay_cash(1_000, currency="USD").order
    moves(shop, "paid_out", 9_000)
    assert in_cash(shop, other, 1_000).status == "succeeded"


def test_an_exchange_takes_nothing_out_of_a_till(shop: Shop) -> None:
    order = shop.pay_cash(2_000).order
    moves(shop, "paid_out", 2_000)
    new = shop.pay_cash(50).order
    assert shop.refund(order, 2_000, channel=shop.store, exchange_for=new).status == "succeeded"


def test_cash_that_has_left_meanwhile_is_not_agreed_to() -> None:
    shop = open_shop(second_person_above=1_000)
    order = shop.pay_cash(5_000).order
    clerk = person("clerk", shop.merchant.id, role=Role.Name.CLERK)
    refund = request_refund(shop.asks(order, 5_000, channel=shop.store, route="cash"), actor=clerk).refund
    assert refund.status == "requires_approval"
    moves(shop, "paid_out", 3_000)
    approval = Approval.objects.get(subject_id=refund.id)
    finance = finance_of(shop.merchant.id)
    too_low(lambda: approvals.settle(approval_id=approval.id, user=finance, approved=True, note=""), 2_000)
    refund.refresh_from_db()
    assert refund.status == "requires_approval"
    moves(shop, "paid_in", 3_000)
    approvals.settle(approval_id=approval.id, user=finance, approved=True, note="")
    refund.refresh_from_db()
    assert refund.status == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_two_refunds_and_a_deposit_race_for_one_till() -> None:
    shop = open_shop()
    shop.merchant.iban = "NL91ABNA0417164300"
    shop.merchant.save()
    moves(shop, "paid_in", 10_000)
    orders = [shop.pin(6_000).order for _ in range(3)]
    start = Barrier(4)

    def back(order: Order) -> Callable[[], str]:
        def act() -> str:
            start.wait()
            try:
                return str(in_cash(shop, order, 6_000).status)
            except Invalid as refusal:
                return refusal.code

        return act

    def out() -> str:
        start.wait()
        clerk = person("manager", shop.merchant.id, role=Role.Name.OWNER)
        from django.utils import timezone

        try:
            till.move(
                TillReport(
                    channel=shop.store,
                    kind="paid_out",
                    amount=Money(6_000, "EUR"),
                    occurred_at=timezone.now(),
                    operator="Sanne",
                ),
                actor=clerk.id,
            )
        except Invalid as refusal:
            return refusal.code
        return "succeeded"

    outcomes = [str(each) for each in at_once(*map(back, orders), out)]
    assert outcomes.count("succeeded") == 1, outcomes
    assert till_balance(shop.store, "EUR") == 4_000
    assert Till.objects.count() == 1
