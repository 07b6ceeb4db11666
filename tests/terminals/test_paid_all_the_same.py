"""A till's line broke, and the acquirer paid: told by a device, settled by a file, and asked for, all over HTTP."""

import secrets
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from payments.models import ProviderAccount
from reconciliation.services.import_file import import_due
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.reconciliation.conftest import card_present, settlement_csv
from tests.responses import ClientResponse
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db(transaction=True)

TID = "12345601"


@pytest.fixture
def api(shop: Shop, settings: Any, tmp_path: Any) -> Api:
    settings.MEDIA_ROOT = tmp_path
    return shop.api()


def numbered(number: int, amount: int, **fields: Any) -> dict[str, Any]:
    proof = {"rrn": f"63281400{number:04}", "stan": f"{number:06}", "acquirer_tid": TID}
    return sale(number, amount, occurred_at="2026-11-24T13:02:11Z", **proof, **fields)


def settles(api: Api, shop: Shop, *amounts: tuple[int, int]) -> dict[str, Any]:
    """The acquirer's file, uploaded and imported."""
    lines = [card_present(amount, rrn=f"63281400{n:04}", stan=f"{n:06}", tid=TID, fee=6) for n, amount in amounts]
    account = ProviderAccount.objects.get(merchant=shop.merchant, provider="external")
    form = {"file": SimpleUploadedFile("pin.csv", settlement_csv(*lines).encode()), "provider_account": account.id}
    headers = api.headers() | {"Idempotency-Key": secrets.token_hex(8)}
    answer: ClientResponse = api.http.post("/v1/settlement_files", form, headers=headers)
    assert answer.status_code == 202, answer.content
    import_due()
    file: dict[str, Any] = api.get(f"/v1/settlement_files/{answer.json()['id']}").json()
    return file


def test_the_till_knew_nothing_and_the_customer_was_charged(terminal: Device, shop: Shop, api: Api) -> None:
    answer = terminal.post(
        numbered(1, 2495, outcome="unknown", order_reference="TILL-1401"),
        numbered(2, 6000, outcome="declined", decline_code="timeout", order_reference="TILL-1402"),
        numbered(3, 1000, order_reference="TILL-1403"),
    ).json()
    unknown, declined, _ = (result["payment"] for result in answer["results"])
    again = {"order_reference": "TILL-1401", "channel": shop.store.id, "amount": 2495, "currency": "EUR"}
    refused = api.post("/v1/payments", again | {"method": "card"})
    assert (refused.status_code, refused.json()["code"]) == (409, "outcome_unknown")

    assert settles(api, shop, (1, 2495), (2, 6000), (3, 1000))["status"] == "imported"

    payment = api.get(f"/v1/payments/{unknown}", expand="operations").json()
    assert (payment["status"], payment["amount_captured"]) == ("captured", 2495)
    assert payment["business_day"] == "2026-11-24"
    assert [operation["outcome"] for operation in payment["operations"]] == ["succeeded"]
    (order,) = api.get("/v1/orders", reference="TILL-1401").json()["data"]
    assert (order["paid"], order["refundable"], order["outcome_unknown"]) == (2495, 2495, None)
    (open_one,) = api.get("/v1/discrepancies", status="open").json()["data"]
    assert (open_one["kind"], open_one["amount"], open_one["payment"]) == ("missing_in_books", 6000, declined)
    day = {"from": "2026-11-24", "to": "2026-11-24"}
    (figures,) = api.get("/v1/statistics", **day).json()["rows"]
    assert (figures["sales_count"], figures["sales_amount"]) == (2, 3495)

    key = api.post(f"/v1/discrepancies/{open_one['id']}/resolve", {"action": "captured", "note": "It is paid."})
    assert (key.status_code, key.json()["code"]) == (403, "person_required")
    agrees = terminal.post(numbered(4, 2495, resolves=1)).json()
    contradicts = terminal.post(numbered(5, 2495, resolves=1, outcome="declined")).json()
    assert agrees["discrepancies"] == []
    assert [found["kind"] for found in contradicts["discrepancies"]] == ["sequence_conflict"]
