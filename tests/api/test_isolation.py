"""Nobody sees or touches another merchant's things; a key of one channel sees its channel's."""

from typing import Any

import pytest

from payments.people.scopes import SCOPES
from payments.services import create_setup
from reconciliation.models import Export
from reconciliation.services.make_export import make_export
from tests.api import conformity
from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

# What a key that is tied to a channel is refused before anything is looked for.
WHOLE_MERCHANT = (
    "GET /v1/ledger",
    "DELETE /v1/customers",
    "PATCH /v1/channels",
    "GET /v1/provider_accounts",
    "PATCH /v1/provider_accounts",
    "POST /v1/provider_accounts",
    "DELETE /v1/provider_accounts",
    "GET /v1/bank_accounts",
    "GET /v1/settlements",
    "PATCH /v1/bank_accounts",
    "GET /v1/connectors",
    "PATCH /v1/connectors",
    "DELETE /v1/connectors",
    "POST /v1/connectors",
    "GET /v1/exports",
)


def everything(shop: Shop) -> dict[str, Any]:
    """One of everything that the webshop of a shop may have, by what its id is called in addresses."""
    api = shop.api(channel=shop.webshop)
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card", "capture": "manual"}
    payment = api.post("/v1/payments", body | {"customer": {"reference": "c-1"}}).json()
    api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 2000})
    refund = api.post("/v1/refunds", {"payment": payment["id"], "amount": 100, "reason": "x"}).json()
    voucher = api.post("/v1/vouchers", {"amount": 500, "currency": "EUR", "purpose": "multi"}).json()
    endpoint = api.post("/v1/webhook_endpoints", {"url": "https://example.com/hook", "events": ["*"]}).json()
    api.post("/v1/payments", body | {"order_reference": "2"} | {"capture": "automatic"})
    delivery = api.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries").json()["data"][0]
    whole = shop.api()  # a tied key reads no books
    entry = whole.get("/v1/ledger/entries").json()["data"][0]
    stand = create_setup.create_channel(merchant=shop.merchant, kind="remote", name="Stand", actor="tests")
    terminal = shop.api(channel=stand).post("/v1/terminals", {"label": "Stand"}).json()
    account = whole.post(
        "/v1/bank_accounts", {"iban": "NL44RABO0123456789", "name": "Savings", "currency": "EUR"}
    ).json()
    connector = whole.post(
        "/v1/connectors",
        {"kind": "moneybird", "name": "Books", "settings": {"administration": "1"}, "credentials": {"token": "t"}},
    ).json()
    requested = whole.post("/v1/exports", {"kind": "journal_csv", "from": "2026-01-01", "to": "2026-01-31"}).json()
    make_export(requested["id"])
    export = Export.objects.get(id=requested["id"], status="ready")
    return {
        "connector_id": connector["id"],
        "payment_id": payment["id"],
        "order_id": payment["order"]["id"],
        "refund_id": refund["id"],
        "code": voucher["code"],
        "endpoint_id": endpoint["id"],
        "delivery_id": delivery["id"],
        "reference": "c-1",
        "entry_id": entry["id"],
        "terminal_id": terminal["id"],
        "bank_account_id": account["id"],
        "export_id": export.id,
        "provider_account_id": account_of(shop),
        "account_id": whole.get("/v1/ledger/accounts").json()["data"][0]["id"],
    }


@pytest.fixture
def theirs(stranger: Shop, simulator: RunningSimulator, settings: Any) -> dict[str, Any]:
    settings.WEBHOOK_ALLOW_PRIVATE = True  # nothing is resolved here, and nothing is sent
    return everything(stranger)


def addresses(ids: dict[str, Any]) -> list[tuple[str, str]]:
    """Every address of the document that these ids fill."""
    found = []
    for template, methods in conformity.document()["paths"].items():
        names = conformity.PARAMETER.findall(template)
        if names and all(name.strip("{}") in ids for name in names):
            path = template.format(**ids)
            found += [(method.upper(), path) for method in methods if method in ("get", "post", "patch", "delete")]
    return found


def test_another_merchants_objects_are_not_there(shop: Shop, stranger: Shop, theirs: dict[str, Any]) -> None:
    tried = addresses(theirs)
    assert len(tried) >= 20
    untied = shop.api()
    for api in (untied, shop.api(channel=shop.store)):
        for method, path in tried:
            whole = f"{method} {path}".startswith(WHOLE_MERCHANT)
            if whole and api is not untied:
                refusal(ask(api, method, path), 403, "channel_not_allowed")
            else:
                refusal(ask(api, method, path), 404, "not_found")
    own = stranger.api()
    reads = {ask(own, method, path).status_code for method, path in tried if method == "GET"}
    assert reads == {200}


def test_another_merchants_objects_cannot_be_named_in_a_body(
    shop: Shop, theirs: dict[str, Any], stranger: Shop
) -> None:
    api = shop.api(channel=shop.store)
    pay = {"amount": 100, "currency": "EUR", "method": "card"}
    bodies = [
        ("/v1/payments", pay | {"order": theirs["order_id"]}, "order"),
        ("/v1/payments", pay | {"order_reference": "1", "provider_account": account_of(stranger)}, "provider_account"),
        ("/v1/refunds", {"order": theirs["order_id"], "reason": "x"}, "order"),
        ("/v1/refunds", {"payment": theirs["payment_id"], "reason": "x"}, "payment"),
        ("/v1/vouchers", {"amount": 1, "currency": "EUR", "purpose": "multi", "order": theirs["order_id"]}, "order"),
    ]
    for path, body, place in bodies:
        assert faults(api.post(path, body)) == {place: "not_found"}
    other_channel = pay | {"order_reference": "1", "channel": stranger.store.id}
    assert faults(shop.api().post("/v1/payments", other_channel)) == {"channel": "not_found"}


def test_lists_show_nothing_of_another_merchant(shop: Shop, theirs: dict[str, Any]) -> None:
    api = shop.api()
    own = (
        "/v1",
        "/v1/statistics",
        "/v1/ledger/trial_balance",
        "/v1/channels",
        "/v1/provider_accounts",
        "/v1/providers",
        "/v1/methods",
        "/v1/merchant",
        "/v1/forecast",
        "/v1/fees",
    )
    for method, path in every_address():
        if method == "GET" and "/x" not in path and path not in own:
            assert api.get(path).json()["data"] == [], path
    filters = {"order": theirs["order_id"], "customer": "c-1"}
    assert api.get("/v1/payments", **filters).json()["data"] == []
    assert api.get("/v1/orders", payment=theirs["payment_id"]).json()["data"] == []


def test_a_key_of_one_channel_reads_all_orders_and_only_its_own_of_the_rest(
    stranger: Shop, theirs: dict[str, Any]
) -> None:
    store = stranger.api(channel=stranger.store)
    for path in (f"payments/{theirs['payment_id']}", f"orders/{theirs['order_id']}", f"vouchers/{theirs['code']}"):
        assert store.get(f"/v1/{path}").status_code == 200
    assert store.get("/v1/payments").json()["data"]
    for path in (
        f"refunds/{theirs['refund_id']}",
        f"terminals/{theirs['terminal_id']}",
        f"webhook_endpoints/{theirs['endpoint_id']}",
        f"webhook_endpoints/{theirs['endpoint_id']}/deliveries",
    ):
        refusal(store.get(f"/v1/{path}"), 404, "not_found")
    for path in ("refunds", "terminals", "webhook_endpoints", "events", "chargebacks"):
        assert store.get(f"/v1/{path}").json()["data"] == []
    body = {"payment": theirs["payment_id"], "amount": 50, "reason": "x", "route": "cash"}
    made = store.post("/v1/refunds", body)
    assert (made.status_code, made.json()["channel"]["id"]) == (201, stranger.store.id)
    assert store.get(f"/v1/refunds/{made.json()['id']}").status_code == 200


def test_every_address_asks_for_its_scope_before_it_reads_the_body(shop: Shop) -> None:
    """One key per scope, tried on every address: what it opens is what the contract says, and nothing else."""
    opens: dict[str, set[str]] = {scope: set() for scope in SCOPES}
    for scope in SCOPES:
        api = shop.api(scope)
        own = set(api.get("/v1").json()["scopes"])
        for method, path in every_address():
            answer = api.http.generic(method, path, b"\xff", "text/plain", headers=api.headers())
            if answer.status_code == 403:
                members = refusal(answer, 403, "scope_missing")
                assert members["scope"] not in own
                assert members["scope"] in members["detail"]
            else:
                opens[scope].add(f"{method} {path}")
    for address in set.union(*opens.values()) - {"GET /v1"}:
        kinds = {scope.split(":")[0] for scope in SCOPES if address in opens[scope]}
        assert len(kinds) == 1, address
    for scope in SCOPES:
        if scope.endswith(":write") and scope.replace(":write", ":read") in SCOPES:
            assert opens[scope.replace(":write", ":read")] <= opens[scope]


def test_without_a_key_nothing_answers(db: None) -> None:
    for method, path in every_address():
        refusal(Api().http.generic(method, path, b"{", "application/json"), 401, "authentication_required")


def every_address() -> list[tuple[str, str]]:
    """Every address for holders of a key."""
    found = []
    for template, methods in conformity.document()["paths"].items():
        path = conformity.PARAMETER.sub("x", template)
        found += [
            (name.upper(), path)
            for name, operation_doc in methods.items()
            if {"apiKey": []} in operation_doc.get("security", [])
            and "servers" not in operation_doc  # the stream is served elsewhere
        ]
    assert len(found) > 35
    return found


def ask(api: Api, method: str, path: str) -> Any:
    if method == "GET":
        return api.get(path)
    if method == "DELETE":
        return api.delete(path)
    return api.patch(path, {}) if method == "PATCH" else api.post(path, {})


def account_of(shop: Shop) -> str:
    return shop.merchant.provider_accounts.get(provider="simulator").id


def test_a_tied_key_moves_the_money_of_its_own_channel_only(shop: Shop, simulator: RunningSimulator) -> None:
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card", "capture": "manual"}
    payment = shop.api(channel=shop.webshop).post("/v1/payments", body).json()
    path = f"/v1/payments/{payment['id']}"
    store = shop.api(channel=shop.store)
    assert store.get(path).json() == payment
    for verb in ("capture", "cancel"):
        refusal(store.post(f"{path}/{verb}", {}), 403, "channel_not_allowed")
    assert shop.api().post(f"{path}/capture", {}).json()["amount_captured"] == 2500
