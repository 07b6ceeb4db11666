"""Provider accounts over the API, and the webhooks that their providers send."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import ProviderAccount, ProviderEvent
from payments.notify import signing
from tests.api.client import Api, refusal
from tests.api.conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_account_never_shows_its_credentials(shop: Shop) -> None:
    api = shop.api()
    body = {
        "provider": "external",
        "name": "Worldline PIN",
        "currency": "EUR",
        "external_id": "MID-1",
        "bank_iban": "NL91ABNA0417164300",
        "credentials": {"api_key": "very-secret"},
    }
    answer = api.post("/v1/provider_accounts", body)
    assert answer.status_code == 201
    account = answer.json()
    assert b"very-secret" not in answer.content
    assert account["webhook_url"].endswith(f"/providers/external/{account['id']}/webhooks")
    assert (account["external_id"], account["bank_iban"]) == ("MID-1", "NL91ABNA0417164300")
    assert json.loads(ProviderAccount.objects.get(id=account["id"]).credentials)["api_key"] == "very-secret"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"provider": "piggybank"}, "provider"),
        ({"name": " "}, "name"),
        ({"currency": "EURO"}, "currency"),
        ({"bank_iban": "NL00"}, "bank_iban"),
        ({"credentials": {"a": 1}}, "credentials"),
        ({"credentials": "x"}, "credentials"),
        ({"fee_rates": {}}, "fee_rates"),
        ({"fee_rates": [{"fixed": 25}, {"fixed": "a lot"}]}, "fee_rates[1].fixed"),
        ({"fee_rates": [{"basis_points": 1.5}]}, "fee_rates[0].basis_points"),
        ({"fee_rates": [{"percent": 2}]}, "fee_rates[0].percent"),
        ({"external_id": "4111111111111111"}, "external_id"),
    ],
)
def test_a_wrong_account_is_refused(shop: Shop, change: dict[str, object], place: str) -> None:
    body = {"provider": "external", "name": "PIN", "currency": "EUR"}
    members = json.loads(shop.api().post("/v1/provider_accounts", body | change).content)
    assert members["status"] == 422
    assert place in ({members["param"]} | {fault["param"] for fault in members.get("errors", [])})


def test_a_signed_webhook_is_stored_once_and_acknowledged(shop: Shop) -> None:
    account = shop.merchant.provider_accounts.get(provider="simulator")
    body = json.dumps({"id": "evt_1", "type": "note", "data": {}})
    for delivery in (1, 2):
        answer = post(account, body, headers=signed(account, body))
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})
        assert ProviderEvent.objects.get().deliveries == delivery


def test_a_webhook_that_is_not_signed_by_its_account_is_refused(shop: Shop, stranger: Shop) -> None:
    account = shop.merchant.provider_accounts.get(provider="simulator")
    other = stranger.merchant.provider_accounts.get(provider="simulator")
    body = json.dumps({"id": "evt_1", "type": "note", "data": {}})
    forged = signed(account, body) | {"webhook-signature": "v1,AAAA"}
    stale = signing.headers(
        message_id="evt_1",
        body=body,
        moment=timezone.now() - timedelta(minutes=10),
        secrets=[secret_of(account)],
    )
    for headers in ({}, forged, stale, signed(other, body)):
        refusal(post(account, body, headers=headers), 400, "signature_invalid")
    refusal(post(account, body + " ", headers=signed(account, body)), 400, "signature_invalid")
    assert not ProviderEvent.objects.exists()


def test_a_webhook_for_nobody(shop: Shop) -> None:
    api = Api()
    for path in (
        "simulator/pac_x",
        f"recorded/{shop.merchant.provider_accounts.get(provider='simulator').id}",
        "x/%00",
    ):
        refusal(api.http.post(f"/providers/{path}/webhooks", b"{}", "application/json"), 404, "not_found")


def test_acknowledging_is_quick(shop: Shop) -> None:
    account = shop.merchant.provider_accounts.get(provider="simulator")
    body = json.dumps({"id": "evt_1", "type": "note", "data": {}, "filler": "x" * 500_000})
    headers = signed(account, body)
    began = time.monotonic()
    assert post(account, body, headers=headers).status_code == 200
    assert time.monotonic() - began < 5  # the promise is 250 ms; a busy test machine gets more


def signed(account: ProviderAccount, body: str) -> dict[str, str]:
    return signing.headers(message_id="evt_1", body=body, moment=timezone.now(), secrets=[secret_of(account)])


def secret_of(account: ProviderAccount) -> str:
    secret: str = json.loads(account.credentials)["webhook_secret"]
    return secret


def post(account: ProviderAccount, body: str, headers: dict[str, str]) -> Any:
    path = f"/providers/{account.provider}/{account.id}/webhooks"
    return Api().http.post(path, body.encode(), "application/json", headers=headers)
