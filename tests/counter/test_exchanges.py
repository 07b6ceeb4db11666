"""An exchange at the counter: what comes back pays for what is taken, and only the difference moves, once."""

import re

import pytest

from payments.models import Order, Refund, RefundReason
from payments.people import permissions
from payments.people.models import Role
from tests.builders import Shop, fresh
from tests.counter.cast import Tablet, text
from tests.responses import ClientResponse


@pytest.fixture
def sold(shop: Shop) -> Order:
    """25.00 paid in cash."""
    return shop.pay_cash(2_500).order


def path_of(order: Order) -> str:
    return f"/counter/orders/{order.id}/exchange"


def begins(tablet: Tablet, order: Order, total: str, **fields: str) -> ClientResponse:
    once = tablet.fields(tablet.opens(path_of(order)))["once"]
    given = {"once": once, "returned": "25.00", "total": total, "reason": "Other size"}
    return tablet.sends(path_of(order), **given | fields)


def test_of_the_same_worth_nothing_moves(shop: Shop, at_counter: Tablet, sold: Order) -> None:
    plan = begins(at_counter, sold, "25.00", reference="X-1")
    assert "It is worth the same: no money moves." in text(plan)
    assert Refund.objects.count() == 0
    before = shop.books()["till"]
    page = at_counter.agrees(path_of(sold), plan)["Location"]
    made = Refund.objects.get()
    assert made.exchange_for is not None
    assert (page, made.exchange_for.reference) == (f"/counter/orders/{made.exchange_for_id}", "X-1")
    assert (made.exchange_for.captured, shop.books()["till"]) == (2_500, before)


def test_the_customer_pays_what_it_costs_more(at_counter: Tablet, sold: Order) -> None:
    plan = begins(at_counter, sold, "31.00")
    assert "The customer pays €6.00 more, on the next page." in text(plan)
    page = at_counter.agrees(path_of(sold), plan)["Location"]
    assert "Still to pay €6.00" in at_counter.reads(page)
    assert "Pay on a terminal" in at_counter.reads(page)


def test_what_it_costs_less_goes_back_as_was_read_out(at_counter: Tablet, sold: Order) -> None:
    plan = begins(at_counter, sold, "18.00")
    assert "€18.00 of what comes back pays for the new purchase." in text(plan)
    assert "You give the customer €7.00 from the till, once you have confirmed it." in text(plan)
    page = at_counter.opens(at_counter.agrees(path_of(sold), plan)["Location"])
    assert "Refund of €7.00" in text(page)
    assert fresh(sold).refunded == 2_500


def test_a_double_touch_exchanges_once(at_counter: Tablet, sold: Order) -> None:
    plan = begins(at_counter, sold, "25.00")
    pages = {at_counter.agrees(path_of(sold), plan)["Location"] for _ in range(2)}
    assert len(pages) == Refund.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"returned": "26.00"}, "At most €25.00 can be given back."),
        ({"total": "0"}, "above zero"),
        ({"reason": ""}, "Say why it comes back."),
        ({"reason_code": "nothing"}, "not one of the choices"),
        ({"reference": "4111 1111 1111 1111"}, "card number"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_moves(
    at_counter: Tablet, sold: Order, fields: dict[str, str], why: str
) -> None:
    answer = begins(at_counter, sold, **{"total": "25.00"} | fields)
    assert answer.status_code == 422
    assert why in text(answer)
    assert Refund.objects.count() == 0


def test_the_merchants_own_reasons_are_touched(shop: Shop, at_counter: Tablet, sold: Order) -> None:
    RefundReason.objects.create(merchant=shop.merchant, code="size", english="Wrong size", dutch="Verkeerde maat")
    page = at_counter.opens(path_of(sold)).content.decode()
    assert re.search(r'name="reason_code" value="size"', page)
    plan = begins(at_counter, sold, "25.00", reason="", reason_code="size")
    assert "Reason: Wrong size" in text(plan)
    at_counter.agrees(path_of(sold), plan)
    assert (Refund.objects.get().reason, Refund.objects.get().reason_code) == ("size", "size")


def test_a_role_without_refunds_exchanges_nothing(
    at_counter: Tablet, sold: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = permissions.GRANTS[Role.Name.CLERK] - {permissions.May.REFUND}
    monkeypatch.setitem(permissions.GRANTS, Role.Name.CLERK, held)
    assert at_counter.opens(path_of(sold)).status_code == 403
