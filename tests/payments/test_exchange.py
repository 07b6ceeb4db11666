"""Exchange: something comes back, something else is taken along, and only the difference moves."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Sum

from payments.core.errors import Conflict, Forbidden, Invalid
from payments.ledger import audit as ledger_audit
from payments.ledger.models import Posting
from payments.models import Order, Payment, Refund
from payments.services.orders import OrderName
from payments.services.refunds.exchange import ExchangeRequest, exchange, plan_difference
from tests.builders import BY, Shop, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return open_shop()


@pytest.fixture
def exchange_request(shop: Shop) -> Callable[..., ExchangeRequest]:
    """Shoes of 50.00, paid in cash, come back; other shoes are taken along."""

    def make(total: int, *, order: Order | None = None, **more: Any) -> ExchangeRequest:
        given: dict[str, Any] = {
            "returned": 5_000,
            "new_order": OrderName(reference="X-1"),
            "reason": "Too small.",
        } | more
        return ExchangeRequest(order=order or shop.pay_cash(5_000).order, channel=shop.store, total=total, **given)

    return make


def balance(name: str) -> int:
    rows = Posting.objects.filter(account__code__startswith=name)
    return int(rows.aggregate(sum=Sum("amount"))["sum"] or 0)


def test_for_the_same_price_nothing_moves(exchange_request: Callable[..., ExchangeRequest]) -> None:
    request = exchange_request(5_000)
    assert plan_difference(request, actor=BY) is None
    done = exchange(request, actor=BY)
    assert (done.due, done.given_back, done.order.captured) == (0, None, 5_000)
    assert balance("till") == 5_000
    assert (balance("takings"), balance("returns")) == (-10_000, 5_000), "sale and return are booked whole"
    assert balance("vouchers") == 0
    assert list(ledger_audit.violations()) == []


def test_something_dearer_leaves_the_rest_to_be_paid(
    shop: Shop, exchange_request: Callable[..., ExchangeRequest]
) -> None:
    done = exchange(exchange_request(7_500), actor=BY)
    assert (done.due, done.given_back) == (2_500, None)
    assert done.order.total == 7_500
    shop.pay_cash(2_500, order=done.order)
    done.order.refresh_from_db()
    assert done.order.captured == 7_500
    assert balance("till") == 7_500
    assert list(ledger_audit.violations()) == []


def test_something_cheaper_gives_the_rest_back_the_way_it_came(
    exchange_request: Callable[..., ExchangeRequest],
) -> None:
    request = exchange_request(3_000)
    plan = plan_difference(request, actor=BY)
    assert plan is not None
    assert [(part.route, part.amount) for part in plan.parts] == [("cash", 2_000)]
    done = exchange(request, actor=BY)
    assert done.due == 0
    assert done.given_back is not None
    assert (done.given_back.refund.amount, done.given_back.refund.status) == (2_000, "succeeded")
    assert balance("till") == 3_000
    assert balance("vouchers") == 0
    assert list(ledger_audit.violations()) == []


def test_all_of_it_or_nothing(shop: Shop, exchange_request: Callable[..., ExchangeRequest]) -> None:
    """The difference cannot travel: the new order is not there either."""
    pin = shop.pin(5_000).order
    with pytest.raises(Invalid, match="route_required"):
        exchange(exchange_request(3_000, order=pin), actor=BY)
    assert Refund.objects.count() == 0
    assert Order.objects.filter(reference="X-1").count() == 0
    assert Payment.objects.filter(method="voucher").count() == 0


def test_more_than_was_paid_does_not_come_back(exchange_request: Callable[..., ExchangeRequest]) -> None:
    with pytest.raises(Invalid, match="amount_exceeds_refundable"):
        exchange(exchange_request(9_000, returned=5_001), actor=BY)


def test_an_order_that_was_paid_is_no_new_one(shop: Shop, exchange_request: Callable[..., ExchangeRequest]) -> None:
    other = shop.pay_cash(1_000).order
    with pytest.raises(Conflict, match="order_exists"):
        exchange(exchange_request(5_000, new_order=OrderName(order_id=other.id)), actor=BY)


def test_beyond_a_limit_it_is_refused_as_a_whole(shop: Shop, exchange_request: Callable[..., ExchangeRequest]) -> None:
    """In two halves it would slip below the limit."""
    shop.merchant.second_person_above = 4_000
    shop.merchant.save()
    shop.store.refresh_from_db()
    with pytest.raises(Forbidden, match="second_person_required"):
        exchange(exchange_request(2_500), actor=BY)
