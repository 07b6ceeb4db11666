"""Payments by one card: tied where the merchant switched that on, shown beside one another, and never merged."""

from typing import Any

import pytest

from payments.models import Merchant, Order, Payment
from payments.people.models import AuditLog, Customer, Role
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.people.cast import person
from tests.people.test_admin import browser
from tests.terminals.device import Device, sale
from tests.terminals.test_driven_sales import charge

pytestmark = pytest.mark.django_db

PLASTIC = {"brand": "visa", "last4": "4242", "fingerprint": "fp_plastic", "par": "PAR1"}
PHONE = {"brand": "visa", "last4": "9915", "fingerprint": "fp_phone", "par": "PAR1"}
OTHER = {"brand": "visa", "last4": "4242", "fingerprint": "fp_other", "par": "PAR2"}


@pytest.fixture
def ties(shop: Shop) -> Merchant:
    Merchant.objects.filter(id=shop.merchant.id).update(tie_cards=True)
    shop.merchant.refresh_from_db()
    return shop.merchant


def paid(terminal: Device, sequence: int, card: dict[str, str], **more: Any) -> str:
    payment: str = terminal.post(sale(sequence, 1000 + sequence, card=card, **more)).json()["payment"]
    return payment


def same_as(api: Api, payment: str) -> list[str]:
    return [row["id"] for row in api.get("/v1/payments", same_card_as=payment).json()["data"]]


def test_nothing_is_tied_unless_somebody_decides_it(back_office: Api, terminal: Device) -> None:
    first, _ = paid(terminal, 1, PLASTIC, customer="anna"), paid(terminal, 2, PLASTIC)
    assert back_office.get("/v1/merchant").json()["tie_cards"] is False
    refusal(back_office.get("/v1/payments", same_card_as=first), 409, "cards_not_tied")
    assert back_office.get("/v1/customers/anna").json()["same_card"] == []


def test_the_switch_is_the_merchants_and_stands_in_the_audit_log(shop: Shop) -> None:
    assert shop.api().patch("/v1/merchant", {"tie_cards": True}).json()["tie_cards"] is True
    line = AuditLog.objects.filter(object_id=shop.merchant.id, action="merchant.changed").latest("id")
    assert (line.before["tie_cards"], line.after["tie_cards"]) == (False, True)


@pytest.mark.usefixtures("ties")
def test_a_card_and_the_phone_it_is_in_are_one_and_cards_that_look_alike_are_not(
    back_office: Api, terminal: Device
) -> None:
    plastic, phone = paid(terminal, 1, PLASTIC), paid(terminal, 2, PHONE)
    other = paid(terminal, 3, OTHER)
    without_par = paid(terminal, 4, {**PLASTIC, "par": None})  # type: ignore[dict-item]
    assert same_as(back_office, plastic) == [without_par, phone]
    assert same_as(back_office, phone) == [plastic]
    assert same_as(back_office, other) == []
    assert same_as(back_office, without_par) == [plastic]
    assert same_as(back_office, "pay_00000000000000000000000000") == []
    # A token that agrees is outweighed by an account that differs.
    reissued = paid(terminal, 5, {**PLASTIC, "par": "PAR9"})
    assert plastic not in same_as(back_office, reissued)


@pytest.mark.usefixtures("ties")
def test_a_card_without_a_name_is_tied_to_nothing(back_office: Api, terminal: Device) -> None:
    first = paid(terminal, 1, {"brand": "visa", "last4": "4242"})
    paid(terminal, 2, {"brand": "visa", "last4": "4242"})
    assert same_as(back_office, first) == []


@pytest.mark.usefixtures("ties")
def test_a_customer_shows_what_was_paid_by_the_same_card_beside_the_orders_and_merges_nothing(
    back_office: Api, terminal: Device
) -> None:
    paid(terminal, 1, PLASTIC, customer="anna")
    nobodys, bobs = paid(terminal, 2, PHONE, order_reference="T-2"), paid(terminal, 3, PLASTIC, customer="bob")
    anna = back_office.get("/v1/customers/anna").json()
    assert len(anna["orders"]) == 1
    assert [(row["payment"], row["by"]) for row in anna["same_card"]] == [(bobs, "par"), (nobodys, "par")]
    assert anna["same_card"][1]["order"]["reference"] == "T-2"
    assert Payment.objects.get(id=nobodys).customer_id is None
    assert Order.objects.get(payments__id=nobodys).customer_id is None
    assert Customer.objects.count() == 2


@pytest.mark.usefixtures("ties")
def test_who_is_forgotten_is_found_by_no_card(back_office: Api, terminal: Device, shop: Shop) -> None:
    annas, bobs = paid(terminal, 1, PLASTIC, customer="anna"), paid(terminal, 2, PLASTIC, customer="bob")
    known = back_office.get("/v1/customers/anna").json()["id"]
    assert shop.api().delete(f"/v1/customers/{known}").status_code == 204
    row = Payment.objects.get(id=annas)
    assert (row.card_fingerprint, row.card_par, row.card_last4) == (None, None, "4242")
    assert Payment.objects.get(id=bobs).card_fingerprint == "fp_plastic"
    assert same_as(back_office, bobs) == []
    assert back_office.get("/v1/customers/bob").json()["same_card"] == []
    assert back_office.get(f"/v1/customers/{known}").json()["same_card"] == []
    # What the provider says of that card afterwards ties nothing either.
    Payment.objects.filter(id=annas).update(card_fingerprint="fp_plastic", card_par="PAR1")
    assert (same_as(back_office, bobs), same_as(back_office, annas)) == ([], [])


@pytest.mark.usefixtures("ties")
def test_another_merchants_payments_are_no_matter(
    back_office: Api, terminal: Device, stranger: Shop, ties: Merchant
) -> None:
    first = paid(terminal, 1, PLASTIC)
    Merchant.objects.update(tie_cards=True)
    assert same_as(stranger.api(), first) == []


@pytest.mark.usefixtures("ties")
@pytest.mark.parametrize(("language", "title"), [("en", "Same card"), ("nl", "Zelfde kaart")])
def test_pages_of_payment_order_and_customer_show_it(
    back_office: Api, terminal: Device, shop: Shop, language: str, title: str
) -> None:
    annas, nobodys = paid(terminal, 1, PLASTIC, customer="anna"), paid(terminal, 2, PHONE)
    finance = person("finance", shop.merchant.id, role=Role.Name.FINANCE)
    finance.language = language
    finance.save()
    client = browser(finance)
    customer = Customer.objects.get()
    pages = (
        f"payments/payment/{annas}/change/",
        f"payments/order/{Payment.objects.get(id=annas).order_id}/change/",
        f"people/customer/{customer.id}/change/",
    )
    for page in pages:
        shown = client.get(f"/admin/{page}").content.decode()
        assert title in shown
        assert nobodys in shown
    Merchant.objects.update(tie_cards=False)
    assert title not in client.get(f"/admin/{pages[0]}").content.decode()


def test_a_driven_sale_is_whose_it_is_said_to_be(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal, customer="anna", order_reference="T-1")
    anna = Customer.objects.get(reference="anna")
    assert Payment.objects.get(id=action["payment"]).customer_id == anna.id
    assert Order.objects.get(reference="T-1").customer_id == anna.id
    terminal.poll()
    terminal.result(action["id"], sale(1))
    again = charge(back_office, terminal, customer=anna.id, order_reference="T-2")
    assert Payment.objects.get(id=again["payment"]).customer_id == anna.id
    assert len(back_office.get("/v1/customers/anna").json()["orders"]) == 2


def test_a_driven_sale_takes_a_loyalty_number(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal, loyalty_id="L-77")
    assert Payment.objects.get(id=action["payment"]).customer_id == Customer.objects.get(loyalty_id="L-77").id


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"customer": "cus_00000000000000000000000000"}, "customer"),
        ({"customer": "a", "loyalty_id": "b"}, "loyalty_id"),
    ],
)
def test_a_driven_sale_of_nobody_known_is_refused(
    back_office: Api, terminal: Device, given: dict[str, str], place: str
) -> None:
    body = {"type": "sale", "amount": 1250, "currency": "EUR", **given}
    answer = back_office.post(f"/v1/terminals/{terminal.terminal}/actions", body)
    refusal(answer, 422, "validation_failed")
    assert not Payment.objects.exists()
