"""A batch costs as many round trips to the database as a single transaction, give or take a few."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Payment, Refund
from tests.api.client import Api
from tests.terminals.conftest import paired
from tests.terminals.device import Device, refund, reversal, sale

pytestmark = pytest.mark.django_db
SOME = 4  # Django splits very large inserts; nothing else may depend on the length


def queries(device: Device, transactions: list[dict[str, Any]]) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = device.batch(transactions)
    assert {result["status"] for result in answer.json()["results"]} == {"recorded"}, answer.content
    return len(captured)


def mixed(count: int) -> list[dict[str, Any]]:
    """Sales on orders, half of them refunded or reversed at once."""
    day: list[dict[str, Any]] = []
    while len(day) < count:
        first = len(day) + 1
        day += [
            sale(first, order_reference=f"A-{first}"),
            sale(first + 1),
            refund(first + 2, original={"sequence": first}),
        ]
        day += [reversal(first + 3, of=first + 1), sale(first + 4, outcome="declined")]
    return day[:count]


def test_500_sales_cost_as_many_round_trips_as_5(back_office: Api) -> None:
    few = queries(paired(back_office), [sale(number, order_reference=f"F-{number}") for number in range(1, 6)])
    many = queries(paired(back_office), [sale(number, order_reference=f"M-{number}") for number in range(1, 501)])
    assert many <= few + SOME
    assert Payment.objects.count() == 505


def test_500_of_every_kind_cost_as_many_as_10(back_office: Api) -> None:
    few = queries(paired(back_office), mixed(10))
    many = queries(paired(back_office), [each | _elsewhere(each) for each in mixed(500)])
    assert many <= few + SOME
    assert Refund.objects.count() == 102


def _elsewhere(each: dict[str, Any]) -> dict[str, Any]:
    return {"order_reference": "M" + each["order_reference"]} if "order_reference" in each else {}


def test_one_sale_costs_few(terminal: Device) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert terminal.post(sale(1)).status_code == 201
    assert len(captured) <= 30
