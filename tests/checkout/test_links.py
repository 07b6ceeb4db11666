"""Links are made, found, sent and taken back over the API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from payments import mail
from payments.models import Order, PaymentLink
from payments.notify.models import Mail
from tests.api.client import Api, faults, refusal
from tests.builders import Shop, fresh

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"amount": 4_950, "currency": "EUR", "description": "Autumn bouquet"}
Make = Callable[..., dict[str, Any]]


def test_a_link_is_made_and_found(web: Api, make_link: Make) -> None:
    made = make_link(order_reference="1001", metadata={"table": "4"})
    assert (made["status"], made["payments"], made["order"]["reference"]) == ("active", [], "1001")
    assert made["qr_svg_url"] == made["url"] + "/qr.svg"
    assert len(made["url"].rpartition("/")[2]) == 32
    assert web.get(f"/v1/payment_links/{made['id']}").json() == made
    assert [row["id"] for row in web.get("/v1/payment_links").json()["data"]] == [made["id"]]
    assert web.get("/v1/payment_links", status="paid").json()["data"] == []


def test_the_order_that_a_link_makes_is_worth_what_it_asks(make_link: Make) -> None:
    assert Order.objects.get(id=make_link()["order"]["id"]).total == 4_950


def test_without_an_amount_the_order_says_what_is_due(web: Api, shop: Shop, make_link: Make) -> None:
    paid = shop.pay_cash(1_000, order_total=3_000)
    made = make_link(amount=None, order=paid.order_id)
    assert made["amount"] is None
    unknown = shop.pay_cash(500).order_id
    body = {"currency": "EUR", "description": "Rest", "order": unknown}
    assert refusal(web.post("/v1/payment_links", body), 422, "validation_failed")["param"] == "amount"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount_min": 5}, "amount_min"),
        ({"amount": None, "amount_min": 5}, "amount_max"),
        ({"amount": None, "amount_min": 5, "amount_max": 4}, "amount_max"),
        ({"currency": "XXX"}, "currency"),
        ({"description": ""}, "description"),
        ({"description": "4111 1111 1111 1111"}, "description"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"methods": ["cash"]}, "methods[0]"),
        ({"methods": []}, "methods"),
        ({"order": "ord_unknown"}, "order"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_wrong_wish_is_refused_and_makes_nothing(web: Api, change: dict[str, Any], place: str) -> None:
    answer = web.post("/v1/payment_links", BODY | change)
    members = answer.json()
    assert answer.status_code == 422
    assert place in {members["param"], *(fault["param"] for fault in members.get("errors", ()))}
    assert not PaymentLink.objects.exists()
    assert not Order.objects.exists()


def test_the_same_key_makes_one_link(web: Api) -> None:
    first = web.post("/v1/payment_links", BODY, idempotency_key="k1")
    assert web.post("/v1/payment_links", BODY, idempotency_key="k1").content == first.content
    assert PaymentLink.objects.count() == 1


def test_another_merchant_knows_nothing_of_it(make_link: Make) -> None:
    from payments.people.services import api_keys
    from tests.builders import BY, open_shop

    made, other = make_link(), open_shop("Vreemd")
    key = api_keys.create(merchant_id=other.merchant.id, test_mode=True, scopes=["all"], channel_id=None, actor=BY)
    stranger = Api(key.text)
    refusal(stranger.get(f"/v1/payment_links/{made['id']}"), 404, "not_found")
    refusal(stranger.post(f"/v1/payment_links/{made['id']}/cancel"), 404, "not_found")
    assert stranger.get("/v1/payment_links").json()["data"] == []


def test_a_link_is_taken_back_once(web: Api, make_link: Make) -> None:
    made = make_link()
    assert web.post(f"/v1/payment_links/{made['id']}/cancel").json()["status"] == "canceled"
    refusal(web.post(f"/v1/payment_links/{made['id']}/cancel"), 409, "payment_link_not_cancelable")
    assert web.get("/v1/payment_links", status="canceled").json()["data"][0]["id"] == made["id"]


def test_a_link_is_mailed_in_the_merchants_language(web: Api, make_link: Make, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    made = make_link(description="Herfstboeket <b>groot</b>")
    body = {"via": "email", "to": "anna@example.com"}
    assert web.post(f"/v1/payment_links/{made['id']}/send", body, idempotency_key="k1").status_code == 202
    web.post(f"/v1/payment_links/{made['id']}/send", body, idempotency_key="k1")
    assert mail.send_due() == 1
    (letter,) = outbox.outbox
    assert (letter.to, letter.subject) == (["anna@example.com"], "Uw betaling aan Bloem")
    assert made["url"] in letter.body
    assert "€\N{NO-BREAK SPACE}49,50" in letter.body
    assert isinstance(letter, EmailMultiAlternatives)
    ((html, _),) = letter.alternatives
    assert isinstance(html, str)
    assert made["url"] in html
    assert "<b>" not in html
    assert Mail.objects.get().status == "succeeded"


def test_what_the_server_refuses_is_tried_again_and_at_last_given_up(web: Api, make_link: Make, settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        9,
    )
    web.post(f"/v1/payment_links/{make_link()['id']}/send", {"via": "email", "to": "anna@example.com"})
    assert mail.send_due() == 1
    row = Mail.objects.get()
    assert (row.status, row.attempts) == ("pending", 1)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now()
    Mail.objects.update(next_attempt_at=timezone.now(), attempts=len(mail.PAUSES))
    mail.send_due()
    assert fresh(row).status == "failed"
    assert fresh(row).failure == "ConnectionRefusedError"


def test_old_letters_are_forgotten(web: Api, make_link: Make, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    web.post(f"/v1/payment_links/{make_link()['id']}/send", {"via": "email", "to": "anna@example.com"})
    Mail.objects.update(created_at=timezone.now() - Mail.RETENTION - timedelta(days=1))
    assert mail.forget() == 0  # not yet sent
    mail.send_due()
    assert mail.forget() == 1


@pytest.mark.parametrize("body", [{"via": "sms", "to": "a@b.nl"}, {"via": "email", "to": "nobody"}, {"via": "email"}])
def test_a_letter_to_nobody_is_refused(web: Api, make_link: Make, body: dict[str, str]) -> None:
    assert faults(web.post(f"/v1/payment_links/{make_link()['id']}/send", body))
    assert not Mail.objects.exists()
