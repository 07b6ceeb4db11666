"""The key of a till is stolen: it is tied to the store, and worth no more than what a till does."""

from typing import Any

import pytest

from payments.people.models import Customer
from tests.api.client import refusal
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.builders import fresh
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

BOOKS = (
    "/v1/ledger/accounts",
    "/v1/ledger/accounts/x/postings",
    "/v1/ledger/entries",
    "/v1/ledger/entries/x",
    "/v1/ledger/trial_balance",
    "/v1/ledger/open_items",
    "/v1/discrepancies",
    "/v1/payouts",
    "/v1/settlements",
    "/v1/bank_accounts",
    "/v1/forecast",
    "/v1/fees",
    "/v1/days/2026-01-02/close",
    "/v1/months/2026-01/close",
    "/v1/connectors",
    "/v1/connectors/x/entries",
    "/v1/exports",
    "/v1/exports/x",
    "/v1/exports/x/file",
)
ACTIONS: dict[str, dict[str, Any]] = {
    "/v1/discrepancies/x/resolve": {"action": "accept", "note": "x"},
    "/v1/discrepancies/x/undo": {},
    "/v1/bank_accounts": {"iban": "NL44RABO0123456789", "name": "Mine", "currency": "EUR"},
    "/v1/days/2026-01-02/close": {},
    "/v1/days/2026-01-02/reopen": {"operator": "x", "reason": "x"},
    "/v1/months/2026-01/close": {},
    "/v1/months/2026-01/reopen": {"operator": "x", "reason": "x"},
    "/v1/connectors": {"kind": "moneybird", "name": "Mine", "credentials": {"token": "mine"}},
    "/v1/connectors/x/send": {},
    "/v1/exports": {"kind": "journal_csv", "from": "2026-01-01", "to": "2026-01-31"},
    "/v1/provider_accounts": {"provider": "recorded", "name": "Mine", "currency": "EUR"},
}


@pytest.mark.parametrize("path", BOOKS)
def test_it_reads_no_books(shop: Shop, path: str) -> None:
    refusal(shop.api(channel=shop.store).get(path), 403, "channel_not_allowed")


@pytest.mark.parametrize("path", ACTIONS)
def test_it_changes_no_account_and_resolves_nothing(shop: Shop, path: str) -> None:
    refusal(shop.api(channel=shop.store).post(path, ACTIONS[path]), 403, "channel_not_allowed")


def test_it_erases_nobody(shop: Shop) -> None:
    anna = Customer.objects.create(merchant_id=shop.merchant.id, reference="anna", name="Anna")
    refusal(shop.api(channel=shop.store).delete("/v1/customers/anna"), 403, "channel_not_allowed")
    assert fresh(anna).name == "Anna"
    assert shop.api().delete("/v1/customers/anna").status_code == 204


def test_it_still_does_what_a_till_does(shop: Shop, simulator: RunningSimulator) -> None:
    """Orders and payments of the whole merchant are read and refunded at any counter."""
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card"}
    bought = shop.api(channel=shop.webshop).post("/v1/payments", body).json()
    till = shop.api(channel=shop.store)
    assert till.get(f"/v1/payments/{bought['id']}").json()["id"] == bought["id"]
    assert till.get(f"/v1/orders/{bought['order']['id']}").status_code == 200
    back = till.post("/v1/refunds", {"payment": bought["id"], "amount": 500, "reason": "x", "route": "cash"})
    assert (back.status_code, back.json()["channel"]["id"]) == (201, shop.store.id)
