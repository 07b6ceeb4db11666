"""Online and in store are one shop: what customers do between the two, through HTTP, real workers and the simulator."""

import email
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any

import httpx
import pytest

from terminals.device.connection import Line
from terminals.device.device import Device
from terminals.device.storage import Memory
from tests.simulator import eventually
from tests.stack import Shop, Stack

CARD: dict[str, Any] = {
    "card": {"brand": "maestro", "last4": "4012"},
    "entry_mode": "contactless",
    "verification": "none",
    "emv": {"aid": "A0000000043060", "label": "MAESTRO"},
    "authorization_code": "A1B2C3",
    "acquirer_tid": "TID00001",
}
ANNA = {"reference": "C1", "email": "anna@example.com", "name": "Anna"}


class Customer:
    """Somebody with a telephone: opens addresses, fills in forms, presses buttons; no script runs."""

    def __init__(self) -> None:
        self.http = httpx.Client(trust_env=False, timeout=30, headers={"Accept-Language": "en"})

    def reads(self, url: str) -> str:
        page = self.http.get(url)
        assert page.status_code == 200, page.text
        return page.text

    def presses(self, url: str, method: str, **text: str) -> str:
        """Choose a way to pay; tell where that leads."""
        attempt = re.search(r'name="attempt" value="(\w+)"', self.reads(url))
        assert attempt is not None
        sent = self.http.post(url, data={"attempt": attempt[1], "method": method, **text})
        assert sent.status_code == 303, sent.text
        return str(httpx.URL(url).join(sent.headers["location"]))

    def pays(self, url: str, method: str = "ideal", **text: str) -> None:
        """Go over the provider's page and back; wait until the page says so."""
        there = self.presses(url, method, **text)
        back = self.http.post(there, data={"action": "approve"}).headers["location"]
        eventually(lambda: "Paid. Thank you." in self.reads(back), within=60)


@pytest.fixture
def customer() -> Customer:
    return Customer()


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Shop:
    """One merchant for all of these stories."""
    return Shop(stack)


@pytest.fixture(scope="module")
def terminal(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """A PIN terminal in the store, paired with its code."""
    tmp_path = tmp_path_factory.mktemp("device")
    made = shop.api.post("/v1/terminals", {"channel": shop.store, "label": "Till 1"}).json()
    device = Device(Line(shop.stack.url), Memory.load(tmp_path / "device.json"))
    device.pair(made["pairing_code"])
    return device


def link_for(shop: Shop, **payload: Any) -> dict[str, Any]:
    """A payment link, in the webshop unless said otherwise."""
    body = {"currency": "EUR", "description": "Autumn bouquet", "channel": shop.web} | payload
    answer = shop.api.post("/v1/payment_links", body)
    assert answer.status_code == 201, answer.text
    link: dict[str, Any] = answer.json()
    return link


def read(shop: Shop, link: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.get(f"/v1/payment_links/{link['id']}")
    return found


def order_of(shop: Shop, link: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.get(f"/v1/orders/{link['order']['id']}")
    return found


def mailed(stack: Stack, to: str, *, with_word: str) -> EmailMessage:
    """The letter that a worker put into the installation's mail folder."""

    def look() -> EmailMessage | None:
        for file in sorted((stack.home / "mail").glob("*.log")):
            for raw in file.read_bytes().split(b"\n" + b"-" * 79 + b"\n"):
                letter = email.message_from_bytes(raw.lstrip(), policy=default)
                assert isinstance(letter, EmailMessage)
                if letter["To"] == to and with_word in str(letter["Subject"]):
                    return letter
        return None

    found = eventually(look, within=60)
    assert found is not None
    return found


def text_of(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_ordered_online_paid_at_the_counter(shop: Shop, terminal: Device, customer: Customer) -> None:
    """The customer has the webshop's link, but comes by: the terminal pays the very order."""
    link = link_for(shop, amount=4_950, order_reference="W-1001")
    assert "€49.50" in customer.reads(link["url"])

    terminal.transact("sale", 4_950, order=link["order"]["id"], **CARD)
    assert terminal.send_all(patience=30)

    assert read(shop, link)["status"] == "paid"
    assert "Paid. Thank you." in customer.reads(link["url"])
    late = customer.http.post(link["url"], data={"attempt": "a" * 32, "method": "ideal"})
    assert late.status_code == 422
    order = order_of(shop, link)
    assert (order["paid"], order["due"], len(order["payments"])) == (4_950, 0, 1)
    assert order["payments"][0]["channel"]["id"] == shop.store


@pytest.mark.parametrize("way", ["mail", "code"])
def test_the_shelf_is_empty(way: str, stack: Stack, shop: Shop, customer: Customer) -> None:
    """Ordered in the store, paid on the customer's own telephone: by a mailed link, or by the code on the counter."""
    link = link_for(shop, amount=8_900, channel=shop.store, order_reference=f"S-{way}", customer=ANNA)
    if way == "mail":
        to = f"anna-{link['id'][-6:]}@example.com"
        assert shop.api.post(f"/v1/payment_links/{link['id']}/send", {"via": "email", "to": to}).status_code == 202
        letter = mailed(stack, to, with_word="betaling")
        assert link["url"] in text_of(letter, "html")
        found = re.search(r"http://\S+/pay/\S+", text_of(letter, "plain"))
        assert found is not None
        address = found[0]
    else:
        assert customer.http.get(link["qr_svg_url"]).text.startswith("<svg")
        assert customer.http.get(link["qr_png_url"]).content.startswith(b"\x89PNG")
        assert "qr.svg" in customer.reads(f"{link['url']}/qr")
        address = link["url"]
    customer.pays(address, "bancontact")

    paid = read(shop, link)
    payment = shop.api.get(f"/v1/payments/{paid['payments'][0]}")
    assert (paid["status"], payment["method"], payment["channel"]["id"]) == ("paid", "bancontact", shop.store)
    assert payment["customer"] == link["customer"]


def test_a_link_in_an_invoice(shop: Shop, customer: Customer) -> None:
    """It asks what is still due when it is opened, and is good as long as the invoice says."""
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat().replace("+00:00", "Z")
    total = {"order_reference": "2026-001", "order_total": 30_000, "currency": "EUR", "channel": shop.store}
    shop.api.post("/v1/payments", {**total, "amount": 10_000, "method": "cash"})
    (order,) = shop.api.get("/v1/orders", reference="2026-001")["data"]
    link = link_for(shop, order=order["id"], description="Invoice 2026-001", expires_at=until)
    page = customer.reads(link["url"])
    assert "€200.00" in page
    assert "This request is good until" in page

    customer.pays(link["url"])

    assert read(shop, link)["status"] == "paid"
    order = order_of(shop, link)
    assert (order["paid"], order["due"]) == (30_000, 0)
    assert sorted(payment["method"] for payment in order["payments"]) == ["cash", "ideal"]


def test_part_voucher_part_card(shop: Shop, customer: Customer) -> None:
    """The gift card goes first, the card pays the rest; brought back, each gets its own again."""
    voucher = shop.api.post("/v1/vouchers", {"amount": 2_000, "currency": "EUR", "purpose": "multi"}).json()
    link = link_for(shop, amount=4_950)
    customer.presses(link["url"], "voucher", voucher_code=voucher["code"])
    assert "€29.50" in customer.reads(link["url"])
    assert read(shop, link)["status"] == "active"
    customer.pays(link["url"], "card")
    assert read(shop, link)["status"] == "paid"
    payments = {row["method"]: row["amount_captured"] for row in order_of(shop, link)["payments"]}
    assert payments == {"voucher": 2_000, "card": 2_950}

    body = {"order": link["order"]["id"], "reason": "Changed my mind", "channel": shop.store}
    refund = shop.api.post("/v1/refunds", body).json()
    eventually(lambda: shop.api.get(f"/v1/refunds/{refund['id']}")["status"] == "succeeded", within=60)
    assert shop.api.get(f"/v1/vouchers/{voucher['code']}")["balance"] == 2_000
    assert order_of(shop, link)["refunded"] == 4_950


def test_collected_in_store_with_the_receipt_mailed(
    stack: Stack, shop: Shop, terminal: Device, customer: Customer
) -> None:
    """Paid online; the counter finds the order by its receipt, mails receipts, and sells and takes back beside it."""
    anna = {**ANNA, "email": f"anna-{shop.merchant[-6:]}@example.com"}
    link = link_for(shop, amount=4_950, order_reference="W-2002", customer=anna)
    customer.pays(link["url"])
    number = order_of(shop, link)["payments"][0]["receipt_number"]

    (order,) = shop.api.get("/v1/orders", receipt=number)["data"]
    assert order["id"] == link["order"]["id"]
    (payment,) = order["payments"]
    assert shop.api.post(f"/v1/payments/{payment['id']}/send_receipt").status_code == 202
    letter = mailed(stack, anna["email"], with_word=number)
    assert "€\N{NO-BREAK SPACE}49,50" in text_of(letter, "plain")
    (attached,) = letter.iter_attachments()
    assert (attached.get_filename(), attached.get_content()[:5]) == (f"{number}.pdf", b"%PDF-")

    terminal.transact("sale", 1_250, order=order["id"], **CARD)
    assert terminal.send_all(patience=30)
    extra = next(row for row in order_of(shop, link)["payments"] if row["terminal"])
    shop.api.post(f"/v1/payments/{extra['id']}/send_receipt", {"language": "en"})
    receipt = text_of(mailed(stack, anna["email"], with_word=extra["receipt_number"]), "plain")
    for expected in ("AID: A0000000043060", "TID: TID00001", "Authorization code: A1B2C3", "Maestro •••• 4012"):
        assert expected in receipt, expected
    (found,) = shop.api.get("/v1/orders", receipt=extra["receipt_number"])["data"]
    assert found["id"] == order["id"]

    body = {"payment": payment["id"], "amount": 1_000, "reason": "Damaged", "channel": shop.store}
    refund = shop.api.post("/v1/refunds", body).json()
    eventually(lambda: shop.api.get(f"/v1/refunds/{refund['id']}")["status"] == "succeeded", within=60)
    assert shop.api.post(f"/v1/refunds/{refund['id']}/send_receipt").status_code == 202
    back = mailed(stack, anna["email"], with_word="Retourbon")
    assert number in text_of(back, "plain")
    assert not [line for line in (stack.home / "stack.log").read_text().splitlines() if anna["email"] in line]
