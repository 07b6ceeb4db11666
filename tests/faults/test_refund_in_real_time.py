"""A return in the store, seen from outside: through HTTP, broker and workers, also when the broker dies in between."""

import os
import signal
from typing import Any

from tests.names import reference
from tests.simulator import eventually
from tests.stack import Shop, Stack


def paid_online(shop: Shop, amount: int = 5000) -> dict[str, Any]:
    """An order that the webshop has been paid for."""
    body = {"order_reference": reference(), "amount": amount, "currency": "EUR", "method": "card"}
    payment: dict[str, Any] = shop.api.post("/v1/payments", {**body, "channel": shop.web}).json()
    assert payment["status"] == "captured"
    return payment


def returned_in_store(shop: Shop, payment: dict[str, Any]) -> dict[str, Any]:
    """The store takes the goods back."""
    body = {"payment": payment["id"], "reason": "Too small", "channel": shop.store}
    answer = shop.api.post("/v1/refunds", body)
    assert answer.status_code == 201, answer.text
    refund: dict[str, Any] = answer.json()
    return refund


def until_succeeded(shop: Shop, refund: dict[str, Any], *, within: float) -> dict[str, Any]:
    """The refund, once the money is on its way."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = shop.api.get(f"/v1/refunds/{refund['id']}")
        return found if found["status"] == "succeeded" else None

    done = eventually(look, within=within)
    assert done is not None
    return done


def test_bought_online_returned_in_the_store(stack: Stack, shop: Shop) -> None:
    payment = paid_online(shop)
    refund = returned_in_store(shop, payment)
    assert refund["status"] in {"pending", "succeeded"}  # the workers may be quicker than the answer
    assert refund["channel"]["id"] == shop.store

    done = until_succeeded(shop, refund, within=60)

    assert [part["route"] for part in done["parts"]] == ["original"]
    order = shop.api.get(f"/v1/orders/{payment['order']['id']}")
    assert (order["paid"], order["refunded"], order["refundable"]) == (5000, 5000, 0)
    assert {entry["channel"]["id"] for entry in order["timeline"] if entry["channel"]} == {shop.web, shop.store}


def test_the_broker_dies_with_the_message(stack: Stack, shop: Shop) -> None:
    """Nothing but seconds is lost: the row is the work, and the sweep finds it."""
    payment = paid_online(shop)
    for pid in stack.processes("valkey-server"):
        os.kill(pid, signal.SIGKILL)

    refund = returned_in_store(shop, payment)  # no task can be enqueued now
    stack.flush_broker()

    until_succeeded(shop, refund, within=60)
    assert stack.manage("audit_ledger")["violations"] == []
