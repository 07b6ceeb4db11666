"""Give back at the counter: the way is read out first, and each refund is made once, whatever the line does."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Order, Payment, Refund
from payments.payloads import PAYMENT_RELATED
from payments.people import permissions
from payments.people.models import AuditLog, Role, User
from payments.services import create_setup
from tests.builders import BY, Shop, fresh, work
from tests.checkout.conftest import look_again
from tests.counter.cast import Tablet, pair_tablet, signed_in, staff, text
from tests.simulator import RunningSimulator
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def online(shop: Shop) -> Order:
    """49.90 paid in the webshop with a gift card, which needs no provider."""
    return shop.pay(4_990, method="voucher", voucher_code=shop.voucher(4_990).code).order


def path_of(order: Order) -> str:
    return f"/counter/orders/{order.id}/refund"


def begins(tablet: Tablet, order: Order, **fields: str) -> Any:
    """Fill in the form; the answer is the plan, or what is wrong."""
    once = tablet.fields(tablet.opens(path_of(order)))["once"]
    return tablet.sends(path_of(order), **{"once": once, "amount": "10.00", "reason": "Too small"} | fields)


def test_an_online_order_goes_back_where_it_came_from(
    shop: Shop, anna: User, at_counter: Tablet, simulator: RunningSimulator
) -> None:
    paid = shop.pay(4_990, method="ideal", return_url="https://shop.example/back")
    simulator.customer(paid.redirect_url, "approve")
    look_again()
    plan = begins(at_counter, paid.order, amount="49,90")
    assert re.search(r"€49\.90 goes back to the iDEAL account it came from, by (tomorrow|\w+day)\.", text(plan))
    assert Refund.objects.count() == 0
    done = at_counter.agrees(path_of(paid.order), plan)
    work()
    made = Refund.objects.get()
    assert (made.channel, made.requested_by, made.operator, made.amount) == (shop.store, anna.id, "Anna", 4_990)
    page = text(at_counter.opens(done["Location"]))
    assert "€49.90 · iDEAL" in page
    look_again()
    assert made.parts.get().route == "original"
    assert fresh(paid).amount_refunded == 4_990
    assert "Done: the customer has it by" in text(at_counter.opens(done["Location"]))


def test_nothing_moves_before_the_plan_was_agreed_to(shop: Shop, at_counter: Tablet, online: Order) -> None:
    plan = begins(at_counter, online)
    assert "€10.00 goes back on the voucher it was paid with" in text(plan)
    assert "Reason: Too small" in text(plan)
    changed = at_counter.sends(path_of(online), **at_counter.fields(plan), change="1")
    assert 'value="10.00"' in changed.content.decode()
    assert Refund.objects.count() == 0


def test_a_double_touch_and_a_reload_give_back_once(shop: Shop, at_counter: Tablet, online: Order) -> None:
    plan = begins(at_counter, online, amount="49.90")
    first = at_counter.agrees(path_of(online), plan)
    again = at_counter.agrees(path_of(online), plan)  # nothing is left: it is still the same refund's page
    assert first["Location"] == again["Location"]
    assert Refund.objects.count() == 1


def test_many_touches_at_once_give_back_once(shop: Shop, at_counter: Tablet, online: Order) -> None:
    plan = begins(at_counter, online)
    answers = at_once(*[lambda: at_counter.agrees(path_of(online), plan) for _ in range(6)])
    assert {answer["Location"] for answer in answers} == {f"/counter/refunds/{Refund.objects.get().id}"}
    assert fresh(online).refunded == 1_000


def test_a_plan_that_changed_meanwhile_is_read_out_again(shop: Shop, at_counter: Tablet, online: Order) -> None:
    shop.pay_cash(2_000, order=online)
    plan = begins(at_counter, online, amount="30.00")
    assert "from the till" in text(plan)
    cash = Payment.objects.select_related(*PAYMENT_RELATED).get(method="cash")
    shop.refund(cash, 1_500, channel=shop.store)
    answer = at_counter.agrees(path_of(online), plan)
    assert answer.status_code == 200
    assert "You give the customer €5.00 from the till" in text(answer)
    assert Refund.objects.count() == 1


def test_of_which_payment_can_be_chosen(shop: Shop, at_counter: Tablet, online: Order) -> None:
    cash = shop.pay_cash(2_000, order=online)
    at_counter.gives_back(online.id, "5.00", payment=cash.id)
    assert Refund.objects.get().parts.get().payment_id == cash.id


def test_more_than_is_left_is_refused_with_what_is(shop: Shop, at_counter: Tablet, online: Order) -> None:
    answer = begins(at_counter, online, amount="50.00")
    assert answer.status_code == 422
    assert "At most €49.90 can be given back." in text(answer)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"amount": "0"}, "above zero"),
        ({"amount": "1.250"}, "two ways"),
        ({"amount": ""}, "required"),
        ({"reason": ""}, "Say why it comes back."),
        ({"reason": "card 4111 1111 1111 1111"}, "card number"),
        ({"route": "pigeon"}, "not one of the choices"),
        ({"route": "bank", "why": "No card any more"}, "IBAN"),
        ({"route": "bank", "why": "No card", "iban": "NL00ABNA0417164300", "account_name": "A"}, "not a valid IBAN"),
        ({"route": "bank", "why": "No card", "iban": "NL91ABNA0417164300"}, "whose account"),
        ({"route": "voucher"}, "Say why"),
        ({"payment": "pay_other"}, "not one of the choices"),
        ({"terminal": "trm_other"}, "not one of the choices"),
        ({"once": "x"}, "not one of the choices"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    shop: Shop, at_counter: Tablet, online: Order, fields: dict[str, str], why: str
) -> None:
    answer = begins(at_counter, online, **fields)
    assert answer.status_code == 422
    assert why in text(answer)
    assert Refund.objects.count() == 0


def test_another_way_is_possible_with_the_reason_why_not_the_usual_one(
    shop: Shop, at_counter: Tablet, online: Order
) -> None:
    page = text(at_counter.opens(path_of(online)))
    assert "On the card, at the terminal: A terminal can refund only to a card." in page
    at_counter.gives_back(online.id, "10.00", route="cash", why="The gift card was thrown away")
    made = Refund.objects.get()
    assert made.parts.get().route == "cash"
    assert made.metadata == {"other_route_because": "The gift card was thrown away"}


def test_a_card_of_the_terminal_needs_a_choice_and_says_which(shop: Shop, at_counter: Tablet) -> None:
    answer = begins(at_counter, shop.pin(2_500).order)
    assert answer.status_code == 422
    assert "Ask the customer, and choose another way below." in text(answer)
    assert "<details open>" in answer.content.decode()


def test_the_code_of_a_voucher_is_shown_to_who_made_it_also_after_a_reload_and_to_nobody_else(
    shop: Shop, at_counter: Tablet, online: Order
) -> None:
    page = at_counter.gives_back(online.id, "10.00", route="voucher", why="She wants one")
    made = Refund.objects.get()
    code = re.search(r'id="voucher">([^<]+)<', page.content.decode())
    assert code is not None
    assert shop.pay(1_000, method="voucher", voucher_code=code[1]).status == "captured"
    assert code[1] in at_counter.opens(f"/counter/refunds/{made.id}").content.decode()
    other = signed_in(shop.store, staff("ben", shop.store))
    assert code[1] not in other.opens(f"/counter/refunds/{made.id}").content.decode()
    assert code[1] not in at_counter.browser.cookies["counter_code"].value


def test_above_the_limit_a_second_person_is_asked_and_nothing_moves(
    shop: Shop, at_counter: Tablet, online: Order
) -> None:
    shop.merchant.second_person_above = 2_000
    shop.merchant.save()
    plan = begins(at_counter, online, amount="49.90")
    assert "A second person has to agree to this before any money moves." in text(plan)
    page = at_counter.opens(at_counter.agrees(path_of(online), plan)["Location"])
    assert "Nothing has moved yet" in text(page)
    assert Refund.objects.get().status == "requires_approval"


def test_a_role_without_refunds_is_told_so_and_the_refusal_is_the_services(
    shop: Shop, at_counter: Tablet, anna: User, online: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = begins(at_counter, online)
    without = permissions.GRANTS[Role.Name.CLERK] - {permissions.May.REFUND}
    monkeypatch.setitem(permissions.GRANTS, Role.Name.CLERK, without)
    assert "Give back" not in at_counter.reads(f"/counter/orders/{online.id}")
    for answer in (at_counter.opens(path_of(online)), at_counter.agrees(path_of(online), plan)):
        assert answer.status_code == 403
        assert "Your role in this store does not include this." in text(answer)
    assert Refund.objects.count() == 0


def test_without_its_token_the_form_does_nothing(shop: Shop, anna: User, online: Order) -> None:
    tablet = signed_in(shop.store, anna)
    tablet.browser.handler.enforce_csrf_checks = True
    assert tablet.sends(path_of(online), once="0" * 32, amount="10.00", reason="x").status_code == 403


def test_a_refund_is_the_stores_and_the_persons_in_every_record(
    shop: Shop, anna: User, at_counter: Tablet, online: Order
) -> None:
    at_counter.gives_back(online.id, "10.00")
    made = Refund.objects.get()
    assert (made.channel_id, made.requested_by) == (shop.store.id, anna.id)
    history = at_counter.reads(f"/counter/orders/{online.id}")
    assert "Anna €10.00 was given back" in history
    assert not AuditLog.objects.filter(action__endswith=".refused").exists()


def test_a_tablet_of_another_store_gives_back_there(shop: Shop, online: Order) -> None:
    other = create_setup.create_channel(merchant=shop.merchant, kind="in_store", name="Bloem Zeist", actor=BY)
    ben = staff("ben", other)
    tablet = pair_tablet(other)
    tablet.signs_in(ben)
    tablet.gives_back(online.id, "10.00")
    assert Refund.objects.get().channel == other


def test_cash_is_handed_over_once_it_is_booked_and_not_before(shop: Shop, at_counter: Tablet) -> None:
    """The biggest line of the first page was "give it now": who did, and went no further, had booked nothing."""
    sold = shop.pay_cash(2_000)
    plan = begins(at_counter, sold.order, amount="10.00")
    assert "once you have confirmed it" in text(plan) and "now" not in text(plan)
    page = at_counter.agrees(path_of(sold.order), plan)["Location"]
    assert "Give the customer €10.00 from the till now." in at_counter.reads(page)
    Refund.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    assert "from the till now" not in at_counter.reads(page)  # who looks again later does not pay again
