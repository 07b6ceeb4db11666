"""A webshop in one file, with nothing but Python: it takes a payment, hears of it by webhook, and gives it back.

    WEBHOOK_ALLOW_PRIVATE=1 make run          # in one shell: it prints an API key and a channel
    ONETILL_KEY=ot_test_… ONETILL_CHANNEL=chn_… python3 tests/examples/webshop.py

and open http://127.0.0.1:9000. Elsewhere set ONETILL_URL (the server) and SHOP_URL (where customers find this shop).
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
import urllib.request
from email.message import Message
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ONETILL = os.environ.get("ONETILL_URL", "http://127.0.0.1:8000")
SHOP = os.environ.get("SHOP_URL", "http://127.0.0.1:9000")
KEY, CHANNEL = os.environ["ONETILL_KEY"], os.environ["ONETILL_CHANNEL"]
PRICE = 4950  # cents, always whole: money is never a float

orders: dict[str, dict[str, Any]] = {}  # a real shop has a database: number → what it knows of the order
heard: set[str] = set()  # the ids of the webhooks that were acted upon


def ask(path: str, body: dict[str, Any] | None = None, key: str = "") -> dict[str, Any]:
    """Call the API. The same `key` again never makes anything twice, however often the line breaks."""
    request = urllib.request.Request(ONETILL + path, data=None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", f"Bearer {KEY}")
    request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Idempotency-Key", key)
    with urllib.request.urlopen(request, timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def buy() -> str:
    """Ask for a payment; return where the customer pays it."""
    number = secrets.token_hex(4)
    orders[number] = {"status": "open"}
    body = {
        "order_reference": number,
        "order_total": PRICE,
        "amount": PRICE,
        "currency": "EUR",
        "method": "ideal",
        "channel": CHANNEL,
        "return_url": f"{SHOP}/order?number={number}",
    }
    payment = ask("/v1/payments", body, key=f"pay-{number}")
    orders[number] |= {"id": payment["order"]["id"], "payment": payment["id"]}
    return str(payment["next_action"]["url"])


def give_back(number: str) -> None:
    """Ask for a refund of all of it; the webhook tells when it has succeeded."""
    body = {"payment": orders[number]["payment"], "reason": "Changed my mind", "channel": CHANNEL}
    ask("/v1/refunds", body, key=f"refund-{number}")
    orders[number]["status"] = "to be refunded"


def is_from_onetill(headers: Message | dict[str, str], body: bytes) -> bool:
    """Standard Webhooks: the HMAC of id, moment and body, by a secret that only the two of us know."""
    message_id, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not moment.isdecimal() or abs(time.time() - int(moment)) > 300:
        return False  # old news, said again by somebody else
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{message_id}.{moment}.".encode() + body
    right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(right.encode(), one.encode()) for one in given)


def hear(event: dict[str, Any]) -> None:
    """What happened. Events may come late, twice and in any order; unknown kinds are left alone.

    An order is known by Onetill's id: another channel may use the same number. And one captured payment is one tender:
    the order is paid when nothing is due any more.
    """
    about = event["data"]["object"].get("order", {}).get("id")
    for order in orders.values():
        if about is not None and order.get("id") == about:
            now = ask(f"/v1/orders/{about}")
            if now["refunded"] and now["refunded"] == now["paid"]:
                order["status"] = "refunded"
            elif now["due"] == 0 and order["status"] == "open":
                order["status"] = "paid"


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        number = parse_qs(urlsplit(self.path).query).get("number", [""])[0]
        if number not in orders:
            return self.show("<form method=post action=/buy><button>Buy a bouquet, €49.50</button></form>")
        # That the customer came back proves nothing: only the webhook (or the API) tells what became of the payment.
        status = orders[number]["status"]
        again = f"<form method=post action='/refund?number={number}'><button>Send it back</button></form>"
        return self.show(f"<p>Order {number}: {escape(status)}.</p>{again if status == 'paid' else ''}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        here = urlsplit(self.path)
        number = parse_qs(here.query).get("number", [""])[0]
        if here.path == "/webhooks":
            self.webhook(body)
        elif here.path == "/buy":
            self.go(buy())
        elif here.path == "/refund" and number in orders:
            give_back(number)
            self.go(f"/order?number={number}")
        else:
            self.send_error(404)

    def webhook(self, body: bytes) -> None:
        if not is_from_onetill(self.headers, body):
            return self.send_error(400)
        if self.headers["webhook-id"] not in heard:
            hear(json.loads(body))
            heard.add(self.headers["webhook-id"])
        self.send_response(204)
        return self.end_headers()

    def go(self, where: str) -> None:
        self.send_response(303)
        self.send_header("Location", where)
        self.end_headers()

    def show(self, text: str) -> None:
        page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title><h1>Shop</h1>{text}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", urlsplit(SHOP).port or 9000), Shop)
    endpoint = {"url": f"{SHOP}/webhooks", "events": ["payment.captured", "refund.succeeded"]}
    SECRET = ask("/v1/webhook_endpoints", endpoint, key=secrets.token_hex())["secret"]  # shown this once: keep it
    print(f"The shop is open at {SHOP}")
    server.serve_forever()
