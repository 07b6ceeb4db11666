"""Connectors through the REST API: made, changed, switched off, asked what they sent; credentials go in and never out."""

import json
from typing import Any

import pytest

from payments.models import Merchant
from payments.people.models import Approval, AuditLog, Role, User
from payments.people.services import api_keys, approvals
from reconciliation.models import Connector
from reconciliation.services import connectors, fill_outboxes, send_documents
from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.connectors.conftest import Connects
from tests.people.cast import finance_of, person
from tests.responses import ClientResponse

pytestmark = pytest.mark.django_db(transaction=True)
MONEYBIRD: dict[str, Any] = {
    "kind": "moneybird",
    "name": "Our accountant",
    "settings": {"administration": "123456789"},
    "credentials": {"token": "very-secret"},
}


def body_of(answer: ClientResponse) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(answer.content)
    return read


def test_it_is_made_read_and_listed_without_its_credentials(shop: Shop) -> None:
    api = shop.api()
    answer = api.post("/v1/connectors", MONEYBIRD)
    assert answer.status_code == 201
    made = body_of(answer)
    assert (made["status"], made["pending"], made["failed"]) == ("connected", 0, 0)
    assert made["settings"] == {"administration": "123456789"}
    shown = [answer.content, api.get(f"/v1/connectors/{made['id']}").content, api.get("/v1/connectors").content]
    assert not [one for one in shown if b"very-secret" in one]
    assert "very-secret" not in json.dumps(list(AuditLog.objects.values_list("before", "after")))
    stored = Connector.objects.extra(select={"raw": "credentials"}).get().raw
    assert "very-secret" not in stored


def test_every_fault_is_named_at_once(shop: Shop) -> None:
    api = shop.api()
    wrong = MONEYBIRD | {"settings": {"admin": "1"}, "credentials": {"tokn": "x"}, "name": " "}
    assert set(faults(api.post("/v1/connectors", wrong))) == {"name"}
    assert faults(api.post("/v1/connectors", wrong | {"name": "x"})) == {
        "settings.admin": "unknown_field",
        "settings.administration": "required",
        "credentials.tokn": "unknown_field",
        "credentials.token": "required",
    }
    assert faults(api.post("/v1/connectors", MONEYBIRD | {"kind": "excel"})) == {"kind": "invalid_choice"}
    assert Connector.objects.count() == 0


def test_one_administration_is_connected_once(shop: Shop) -> None:
    api = shop.api()
    first = body_of(api.post("/v1/connectors", MONEYBIRD))
    refusal(api.post("/v1/connectors", MONEYBIRD), 409, "connector_exists")
    assert api.delete(f"/v1/connectors/{first['id']}").status_code == 204
    assert api.post("/v1/connectors", MONEYBIRD).status_code == 201


def test_it_is_switched_off_and_on_and_removed(shop: Shop) -> None:
    api = shop.api()
    path = f"/v1/connectors/{body_of(api.post('/v1/connectors', MONEYBIRD))['id']}"
    assert body_of(api.patch(path, {"active": False}))["status"] == "off"
    refusal(api.post(f"{path}/send", {}), 409, "connector_not_connected")
    assert body_of(api.patch(path, {"active": True, "name": "Moneybird"}))["status"] == "connected"
    assert api.post(f"{path}/send", {}).status_code == 200
    assert api.delete(path).status_code == 204
    refusal(api.get(path), 404, "not_found")
    row = Connector.objects.get()
    assert (row.credentials, row.tokens) == ("", "")
    actions = set(AuditLog.objects.filter(object_id=row.id).values_list("action", flat=True))
    assert actions == {
        *("connector.added", "connector.switched_off", "connector.switched_on", "connector.changed"),
        *("connector.sent_now", "connector.removed"),
    }


def test_other_credentials_start_over(shop: Shop) -> None:
    api = shop.api()
    path = f"/v1/connectors/{body_of(api.post('/v1/connectors', MONEYBIRD))['id']}"
    Connector.objects.update(tokens='{"access": "old", "refresh": "", "expires_at": null}', administration="Old BV")
    assert body_of(api.patch(path, {"credentials": {"token": "another"}}))["administration"] is None
    assert Connector.objects.get().tokens == ""


def test_a_live_merchant_asks_a_second_person_where_its_books_go(shop: Shop) -> None:
    Merchant.objects.filter(id=shop.merchant.id).update(mode="live")
    shop.merchant.refresh_from_db()
    asker = person("anna", shop.merchant.id, role=Role.Name.OWNER)
    given = {name: MONEYBIRD[name] for name in ("kind", "name", "settings", "credentials")}
    waiting = connectors.add(merchant=shop.merchant, actor=asker, **given)
    assert isinstance(waiting, Approval)
    assert "very-secret" not in json.dumps(waiting.payload)
    assert Connector.objects.count() == 0
    second = finance_of(shop.merchant.id)
    decide(waiting, second, approved=True)
    row = Connector.objects.select_related("merchant").get()
    assert row.id == waiting.subject_id
    change = connectors.change(row, changes={}, credentials={"token": "another"}, actor=asker)
    assert change is not None
    assert "very-secret" in Connector.objects.get().credentials
    decide(change, second, approved=True)
    assert "another" in Connector.objects.get().credentials
    renamed = connectors.change(row, changes={"name": "Books"}, credentials={}, actor=asker)
    assert renamed is None, "a name is no secret"


def decide(approval: Approval, user: User, *, approved: bool) -> None:
    approvals.settle(approval_id=approval.id, user=user, approved=approved, note="")


def test_each_entry_tells_what_became_of_it(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.sells(10_00, days_ago=2)
    accountant.hand_over()
    accountant.sells(20_00, days_ago=1)
    fill_outboxes.fill(accountant.connector.id, now=accountant.noon(0))
    key = api_keys.create(
        merchant_id=accountant.shop.merchant.id, test_mode=True, scopes=["reconciliation:read"], actor="tests"
    )
    api = Api(key.text)
    path = f"/v1/connectors/{accountant.connector.id}"
    waits, sent = body_of(api.get(f"{path}/entries"))["data"]
    assert (waits["status"], waits["remote_id"], waits["sent_at"], waits["attempts"]) == ("pending", None, None, 0)
    assert (sent["status"], sent["remote_id"]) == ("sent", accountant.package.documents[0]["id"])
    assert sent["entry"].startswith("jrn_")
    assert [one["id"] for one in body_of(api.get(f"{path}/entries", status="sent"))["data"]] == [sent["id"]]
    shown = body_of(api.get(path))
    assert (shown["pending"], shown["sent"], shown["failed"]) == (1, 1, 0)
    assert (shown["administration"], shown["last_run_at"] is not None) == ("Bloem BV", True)
    assert send_documents.send(accountant.connector.id) == 1
