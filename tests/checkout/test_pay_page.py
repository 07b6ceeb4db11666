"""A customer opens the address of a link and pays, in any of the ways a shop thinks of."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from payments.models import Discrepancy, Order, Payment, PaymentLink
from payments.providers.simulator.magic import Ending, magic
from tests.api.client import Api
from tests.builders import Shop, only
from tests.checkout.conftest import Visitor, look_again

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., dict[str, Any]]


def status(web: Api, link: dict[str, Any]) -> str:
    told: str = web.get(f"/v1/payment_links/{link['id']}").json()["status"]
    return told


def test_a_link_is_paid(web: Api, shop: Shop, visitor: Visitor, make_link: Make) -> None:
    link = make_link(order_reference="1001")
    first = visitor.opens(link)
    assert "€49.50" in first.content.decode()
    assert "unsafe-inline" not in first["Content-Security-Policy"]
    assert "<script" not in first.content.decode()
    back = visitor.pays(link)
    assert back.startswith(link["url"])
    assert "Paid. Thank you." in visitor.opens(link, back.partition(link["url"])[2]).content.decode()
    answer = web.get(f"/v1/payment_links/{link['id']}").json()
    payment = web.get(f"/v1/payments/{answer['payments'][0]}").json()
    assert (answer["status"], payment["status"], payment["method"]) == ("paid", "captured", "ideal")
    assert payment["order"]["reference"] == "1001"
    assert only(shop.books(), "receivable", "takings") == {"receivable": 4_950, "takings": -4_950}
    assert visitor.sends(link, {"attempt": "0" * 32, "method": "ideal"}).status_code == 422


def test_the_page_speaks_the_visitors_language(visitor: Visitor, make_link: Make) -> None:
    link = make_link()
    dutch = visitor.opens(link, **{"accept-language": "nl-NL,nl;q=0.9"}).content.decode()
    assert 'lang="nl"' in dutch
    assert "Hoe wilt u betalen?" in dutch
    assert "€\N{NO-BREAK SPACE}49,50" in dutch
    assert "How would you like to pay?" in visitor.opens(link, "?lang=en", **{"accept-language": "nl"}).content.decode()


def test_a_form_sent_twice_makes_one_payment(visitor: Visitor, make_link: Make) -> None:
    link = make_link()
    form = {"attempt": "a" * 32, "method": "ideal"}

    def send(_: int) -> str:
        try:
            return str(visitor.sends(link, form)["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        places = set(threads.map(send, range(6)))
    # Whoever came second is shown the page, which knows of the payment.
    assert all("attempt=" in place or place == Payment.objects.get().redirect_url for place in places)
    assert Payment.objects.count() == 1


def test_what_was_declined_can_be_tried_again(web: Api, visitor: Visitor, make_link: Make) -> None:
    link = make_link()
    visitor.pays(link, action="decline")
    again = visitor.opens(link).content.decode()
    assert "did not succeed" in again
    visitor.pays(link, method="bancontact")
    assert status(web, link) == "paid"
    assert Order.objects.count() == 1


def test_what_is_not_decided_yet_is_waited_for(visitor: Visitor, make_link: Make) -> None:
    link = make_link(amount=magic(49_00, Ending.PENDING_SUCCEEDS))
    begun = visitor.chooses(link, "ideal")
    assert "You have begun to pay" in visitor.opens(link).content.decode()
    back = visitor.simulator.customer(begun["Location"], "approve").headers["location"]
    look_again()
    waiting = visitor.opens(link, back.partition(link["url"])[2]).content.decode()
    assert "We are waiting for your bank" in waiting
    assert "<noscript><meta http-equiv" in waiting


def test_a_link_that_is_over_says_so(web: Api, visitor: Visitor, make_link: Make) -> None:
    canceled, expired = make_link(), make_link()
    web.post(f"/v1/payment_links/{canceled['id']}/cancel")
    PaymentLink.objects.filter(id=expired["id"]).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert "was canceled" in visitor.opens(canceled).content.decode()
    assert "has expired" in visitor.opens(expired).content.decode()
    assert status(web, expired) == "expired"
    for link in (canceled, expired):
        refused = visitor.sends(link, {"attempt": "b" * 32, "method": "ideal"})
        assert (refused.status_code, Payment.objects.count()) == (422, 0)


def test_an_address_that_nobody_gave_leads_nowhere(visitor: Visitor) -> None:
    answer = visitor.browser.get("/pay/" + "x" * 32)
    assert (answer.status_code, "leads nowhere" in answer.content.decode()) == (404, True)
    assert visitor.browser.get("/pay/x/qr.svg").status_code == 404


def test_an_open_amount_keeps_to_its_bounds(visitor: Visitor, make_link: Make) -> None:
    gift = make_link(amount=None, amount_min=500, amount_max=5_000, reusable=True)
    for wrong in ("4.99", "50.01", "1e3", "-5", "NaN", ""):
        assert visitor.chooses(gift, "ideal", amount=wrong).status_code == 422, wrong
    visitor.pays(gift, amount="12.50")
    visitor.pays(gift, amount="5")
    assert sorted(Payment.objects.values_list("amount", flat=True)) == [500, 1_250]
    assert Order.objects.count() == 2


def test_only_the_methods_that_a_link_allows(visitor: Visitor, make_link: Make) -> None:
    link = make_link(methods=["ideal"])
    page = visitor.opens(link).content.decode()
    assert 'value="ideal"' in page
    assert 'value="klarna"' not in page
    assert visitor.chooses(link, "klarna").status_code == 422


def test_part_gift_card_part_ideal(web: Api, shop: Shop, visitor: Visitor, make_link: Make) -> None:
    gift, link = shop.voucher(2_000), make_link()
    visitor.chooses(link, "voucher", voucher_code=gift.code)
    assert "€29.50" in visitor.opens(link).content.decode()
    assert status(web, link) == "active"
    visitor.pays(link)
    assert status(web, link) == "paid"
    assert sorted(Payment.objects.values_list("method", "amount_captured")) == [("ideal", 2_950), ("voucher", 2_000)]
    assert "Nothing is left" not in visitor.opens(link).content.decode()


def test_whoever_guesses_gift_cards_has_to_wait(visitor: Visitor, make_link: Make) -> None:
    link = make_link()
    answers = [visitor.chooses(link, "voucher", voucher_code=f"WRONG-{at}") for at in range(12)]
    assert {answer.status_code for answer in answers} == {422, 429}
    assert int(answers[-1]["Retry-After"]) >= 1
    assert "Too many wrong codes" in answers[-1].content.decode()


def test_ordered_online_paid_at_the_counter(web: Api, shop: Shop, visitor: Visitor, make_link: Make) -> None:
    link = make_link(order_reference="1001")
    shop.pin(4_950, order=Order.objects.get(id=link["order"]["id"]))
    assert status(web, link) == "paid"
    assert "Paid. Thank you." in visitor.opens(link).content.decode()
    assert visitor.sends(link, {"attempt": "c" * 32, "method": "ideal"}).status_code == 422


def test_paid_in_two_places_at_once_is_booked_and_told(shop: Shop, visitor: Visitor, make_link: Make) -> None:
    link = make_link(order_reference="1001")
    begun = visitor.chooses(link, "ideal")
    shop.pin(4_950, order=Order.objects.get(id=link["order"]["id"]))
    visitor.simulator.customer(begun["Location"], "approve")
    look_again()
    assert Order.objects.get(id=link["order"]["id"]).captured == 9_900
    assert Discrepancy.objects.get().kind == "overpaid"


def test_a_qr_code_leads_to_the_page(visitor: Visitor, make_link: Make) -> None:
    link = make_link()
    path = "/pay/" + link["url"].rpartition("/")[2]
    svg, png = visitor.browser.get(path + "/qr.svg"), visitor.browser.get(path + "/qr.png")
    assert (svg["Content-Type"], svg.content[:4]) == ("image/svg+xml", b"<svg")
    assert (png["Content-Type"], png.content[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
