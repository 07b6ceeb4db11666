"""Channels, provider accounts, providers and methods: what a shop sets up, and what its checkout may offer."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Operation, ProviderAccount, ProviderEvent
from payments.people.services import api_keys
from payments.providers.base import Outcome, Verb
from payments.services import create_setup
from tests.api.client import Api, refusal
from tests.api.conftest import BY, Shop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulator")]

ORDER_NUMBER = "4000000000000002"  # a card number by its digits, and the next order of a shop that counts


def payment(**more: Any) -> dict[str, Any]:
    return {"amount": 1000, "currency": "EUR", "method": "card", **more}


def test_a_channel_is_opened_listed_and_changed(shop: Shop) -> None:
    api = shop.api()
    made = api.post("/v1/channels", {"name": "Delft", "kind": "in_store", "orders": "tills"}).json()
    assert (made["kind"], made["orders"], made["numeric_references"]) == ("in_store", "tills", False)
    listed = api.get("/v1/channels").json()["data"]
    assert [row["name"] for row in listed] == ["Delft", "Bloem Utrecht", "Bloem online"]
    assert "voucher" in made["refund_routes"]
    change = {"name": "Delft Markt", "kind": "remote", "active": False, "refund_routes": ["original", "cash"]}
    changed = api.patch(f"/v1/channels/{made['id']}", change)
    assert changed.json() == made | change
    assert api.get(f"/v1/channels/{made['id']}").json() == changed.json()


def test_a_channel_with_orders_keeps_its_kind_and_namespace(shop: Shop) -> None:
    api = shop.api()
    path = f"/v1/channels/{shop.webshop.id}"
    assert api.post("/v1/payments", payment(order_reference="A", channel=shop.webshop.id)).status_code == 201
    for change in ({"kind": "remote"}, {"orders": "elsewhere"}):
        refusal(api.patch(path, change), 409, "channel_in_use")
    same = {"kind": "online", "orders": shop.webshop.namespace, "name": "Bloem"}
    assert api.patch(path, same).json()["name"] == "Bloem"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "name"),
        ({"kind": "kiosk"}, "kind"),
        ({"orders": ""}, "orders"),
        ({"return_schemes": ["javascript"]}, "return_schemes[0]"),
        ({"return_schemes": ["https"]}, "return_schemes[0]"),
        ({"refund_routes": ["pigeon"]}, "refund_routes[0]"),
        ({"refund_routes": []}, "refund_routes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_channel_is_refused_at_its_place(shop: Shop, change: dict[str, Any], place: str) -> None:
    api = shop.api()
    for answer in (
        api.post("/v1/channels", {"name": "Delft", "kind": "in_store"} | change),
        api.patch(f"/v1/channels/{shop.store.id}", change),
    ):
        assert place in {fault["param"] for fault in refusal(answer, 422, "validation_failed")["errors"]}


def test_a_key_of_one_channel_sees_that_one_and_changes_none(shop: Shop) -> None:
    api = shop.api(channel=shop.webshop)
    assert [row["id"] for row in api.get("/v1/channels").json()["data"]] == [shop.webshop.id]
    refusal(api.get(f"/v1/channels/{shop.store.id}"), 404, "not_found")
    refusal(api.post("/v1/channels", {"name": "Delft", "kind": "in_store"}), 403, "channel_not_allowed")
    refusal(api.patch(f"/v1/channels/{shop.webshop.id}", {"name": "Mine"}), 403, "channel_not_allowed")
    refusal(api.get("/v1/provider_accounts"), 403, "channel_not_allowed")


def test_a_shop_that_counts_its_orders_says_so(shop: Shop) -> None:
    api = shop.api()
    order = payment(order_reference=ORDER_NUMBER, channel=shop.webshop.id)
    refusal(api.post("/v1/payments", order), 422, "card_number_refused")
    api.patch(f"/v1/channels/{shop.webshop.id}", {"numeric_references": True})
    made = api.post("/v1/payments", order)
    assert made.json()["order"]["reference"] == ORDER_NUMBER
    for path, query in (
        ("/v1/orders", {"reference": ORDER_NUMBER}),
        ("/v1/payments", {"order_reference": ORDER_NUMBER}),
    ):
        assert len(api.get(path, **query).json()["data"]) == 1
    refund = {"order_reference": ORDER_NUMBER, "amount": 100, "reason": "torn", "channel": shop.webshop.id}
    assert api.post("/v1/refunds", refund).status_code == 201


@pytest.mark.parametrize(
    "more",
    [
        {"description": ORDER_NUMBER},
        {"order_reference": f"no {ORDER_NUMBER}"},
        {"metadata": {"order_reference": ORDER_NUMBER}},
    ],
)
def test_no_other_text_may_hold_a_card_number_there(shop: Shop, more: dict[str, Any]) -> None:
    api = shop.api()
    api.patch(f"/v1/channels/{shop.webshop.id}", {"numeric_references": True})
    body = payment(order_reference="1", channel=shop.webshop.id) | more
    refusal(api.post("/v1/payments", body), 422, "card_number_refused")


def test_another_channel_does_not_number_its_orders(shop: Shop) -> None:
    api = shop.api()
    api.patch(f"/v1/channels/{shop.webshop.id}", {"numeric_references": True})
    body = payment(order_reference=ORDER_NUMBER, channel=shop.store.id)
    refusal(api.post("/v1/payments", body), 422, "card_number_refused")


def test_a_customer_returns_to_an_app_that_the_channel_names(shop: Shop) -> None:
    api = shop.api()
    body = payment(order_reference="A", channel=shop.webshop.id, return_url="com.example.shop://paid")
    assert refusal(api.post("/v1/payments", body), 422, "validation_failed")["errors"][0]["param"] == "return_url"
    api.patch(f"/v1/channels/{shop.webshop.id}", {"return_schemes": ["com.example.shop"]})
    assert api.post("/v1/payments", body).json()["next_action"]["type"] == "redirect"


def test_what_can_be_paid_with_depends_on_the_channel_and_names_its_account(shop: Shop) -> None:
    api = shop.api()
    accounts = {account.provider: account.id for account in shop.merchant.provider_accounts.all()}
    online = api.get("/v1/methods", channel=shop.webshop.id).json()["data"]
    in_store = api.get("/v1/methods", channel=shop.store.id).json()["data"]
    by_method = {offer["method"]: offer for offer in in_store}
    assert "cash" not in {offer["method"] for offer in online}
    assert by_method["cash"]["provider_account"] == accounts["recorded"]
    assert by_method["ideal"]["provider_account"] == accounts["simulator"]
    assert by_method["ideal"]["redirect"] is True
    icon = api.http.get(by_method["ideal"]["icon_url"].partition("8000")[2])
    assert icon["Content-Type"] == "image/svg+xml"


def test_a_method_is_offered_within_its_providers_limits_only(shop: Shop) -> None:
    api = shop.api()
    shop.merchant.provider_accounts.filter(provider="simulator").update(active=False)
    create_setup.create_provider_account(
        merchant=shop.merchant, provider="stripe", name="Stripe", currency="EUR", actor=BY
    )
    ideal = {offer["method"]: offer for offer in api.get("/v1/methods").json()["data"]}["ideal"]
    assert (ideal["min"], ideal["max"]) == (50, 99_999_999)

    def methods(**query: Any) -> set[str]:
        return {offer["method"] for offer in api.get("/v1/methods", **query).json()["data"]}

    assert "ideal" not in methods(amount=49)
    assert "ideal" not in methods(currency="USD")
    assert "card" in methods(currency="USD", amount=50)


def test_what_is_offered_is_what_a_payment_that_names_no_account_gets(shop: Shop) -> None:
    """Stripe is used first and knows no PayPal: that is the simulator's, when offered and paid."""
    api = shop.api()
    create_setup.create_provider_account(
        merchant=shop.merchant, provider="stripe", name="Stripe", currency="EUR", actor=BY
    )
    simulator = shop.merchant.provider_accounts.get(provider="simulator")
    shop.merchant.provider_accounts.filter(id=simulator.id).update(default=False)
    wanted = {"channel": shop.webshop.id, "currency": "USD", "amount": 1000}
    offers = {offer["method"]: offer for offer in api.get("/v1/methods", **wanted).json()["data"]}
    body = payment(method="paypal", return_url="https://bloem.example/paid", order_reference="A") | wanted
    paid = api.post("/v1/payments", body).json()
    assert paid["provider_account"]["id"] == offers["paypal"]["provider_account"] == simulator.id


def test_an_account_is_not_asked_for_a_currency_that_its_method_does_not_know(shop: Shop) -> None:
    api = shop.api()
    shop.merchant.provider_accounts.filter(provider="simulator").update(active=False)
    stripe = create_setup.create_provider_account(
        merchant=shop.merchant, provider="stripe", name="Stripe", currency="EUR", actor=BY
    )
    body = payment(method="ideal", currency="USD", channel=shop.webshop.id, order_reference="A")
    refusal(api.post("/v1/payments", body | {"provider_account": stripe.id}), 422, "method_not_supported")
    assert "in USD" in refusal(api.post("/v1/payments", body), 422, "method_not_supported")["detail"]
    assert not Operation.objects.exists()


def test_providers_say_what_an_account_has_to_know(shop: Shop) -> None:
    answer = {one["provider"]: one for one in shop.api().get("/v1/providers").json()["data"]}
    assert {"name": "secret_key", "required": True, "secret": True} in answer["stripe"]["credentials"]
    assert answer["external"]["reports_only"] is True


def test_a_misspelled_credential_is_refused_by_name(shop: Shop) -> None:
    api = shop.api()
    body = {"provider": "stripe", "name": "Stripe", "currency": "EUR", "credentials": {"secretkey": "sk_test_1"}}
    fault = refusal(api.post("/v1/provider_accounts", body), 422, "validation_failed")["errors"][0]
    assert (fault["param"], fault["code"]) == ("credentials.secretkey", "unknown_field")
    assert "sk_test_1" not in str(fault)
    assert not ProviderAccount.objects.filter(provider="stripe").exists()


def test_an_account_tells_what_stands_in_its_way(shop: Shop) -> None:
    api = shop.api()
    body = {"provider": "stripe", "name": "Stripe", "currency": "EUR"}
    path = f"/v1/provider_accounts/{api.post('/v1/provider_accounts', body).json()['id']}"
    status = api.get(path).json()["status"]
    assert status["ok"] is False
    assert status["last_error"] == "Credentials are missing: secret_key, webhook_secret."
    secrets = {"secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
    changed = api.patch(path, {"credentials": secrets, "name": "Stripe EU"})
    assert b"sk_test_1" not in changed.content
    assert changed.json()["name"] == "Stripe EU"
    assert changed.json()["status"] == {
        "ok": True,
        "last_webhook_at": None,
        "last_settlement_at": None,
        "last_error": None,
    }


def test_an_account_tells_when_its_provider_was_last_heard_of_and_did_not_answer(shop: Shop) -> None:
    account = shop.merchant.provider_accounts.get(provider="simulator")
    event = ProviderEvent.objects.create(merchant=shop.merchant, provider_account=account, event_id="e", body=b"{}")
    made = shop.api().post("/v1/payments", payment(order_reference="A", channel=shop.webshop.id)).json()
    operation = Operation.objects.get(payment_id=made["id"], verb=Verb.SALE)
    Operation.objects.filter(id=operation.id).update(
        outcome=Outcome.UNKNOWN, due_at=timezone.now(), failure_detail="The connection broke."
    )
    status = shop.api().get(f"/v1/provider_accounts/{account.id}").json()["status"]
    assert status["last_webhook_at"] == event.created_at.isoformat().replace("+00:00", "Z")
    assert status["last_error"] == f"The connection broke. (sale, {operation.id})"
    assert status["ok"] is False


def test_a_list_of_accounts_asks_no_query_per_account(
    shop: Shop, django_assert_max_num_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    for number in range(12):
        create_setup.create_provider_account(
            merchant=shop.merchant, provider="external", name=f"PIN {number}", currency="EUR", actor=BY
        )
    api = shop.api()
    api.get("/v1/provider_accounts")  # the key is remembered
    with django_assert_max_num_queries(8):
        assert len(api.get("/v1/provider_accounts").json()["data"]) == 15


def test_another_merchants_set_up_is_not_found(shop: Shop, stranger: Shop) -> None:
    api = stranger.api()
    account = shop.merchant.provider_accounts.first()
    assert account is not None
    for path in (f"/v1/channels/{shop.webshop.id}", f"/v1/provider_accounts/{account.id}"):
        refusal(api.get(path), 404, "not_found")
        refusal(api.patch(path, {"name": "Mine"}), 404, "not_found")


def test_the_rules_of_a_test_merchant_are_read_and_changed_at_once(shop: Shop) -> None:
    api = shop.api()
    before = api.get("/v1/merchant").json()
    rules = ("refund_fallback", "second_person_above", "allocation", "cash_rounding")
    assert [before[rule] for rule in rules] == ["none", None, "last_paid_first", 5]
    change = {
        "refund_fallback": "voucher",
        "second_person_above": 5000,
        "allocation": "proportional",
        "cash_rounding": 0,
    }
    assert api.patch("/v1/merchant", change).json() == before | change
    assert api.get("/v1/merchant").json() == before | change
    assert api.patch("/v1/merchant", {"second_person_above": None}).json()["second_person_above"] is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"refund_fallback": "cash"}, "refund_fallback"),
        ({"second_person_above": -1}, "second_person_above"),
        ({"allocation": "fair"}, "allocation"),
        ({"cash_rounding": 1}, "cash_rounding"),
        ({"iban": "NL91ABNA0417164300"}, "iban"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_place(shop: Shop, change: dict[str, Any], place: str) -> None:
    answer = shop.api().patch("/v1/merchant", change)
    assert [fault["param"] for fault in refusal(answer, 422, "validation_failed")["errors"]] == [place]


def test_a_merchants_allocation_spreads_its_refunds(shop: Shop) -> None:
    api = shop.api()
    api.patch("/v1/merchant", {"allocation": "proportional"})
    for key in ("A", "B"):
        assert api.post("/v1/payments", payment(order_reference="two", channel=shop.webshop.id)).status_code == 201, key
    body = {"order_reference": "two", "amount": 1000, "reason": "torn", "channel": shop.webshop.id}
    assert [part["amount"] for part in api.post("/v1/refunds/plan", body).json()["parts"]] == [500, 500]


def test_the_rules_of_a_live_merchant_wait_for_a_second_person(shop: Shop) -> None:
    live = create_setup.create_merchant(name="Live", mode="live", actor=BY)
    key = api_keys.create(merchant_id=live.id, test_mode=False, scopes=["all"], actor=BY)
    answer = Api(key.text).patch("/v1/merchant", {"second_person_above": 1_000_000})
    assert (answer.status_code, answer.json()["status"]) == (202, "requires_approval")
    live.refresh_from_db()
    assert live.second_person_above is None


def test_a_key_of_one_channel_changes_no_rule(shop: Shop) -> None:
    api = shop.api(channel=shop.webshop)
    assert api.get("/v1/merchant").status_code == 200
    refusal(api.patch("/v1/merchant", {"refund_fallback": "voucher"}), 403, "channel_not_allowed")
