"""The example that readers copy works against the whole installation, and refuses forged webhooks."""

import ast
import base64
import hashlib
import hmac
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ports import free_ports
from tests.simulator import eventually
from tests.stack import Shop, Stack

EXAMPLE = Path(__file__).with_name("webshop.py")


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Shop:
    """One merchant for all of these tests."""
    return Shop(stack)


@pytest.fixture(scope="module")
def webshop(shop: Shop) -> Iterator[httpx.Client]:
    """The example as a reader starts it, and a browser before it."""
    address = f"http://127.0.0.1:{free_ports()}"
    environment = {
        **os.environ,
        "ONETILL_URL": shop.stack.url,
        "ONETILL_KEY": shop.api.http.headers["Authorization"].removeprefix("Bearer "),
        "ONETILL_CHANNEL": shop.web,
        "SHOP_URL": address,
    }
    process = subprocess.Popen([sys.executable, str(EXAMPLE)], env=environment, stderr=subprocess.DEVNULL)
    browser = httpx.Client(base_url=address, trust_env=False, timeout=60)

    def is_open() -> bool:
        assert process.poll() is None, "the example ended by itself"
        try:
            return browser.get("/").is_success
        except httpx.TransportError:
            return False

    try:
        eventually(is_open, within=60)
        yield browser
    finally:
        process.terminate()
        process.wait(10)
        browser.close()


def test_bought_paid_and_sent_back(shop: Shop, webshop: httpx.Client) -> None:
    there = webshop.post("/buy").headers["location"]
    assert there.startswith(shop.stack.simulator_url)
    back = httpx.post(there, data={"action": "approve"}, trust_env=False, timeout=60).headers["location"]
    assert back.startswith(str(webshop.base_url))
    eventually(lambda: ": paid." in webshop.get(back).text, within=60)

    number = back.partition("number=")[2][:8]
    assert webshop.post(f"/refund?number={number}").status_code == 303
    eventually(lambda: ": refunded." in webshop.get(back).text, within=60)
    (order,) = shop.api.get("/v1/orders", reference=number)["data"]
    assert (order["paid"], order["refunded"]) == (4_950, 4_950)


def test_a_sale_of_another_channel_or_a_part_of_the_price_does_not_pay_the_order(
    shop: Shop, webshop: httpx.Client
) -> None:
    webshop.post("/buy")
    (awaited,) = shop.api.get("/v1/payments", status="requires_action")["data"]
    number, order = awaited["order"]["reference"], awaited["order"]["id"]

    _sale(shop, 100, order_reference=number)  # a till's ticket of the same number
    assert ": open." in webshop.get(f"/order?number={number}").text

    _sale(shop, 100, order=order)  # and € 1.00 towards this very order
    assert ": open." in webshop.get(f"/order?number={number}").text

    _sale(shop, 4_850, order=order)
    eventually(lambda: ": paid." in webshop.get(f"/order?number={number}").text, within=60)


def _sale(shop: Shop, amount: int, **order: str) -> None:
    """Cash in the store; return when the webshop has taken the webhook."""
    heard = len(_delivered(shop))
    sale = {"amount": amount, "currency": "EUR", "method": "cash", "channel": shop.store, **order}
    assert shop.api.post("/v1/payments", sale).status_code == 201
    eventually(lambda: len(_delivered(shop)) > heard, within=60)


def _delivered(shop: Shop) -> list[Any]:
    (endpoint,) = shop.api.get("/v1/webhook_endpoints")["data"]
    deliveries = shop.api.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries")["data"]
    return [one for one in deliveries if one["status"] == "succeeded"]


def test_a_forged_or_old_webhook_is_refused(webshop: httpx.Client) -> None:
    body = b'{"type": "payment.captured", "data": {"object": {"order": {"reference": "1"}}}}'

    def says(secret: bytes, moment: str) -> Any:
        signed = base64.b64encode(hmac.new(secret, f"evt_1.{moment}.".encode() + body, hashlib.sha256).digest())
        headers = {"webhook-id": "evt_1", "webhook-timestamp": moment, "webhook-signature": f"v1,{signed.decode()}"}
        return webshop.post("/webhooks", content=body, headers=headers).status_code

    now = int(time.time())
    assert {says(b"guess", str(moment)) for moment in (now, now - 3_600)} == {400}
    assert says(b"guess", "soon") == 400
    assert webshop.post("/webhooks", content=body).status_code == 400


def test_it_verifies_as_the_standard_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed by the library that Standard Webhooks publishes: right, changed, old, and beside another signature."""
    from datetime import UTC, datetime, timedelta

    from standardwebhooks import Webhook

    monkeypatch.setenv("ONETILL_KEY", "ot_test_x")
    monkeypatch.setenv("ONETILL_CHANNEL", "chn_x")
    from tests.examples import webshop as example

    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    monkeypatch.setattr(example, "SECRET", secret, raising=False)
    now, body = datetime.now(UTC), '{"type": "payment.captured"}'

    def heads(moment: datetime, more: str = "") -> dict[str, str]:
        signature = f"{more}{Webhook(secret).sign('evt_1', moment, body)}"
        stamp = str(int(moment.timestamp()))
        return {"webhook-id": "evt_1", "webhook-timestamp": stamp, "webhook-signature": signature}

    assert example.is_from_onetill(heads(now), body.encode())
    assert example.is_from_onetill(heads(now, "v1,AAAA "), body.encode())
    assert not example.is_from_onetill(heads(now), body.encode() + b" ")
    assert not example.is_from_onetill(heads(now - timedelta(hours=1)), body.encode())


def test_it_is_short_and_needs_nothing_but_python() -> None:
    text = EXAMPLE.read_text()
    assert len(text.splitlines()) < 150
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
