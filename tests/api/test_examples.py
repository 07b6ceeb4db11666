"""The examples of the OpenAPI document are what the API takes and answers: performed here in turn, as a webshop would."""

from typing import Any, Final

import pytest

from payments.api.examples import examples
from tests.api import conformity
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

# In the order in which a webshop meets them.
STORY: Final = {
    "create_payment": "/v1/payments",
    "capture_payment": "/v1/payments/{payment}/capture",
    "plan_refund": "/v1/refunds/plan",
    "create_refund": "/v1/refunds",
    "create_payment_link": "/v1/payment_links",
    "create_voucher": "/v1/vouchers",
    "create_webhook_endpoint": "/v1/webhook_endpoints",
}


def test_each_example_is_taken_and_answered_as_shown(shop: Shop, simulator: RunningSimulator) -> None:
    assert set(examples()) == set(STORY)
    api = shop.api()
    authorized = _authorized(api, shop)
    for name, path in STORY.items():
        example = examples()[name]
        request = _of_this_shop(example["request"], shop, authorized)
        answer = api.post(path.format(payment=authorized), request)
        assert answer.status_code == example["status"], (name, answer.content)
        assert _shape(answer.json()) == _shape(example["answer"]), name


def test_the_document_shows_them() -> None:
    operation_docs = {
        operation["operationId"]: operation
        for methods in conformity.document()["paths"].values()
        for operation in methods.values()
    }
    for name, example in examples().items():
        assert operation_docs[name]["requestBody"]["content"]["application/json"]["example"] == example["request"]
        shown = operation_docs[name]["responses"][str(example["status"])]["content"]["application/json"]["example"]
        assert shown == example["answer"]


def _authorized(api: Api, shop: Shop) -> str:
    """A card payment that is not captured yet."""
    body = {"order_reference": "1000", "amount": 10_000, "currency": "EUR", "method": "card", "capture": "manual"}
    return str(api.post("/v1/payments", {**body, "channel": shop.webshop.id}).json()["id"])


def _of_this_shop(request: dict[str, Any], shop: Shop, payment: str) -> dict[str, Any]:
    """A request with the ids of this test in place of those that are shown."""
    ours = {"channel": (shop.store if "reason" in request else shop.webshop).id, "payment": payment}
    return {name: ours.get(name, value) for name, value in request.items()}


def _shape(value: Any) -> Any:
    """The names and types of an answer, whatever it says."""
    if isinstance(value, dict):
        return {name: _shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__
