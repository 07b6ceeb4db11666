"""People in the shop ask customers to pay: they make links, send, show and cancel them, and read what was mailed."""

import re
from typing import Any

import pytest

from payments import mail
from payments.models import Order, PaymentLink
from payments.notify.models import Mail
from payments.services.link import read
from tests.admin.conftest import Browser, SignIn
from tests.admin.test_buttons import assert_no_answer_is_invented, hidden
from tests.builders import Shop, fresh, open_shop

pytestmark = pytest.mark.django_db


def make(browser: Browser, shop: Shop, status: int = 200, **given: Any) -> str:
    """Fill in the form for a new link."""
    asked: dict[str, Any] = {"channel": shop.webshop.id, "description": "Autumn bouquet", "amount": "49.50"} | given
    asked["once"] = given.get("once") or hidden(browser.get("payments/paymentlink/add/"), "once")
    return browser.post("payments/paymentlink/add/", status=status, **asked)


def test_a_link_is_made_shown_and_found(shop: Shop, root: Browser) -> None:
    page = make(root, shop, order_reference="1001")
    link = PaymentLink.objects.get()
    assert (link.amount, link.order and link.order.reference, link.order and link.order.total) == (4_950, "1001", 4_950)
    assert "€49.50" in page
    assert f"/pay/{link.token}" in page
    assert f'src="/pay/{link.token}/qr.svg"' in page
    assert link.id in root.get("payments/paymentlink/", q=f"http://any.example/pay/{link.token}")
    assert link.id in root.get("payments/paymentlink/", state="active")
    assert link.id not in root.get("payments/paymentlink/", state="paid")
    assert "Autumn bouquet" in root.get(f"payments/order/{link.order_id}/change/")


def test_one_form_makes_one_link(shop: Shop, root: Browser) -> None:
    once = hidden(root.get("payments/paymentlink/add/"), "once")
    make(root, shop, once=once)
    assert "Nothing was done twice" in make(root, shop, once=once)
    assert PaymentLink.objects.count() == 1
    assert_no_answer_is_invented(PaymentLink.objects.get().id)


def test_an_open_amount_with_bounds_that_may_be_used_again(shop: Shop, root: Browser) -> None:
    page = make(root, shop, amount="", amount_min="5", amount_max="100", reusable="on", methods=["ideal"])
    link = PaymentLink.objects.get()
    assert (link.amount, link.amount_min, link.amount_max, link.reusable) == (None, 500, 10_000, True)
    assert link.methods == ["ideal"]
    assert "€5.00 – €100.00" in page


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"amount": ""}, "Enter an amount, or both the lowest and the highest amount"),
        ({"amount_min": "5", "amount_max": "9"}, "Enter an amount, or both the lowest and the highest amount"),
        ({"amount": "", "amount_min": "5"}, "Enter an amount, or both the lowest and the highest amount"),
        ({"amount": "", "amount_min": "9", "amount_max": "5"}, "The lowest amount is higher than the highest amount"),
        ({"amount": "1.255"}, "can be read in two ways"),
        ({"description": "4111 1111 1111 1111"}, "This contains a card number"),
        ({"order_reference": "4111111111111111"}, "This contains a card number"),
        ({"expires_at": "2020-01-01T00:00"}, "Choose a moment in the future"),
        ({"channel": "chn_unknown"}, "valid choice"),
        ({"to": "nobody"}, "valid email"),
    ],
)
def test_what_is_wrong_is_said_and_makes_nothing(
    shop: Shop, root: Browser, given: dict[str, str], expected: str
) -> None:
    page = make(root, shop, status=422, **given)
    assert expected in page
    assert "4111" not in re.sub(r"<(?:input|textarea)[^>]*>", "", page)
    assert not PaymentLink.objects.exists()


def test_a_link_for_an_order_asks_what_is_due(shop: Shop, root: Browser) -> None:
    paid = shop.pay_cash(1_000, order_total=3_000)
    path = f"payments/order/{paid.order_id}/link/"
    form = root.get(path)
    assert hidden(form, "amount") == "20.00"
    asked: dict[str, Any] = {
        "channel": shop.webshop.id,
        "description": "The rest",
        "to": "anna@example.com",
        "language": "nl",
    }
    page = root.post(path, once=hidden(form, "once"), amount="", **asked)
    link = PaymentLink.objects.get()
    assert (link.order_id, link.amount, link.channel_id) == (paid.order_id, None, shop.webshop.id)
    assert "The rest" in page
    letter = Mail.objects.get()
    assert (letter.to, letter.object_id, "€\N{NO-BREAK SPACE}20,00" in letter.text) == (
        "anna@example.com",
        link.id,
        True,
    )
    assert "anna@example.com" in root.get(f"payments/order/{paid.order_id}/change/")
    full = shop.pay_cash(1_000, order_total=1_000)
    assert f"{full.order_id}/link/" not in root.get(f"payments/order/{full.order_id}/change/")


def test_a_link_is_sent_and_canceled(shop: Shop, root: Browser, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make(root, shop)
    link = PaymentLink.objects.get()
    base = f"payments/paymentlink/{link.id}"
    assert "Sent to anna@example.com" in root.post(f"{base}/send/", to="anna@example.com", language="")
    mail.send_due()
    letter = Mail.objects.get()
    page = root.get(f"notify/mail/{letter.id}/change/")
    assert letter.text.splitlines()[0] in page.replace("&amp;", "&")
    assert letter.id in root.get("notify/mail/", q="anna@example.com")
    assert "is sent again" in root.post(f"notify/mail/{letter.id}/again/")
    assert fresh(letter).status == "pending"

    assert "can no longer be paid" in root.post(f"{base}/cancel/")
    assert read(link.id).status == "canceled"
    assert "already" in root.post(f"{base}/cancel/", status=422)
    assert "Make a new one" in root.post(f"{base}/send/", status=422, to="anna@example.com")
    assert f"{link.id}/send/" not in root.get(f"{base}/change/")


def test_who_may_ask_for_money(shop: Shop, sign_in: SignIn) -> None:
    for role in ("owner", "finance", "store_manager", "clerk"):
        make(sign_in(role), shop)
    link = PaymentLink.objects.first()
    assert link is not None
    auditor = sign_in("auditor")
    auditor.get("payments/paymentlink/add/", status=403)
    auditor.get(f"payments/paymentlink/{link.id}/change/")
    for action in ("send", "cancel"):
        auditor.get(f"payments/paymentlink/{link.id}/{action}/", status=403)
    auditor.get(f"payments/order/{link.order_id}/link/", status=403)


def test_a_stores_clerk_asks_in_the_store_only(shop: Shop, sign_in: SignIn) -> None:
    clerk = sign_in("clerk", channel_id=shop.store.id)
    assert "valid choice" in make(clerk, shop, status=422)
    make(clerk, shop, channel=shop.store.id)
    assert Order.objects.get().channel == shop.store


def test_nobody_sees_another_merchants_links_and_mails(shop: Shop, root: Browser, sign_in: SignIn) -> None:
    stranger = open_shop("Vreemd")
    make(root, stranger, to="bob@example.com")
    link, letter, owner = PaymentLink.objects.get(), Mail.objects.get(), sign_in("owner")
    assert link.id not in owner.get("payments/paymentlink/")
    assert "bob@example.com" not in owner.get("notify/mail/")
    for path in (f"payments/paymentlink/{link.id}", f"notify/mail/{letter.id}"):
        owner.get(f"{path}/change/", status=404)
    owner.get(f"notify/mail/{letter.id}/again/", status=404)
    assert "valid choice" in make(owner, stranger, status=422)


def test_the_code_is_shown_large_to_a_customer(shop: Shop, root: Browser) -> None:
    make(root, shop)
    link = PaymentLink.objects.get()
    page = root.client.get(f"/pay/{link.token}/qr", {"lang": "nl"})
    assert "Richt de camera" in page.content.decode()
    assert "unsafe-inline" not in page["Content-Security-Policy"]
    root.post(f"payments/paymentlink/{link.id}/cancel/")
    assert "qr.svg" not in root.client.get(f"/pay/{link.token}/qr").content.decode()
    assert root.client.get("/pay/unknown/qr").status_code == 404
