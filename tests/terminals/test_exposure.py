"""What was approved offline and nothing confirms yet, by store, terminal and age."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment
from payments.people.models import Role
from payments.services.confirm import write_off_offline
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.people.cast import person
from tests.people.test_admin import browser, page
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db


def ago(days: float) -> str:
    return (timezone.now() - timedelta(days=days)).isoformat()


def sells_offline(device: Device, *, ages: dict[float, int]) -> None:
    rows = enumerate(ages.items(), start=1)
    device.batch([sale(at, amount, offline=True, occurred_at=ago(days)) for at, (days, amount) in rows])


def read(api: Api) -> list[dict[str, Any]]:
    answer = api.get("/v1/terminals/exposure")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_exposure_by_terminal_and_age(
    back_office: Api, terminal: Device, other_terminal: Device, shop: Shop, stranger: Shop
) -> None:
    sells_offline(terminal, ages={0.1: 1000, 2: 2000, 2.5: 500, 9: 4000})
    terminal.post(sale(5, 7000), sale(6, 300, offline=True, outcome="declined"))
    sells_offline(other_terminal, ages={5: 800, -0.5: 50})  # a clock half a day ahead
    first, second = read(back_office)
    assert first["terminal"] == {"id": terminal.terminal, "label": "Counter 1"}
    assert (first["channel"]["id"], first["count"], first["amount"]) == (shop.store.id, 4, 7500)
    assert [(each["from_days"], each["to_days"], each["count"], each["amount"]) for each in first["ages"]] == [
        (0, 1, 1, 1000),
        (1, 3, 2, 2500),
        (3, 7, 0, 0),
        (7, None, 1, 4000),
    ]
    assert [each["amount"] for each in second["ages"]] == [50, 0, 800, 0]
    assert read(stranger.api()) == []


def test_what_is_written_off_or_reversed_is_exposed_no_more(back_office: Api, terminal: Device) -> None:
    sells_offline(terminal, ages={1: 1000, 2: 2000})
    terminal.post(sale(3, 2000, type="reversal", original={"sequence": 2}))
    assert [each["amount"] for each in read(back_office)] == [1000]
    write_off_offline(Payment.objects.get(amount=1000), at=timezone.now(), actor="tests")
    assert read(back_office) == []


def test_a_manager_reads_it_in_dutch(terminal: Device, shop: Shop) -> None:
    sells_offline(terminal, ages={0.1: 1000, 9: 4000})
    client = browser(person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id))
    client.cookies["django_language"] = "nl"
    shown = page(client, "/admin/terminals/terminal/exposure/").replace("\xa0", " ")
    assert "Counter 1" in shown and "€ 40,00" in shown and "€ 50,00" in shown and "7 dagen en ouder" in shown
    elsewhere = browser(person("web", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.webshop.id))
    assert "Counter 1" not in page(elsewhere, "/admin/terminals/terminal/exposure/")
