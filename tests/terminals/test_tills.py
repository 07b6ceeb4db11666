"""The till of a store: its float, counts, cash paid in and out, and what is taken to the bank."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from payments.models import Discrepancy, Merchant, Till, TillMovement
from payments.people.models import Role
from payments.queries.tills import till_balance
from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.people.cast import person
from tests.people.test_admin import browser, page
from tests.terminals.conftest import books
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db

Look = Callable[[], list[tuple[str, str]]]
IBAN = "NL91ABNA0417164300"


@pytest.fixture
def banked(shop: Shop) -> Merchant:
    Merchant.objects.filter(id=shop.merchant.id).update(iban=IBAN)
    shop.merchant.iban = IBAN
    return shop.merchant


def at(minutes: int = 0) -> str:
    return (timezone.now() + timedelta(minutes=minutes)).isoformat()


def move(device: Device, kind: str, amount: int, *, when: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"amount": amount, "currency": "EUR", "occurred_at": when or at(), "operator": "Bo", **more}
    answer = device.send(f"/v1/terminal/tills/{kind}", body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def pays_cash(api: Api, amount: int) -> None:
    answer = api.post(
        "/v1/payments", {"order_reference": f"C-{amount}", "amount": amount, "currency": "EUR", "method": "cash"}
    )
    assert answer.status_code == 201, answer.content


def test_a_day_at_the_till(
    back_office: Api, terminal: Device, shop: Shop, banked: Merchant, discrepancies: Look
) -> None:
    float_in = move(terminal, "paid_in", 10_000, reason="Float")
    assert (float_in["expected"], float_in["counted"], float_in["difference"]) == (10_000, None, None)
    pays_cash(back_office, 5000)
    short = move(terminal, "count", 14_800)
    assert (short["expected"], short["counted"], short["difference"]) == (15_000, 14_800, -200)
    assert (short["till"], short["id"][:4]) == (Till.objects.get(channel=shop.store).id, "til_")
    assert short["till"].startswith("drw_")
    assert move(terminal, "paid_out", 300, reason="Stamps")["expected"] == 14_500
    assert move(terminal, "deposit", 4500, reason="Seal 4711")["expected"] == 10_000
    assert move(terminal, "count", 10_000)["difference"] == 0
    assert till_balance(shop.store, "EUR") == 10_000
    assert books(shop.merchant) == {
        "takings": -5000,
        "till": 10_000,
        "till_differences": 200,
        "suspense": -10_000 + 300,
        "in_transit": 4500,
    }
    # What was paid in and out is finance's to assign.
    assert discrepancies() == [("unknown_line", "open"), ("unknown_line", "open")]
    assert "Stamps" in Discrepancy.objects.order_by("-id")[0].detail


def test_what_is_counted_is_compared_with_the_books_of_that_moment(
    back_office: Api, terminal: Device, shop: Shop
) -> None:
    """Counted at closing time, and sent after the first sale of the next morning."""
    pays_cash(back_office, 5000)
    closing = at()
    pays_cash(back_office, 2500)
    late = move(terminal, "count", 5000, when=closing)
    assert (late["expected"], late["difference"]) == (5000, 0)
    assert till_balance(shop.store, "EUR") == 7500


def test_cashback_leaves_the_till(terminal: Device, shop: Shop) -> None:
    move(terminal, "paid_in", 10_000, reason="Float")
    terminal.post(sale(1, 7000, cashback=2000, occurred_at=at()))
    assert move(terminal, "count", 8000)["difference"] == 0


def test_more_than_there_is_is_told_where_it_has_happened(
    back_office: Api, terminal: Device, discrepancies: Look
) -> None:
    pays_cash(back_office, 1000)
    assert move(terminal, "paid_out", 1500, reason="Window cleaner")["expected"] == -500
    assert ("shift_differs", "open") in discrepancies()
    discrepancy = Discrepancy.objects.get(kind="shift_differs")
    assert "-5.00" in discrepancy.detail and discrepancy.amount == -500
    move(terminal, "paid_in", 500, reason="From the safe")
    assert ("shift_differs", "resolved") in discrepancies()


def test_a_deposit_needs_to_know_its_bank_account(terminal: Device) -> None:
    body = {"amount": 500, "currency": "EUR", "occurred_at": at(), "operator": "Bo"}
    refusal(terminal.send("/v1/terminal/tills/deposit", body), 422, "bank_account_required")
    assert not TillMovement.objects.exists()


def test_the_same_report_again_moves_nothing_twice(terminal: Device, shop: Shop) -> None:
    body = {"amount": 500, "currency": "EUR", "occurred_at": at(), "operator": "Bo", "reason": "Float"}
    first = terminal.send("/v1/terminal/tills/paid_in", body, webhook_id="w1")
    again = terminal.send("/v1/terminal/tills/paid_in", body, webhook_id="w1")
    assert first.content == again.content and till_balance(shop.store, "EUR") == 500
    refusal(terminal.send("/v1/terminal/tills/paid_out", body, webhook_id="w1"), 409, "signature_reused")


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [
        ({"amount": -1}, "amount", "out_of_range"),
        ({"amount": 0}, "amount", "out_of_range"),
        ({"currency": "XXQ"}, "currency", "currency_unknown"),
        ({"operator": ""}, "operator", "too_short"),
        ({"occurred_at": "1999-01-01T00:00:00Z"}, "occurred_at", "out_of_range"),
    ],
)
def test_what_cannot_be_read_is_refused(terminal: Device, wrong: dict[str, Any], param: str, code: str) -> None:
    body = {"amount": 500, "currency": "EUR", "occurred_at": at(), "operator": "Bo", **wrong}
    assert faults(terminal.send("/v1/terminal/tills/paid_out", body)) == {param: code}


def test_what_was_counted_is_never_changed(terminal: Device) -> None:
    move(terminal, "count", 0)
    with pytest.raises(DatabaseError), transaction.atomic():
        TillMovement.objects.update(amount=1)


def test_a_manager_counts_and_pays_out_in_the_admin(
    back_office: Api, shop: Shop, banked: Merchant, terminal: Device
) -> None:
    pays_cash(back_office, 5000)
    till = Till.objects.get(channel=shop.store)
    manager = browser(person("manager", shop.merchant.id, role=Role.Name.STORE_MANAGER, channel_id=shop.store.id))
    address = f"/admin/payments/till/{till.id}/"

    def fills_in(form: str, **data: str) -> str:
        once = re.search(r'name="once" value="([0-9a-f]{32})"', page(manager, f"{address}{form}/"))
        answer = manager.post(f"{address}{form}/", data | ({"once": once[1]} if once else {}), follow=True)
        return str(answer.content.decode()).replace("\xa0", " ")

    assert "The till holds €50.00 by the books" in fills_in("paid_out", amount="60,00", reason="Flowers")
    assert till_balance(shop.store, "EUR") == 5000
    fills_in("paid_out", amount="10,00", reason="Flowers")
    fills_in("count", amount="39,50")
    assert till_balance(shop.store, "EUR") == 3950
    fills_in("deposit", amount="19,50", reason="Seal 12")
    fills_in("float", amount="20,00")
    shown = page(manager, f"{address}change/").replace("\xa0", " ")
    assert "Flowers" in shown and "€20.00" in shown and "Seal 12" in shown
    clerk = browser(person("clerk", shop.merchant.id, role=Role.Name.CLERK, channel_id=shop.store.id))
    assert clerk.get(f"{address}paid_out/").status_code == 403
