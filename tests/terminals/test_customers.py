"""A customer shows a card or app at the counter: the sale is theirs, online purchases beside it, and they are forgotten."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import CardEvidence, Order, Payment
from payments.people.models import Customer
from terminals.models import SequenceConflict
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.terminals.conftest import paired
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db


def buys_elsewhere(api: Api, reference: str) -> None:
    body = {"order_reference": "W-1", "amount": 2500, "currency": "EUR", "method": "cash"}
    assert api.post("/v1/payments", {**body, "customer": {"reference": reference}}).status_code == 201


def test_one_customer_by_pin_and_by_another_way(shop: Shop, terminal: Device) -> None:
    buys_elsewhere(shop.api(channel=shop.store), "anna")
    terminal.post(sale(1, 1000, customer="anna"), sale(2, 500, customer="bob"), sale(3, 700, customer="anna"))
    known = shop.api().get("/v1/customers/anna").json()
    assert len(known["orders"]) == 3
    terminal.post(sale(4, 900, customer=known["id"]))
    assert Payment.objects.filter(customer_id=known["id"]).count() == 4
    assert Customer.objects.count() == 2


def test_a_loyalty_number_makes_a_customer_once(shop: Shop, terminal: Device, other_terminal: Device) -> None:
    terminal.post(sale(1, 1000, loyalty_id="L-77"), sale(2, 1100, loyalty_id="L-77"))
    other_terminal.post(sale(1, 1200, loyalty_id="L-77", order_reference="T-9"))
    [customer] = Customer.objects.all()
    assert (customer.loyalty_id, customer.reference) == ("L-77", None)
    assert set(Order.objects.values_list("customer_id", flat=True)) == {customer.id}
    assert shop.api().get(f"/v1/customers/{customer.id}").json()["loyalty_id"] == "L-77"


def test_who_asks_to_be_forgotten_stands_nowhere(shop: Shop, terminal: Device) -> None:
    terminal.post(sale(1, 1000, loyalty_id="L-77"))
    terminal.post(sale(1, 2000, loyalty_id="L-77"))  # a conflict is kept as well
    customer = Customer.objects.get()
    assert shop.api().delete(f"/v1/customers/{customer.id}").status_code == 204
    kept = [*CardEvidence.objects.values_list("posted"), *SequenceConflict.objects.values_list("posted")]
    assert len(kept) == 2 and "L-77" not in json.dumps(kept)
    customer.refresh_from_db()
    assert customer.loyalty_id is None and Payment.objects.get().customer_id == customer.id
    # The number belongs to nobody known by now.
    terminal.post(sale(2, 1000, loyalty_id="L-77"))
    assert Customer.objects.count() == 2


@pytest.mark.parametrize(
    "given", [{"customer": "cus_00000000000000000000000000"}, {"customer": "a", "loyalty_id": "b"}]
)
def test_an_id_that_names_nobody_is_refused(terminal: Device, given: dict[str, Any]) -> None:
    refusal(terminal.post(sale(1, 1000, **given)), 422, "validation_failed")
    assert not Payment.objects.exists() and not Customer.objects.exists()


def test_a_number_that_looks_like_a_card_is_masked_and_stays_one_customer(terminal: Device) -> None:
    first, second = "4111111111111111", "4012888888881881"
    terminal.post(sale(1, 1000, loyalty_id=first), sale(2, 1000, loyalty_id=second), sale(3, 900, loyalty_id=first))
    assert Customer.objects.count() == 2
    assert not Customer.objects.filter(loyalty_id__in=[first, second]).exists()


def test_customers_cost_a_constant_number_of_round_trips(back_office: Api) -> None:
    def cost(customers: int) -> int:
        device = paired(back_office)
        rows = [sale(at, 1000 + at, loyalty_id=f"{device.terminal}-{at % customers}") for at in range(1, 101)]
        with CaptureQueriesContext(connection) as captured:
            device.batch(rows)
        return len(captured)

    cost(1)  # the accounts of the books are made once
    assert cost(100) == cost(1)
