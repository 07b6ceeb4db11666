"""Whoever holds a link's address needs no key: what they begin is limited, and begun once."""

from collections.abc import Callable
from typing import Any

import pytest

from payments.models import Payment
from tests.api.client import Api, refusal
from tests.checkout.conftest import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., dict[str, Any]]


def test_who_comes_again_is_led_to_the_payment_that_is_open(visitor: Visitor, make_link: Make) -> None:
    link = make_link()
    first, again = visitor.chooses(link, "ideal"), visitor.chooses(link, "ideal")
    assert (first.status_code, again.status_code) == (303, 303)
    assert first["Location"] == again["Location"]
    assert Payment.objects.count() == 1


def test_another_method_is_another_payment(visitor: Visitor, make_link: Make) -> None:
    link = make_link()
    visitor.chooses(link, "ideal")
    visitor.chooses(link, "bancontact")
    assert Payment.objects.count() == 2


def test_a_link_for_everybody_gives_each_a_payment_of_their_own(visitor: Visitor, make_link: Make) -> None:
    link = make_link(reusable=True)
    first, other = visitor.chooses(link, "ideal"), visitor.chooses(link, "ideal")
    assert first["Location"] != other["Location"]


def test_an_address_that_begins_payment_after_payment_waits_and_no_other_does(
    visitor: Visitor, make_link: Make
) -> None:
    link = make_link(reusable=True)
    tried = [visitor.chooses(link, "ideal") for _ in range(11)]
    assert [answer.status_code for answer in tried] == [303] * 10 + [429]
    assert 0 < int(tried[-1]["Retry-After"]) <= 10
    assert "Wait a moment" in tried[-1].content.decode()
    visitor.browser.defaults["REMOTE_ADDR"] = "10.0.0.9"
    assert visitor.chooses(link, "ideal").status_code == 303


def test_a_link_is_mailed_ten_times_an_hour_at_most(web: Api, make_link: Make) -> None:
    path = f"/v1/payment_links/{make_link()['id']}/send"
    letter = {"via": "email", "to": "anna@example.com"}
    assert {web.post(path, letter).status_code for _ in range(10)} == {202}
    answer = web.post(path, letter)
    refusal(answer, 429, "too_many_mails")
    assert 0 < int(answer["Retry-After"]) <= 3600
