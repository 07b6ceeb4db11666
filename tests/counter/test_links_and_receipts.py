"""A payment link with its code to scan, and receipts that are printed or sent."""

import pytest
from django.core import mail

from payments.models import PaymentLink, ReceiptDue
from payments.notify.models import Mail
from payments.people import permissions
from payments.people.models import Role, User
from payments.services.send_receipt import write_due
from tests.builders import Shop
from tests.counter.cast import Tablet, text


def asks_for(tablet: Tablet, path: str, **fields: str) -> str:
    """Fill in the form of a link; where its page is."""
    first = tablet.fields(tablet.opens(path))
    answer = tablet.sends(path, **first | fields)
    assert answer.status_code == 302, text(answer)
    return answer["Location"]


def test_a_link_for_something_new_shows_its_code(shop: Shop, anna: User, at_counter: Tablet) -> None:
    page = asks_for(at_counter, "/counter/link", amount="24,95", description="Bike bell")
    link = PaymentLink.objects.get()
    assert (link.channel, link.amount, link.description) == (shop.store, 2_495, "Bike bell")
    shown = at_counter.opens(page)
    assert f"/pay/{link.token}/qr.svg" in shown.content.decode()
    assert "€24.95" in text(shown)
    assert "Waiting for the customer to pay." in text(shown)


def test_a_link_for_an_order_asks_for_what_is_due(shop: Shop, at_counter: Tablet) -> None:
    paid = shop.pay_cash(1_000, order_total=2_500)
    assert "Still to pay €15.00" in at_counter.reads(f"/counter/orders/{paid.order_id}")
    asks_for(at_counter, f"/counter/orders/{paid.order_id}/link")
    link = PaymentLink.objects.get()
    assert (link.order_id, link.amount) == (paid.order_id, 1_500)


def test_sent_twice_makes_one_link(at_counter: Tablet) -> None:
    first = at_counter.fields(at_counter.opens("/counter/link")) | {"amount": "5.00", "description": "Bell"}
    pages = {at_counter.sends("/counter/link", **first)["Location"] for _ in range(3)}
    assert len(pages) == PaymentLink.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"amount": "free"}, "Write an amount"),
        ({"amount": "-5"}, "above zero"),
        ({"amount": "5.00", "description": "4111 1111 1111 1111"}, "card number"),
        ({"amount": "5.00", "description": ""}, "required"),
    ],
)
def test_what_is_wrong_with_a_link_is_named(at_counter: Tablet, fields: dict[str, str], why: str) -> None:
    first = at_counter.fields(at_counter.opens("/counter/link"))
    answer = at_counter.sends("/counter/link", **first | {"description": "Bell"} | fields)
    assert answer.status_code == 422
    assert why in text(answer)


def test_a_receipt_is_shown_with_a_code_that_finds_it_again(shop: Shop, at_counter: Tablet) -> None:
    payment = shop.pay_cash(1_250)
    page = at_counter.opens(f"/counter/receipts/{payment.id}")
    assert str(payment.receipt_number) in text(page)
    assert "<svg" in page.content.decode()
    pdf = at_counter.opens(f"/counter/receipts/{payment.id}/pdf")
    assert pdf.content.startswith(b"%PDF")
    refund = shop.refund(payment.order, 250, channel=shop.store)
    assert "Refund receipt" in at_counter.reads(f"/counter/receipts/{refund.id}")


def test_a_receipt_is_sent_once_to_the_address_that_was_typed(shop: Shop, anna: User, at_counter: Tablet) -> None:
    payment = shop.pay_cash(1_250)
    page = f"/counter/receipts/{payment.id}"
    form = at_counter.fields(at_counter.opens(page)) | {"to": "eva@example.com"}
    for _ in range(2):
        sent = at_counter.sends(page + "/mail", **form)
        assert "The receipt is on its way." in text(at_counter.opens(sent["Location"]))
    assert ReceiptDue.objects.get().to == "eva@example.com"
    write_due()
    assert Mail.objects.get().to == "eva@example.com"
    assert mail.outbox == []  # another worker sends it


def test_a_receipt_needs_an_address_and_something_paid(shop: Shop, at_counter: Tablet) -> None:
    payment = shop.pay_cash(1_250)
    page = f"/counter/receipts/{payment.id}"
    form = at_counter.fields(at_counter.opens(page))
    for to in ("", "eva at home"):
        answer = at_counter.sends(page + "/mail", **form | {"to": to})
        assert answer.status_code == 422
    assert ReceiptDue.objects.count() == 0


def test_a_role_without_it_neither_asks_for_money_nor_sends(
    shop: Shop, at_counter: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.pay_cash(1_250)
    held = permissions.GRANTS[Role.Name.CLERK] - {permissions.May.REQUEST_PAYMENT, permissions.May.SEND_MAIL}
    monkeypatch.setitem(permissions.GRANTS, Role.Name.CLERK, held)
    assert at_counter.opens("/counter/link").status_code == 403
    assert (
        at_counter.sends(f"/counter/receipts/{payment.id}/mail", once="0" * 32, to="a@example.com").status_code == 403
    )
    assert "Send by e-mail" not in at_counter.reads(f"/counter/receipts/{payment.id}")
    assert PaymentLink.objects.count() == ReceiptDue.objects.count() == 0


def test_a_second_link_for_an_order_is_warned_about_and_the_first_can_be_taken_back(
    shop: Shop, at_counter: Tablet
) -> None:
    paid = shop.pay_cash(1_000, order_total=2_500)
    order = f"/counter/orders/{paid.order_id}"
    page = asks_for(at_counter, f"{order}/link")
    assert page in at_counter.opens(order).content.decode()
    assert "the customer may pay twice" in at_counter.reads(f"{order}/link")
    answer = at_counter.sends(f"{page}/cancel")
    assert answer["Location"] == page
    assert "Canceled." in at_counter.reads(page)
    assert page not in at_counter.opens(order).content.decode()
    assert at_counter.sends(f"{page}/cancel")["Location"] == page  # once more changes nothing


def test_a_link_asks_for_no_more_than_is_due(shop: Shop, at_counter: Tablet) -> None:
    paid = shop.pay_cash(1_000, order_total=2_500)
    path = f"/counter/orders/{paid.order_id}/link"
    first = at_counter.fields(at_counter.opens(path))
    answer = at_counter.sends(path, **first | {"amount": "500,00"})
    assert answer.status_code == 422
    assert "At most €15.00 is still to be paid." in text(answer)
    assert not PaymentLink.objects.exists()
