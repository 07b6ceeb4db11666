"""VAT adds up, cash needs a counter, and every currency has its own decimals."""

from typing import Any

import pytest

from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"order_reference": "1", "amount": 12_100, "currency": "EUR", "method": "cash"}
HIGH = {"rate": 21, "net": 10_000, "tax": 2_100}
FOREIGN = [("JPY", 5_000, "5,000"), ("CLP", 5_000, "5,000"), ("KWD", 5_000, "5.000"), ("BHD", 5_000, "5.000")]


@pytest.fixture
def till(shop: Shop) -> Api:
    """The store's key."""
    return shop.api(channel=shop.store)


@pytest.mark.parametrize(
    "lines",
    [
        [HIGH],
        [{"rate": "21", "net": 5_000, "tax": 1_050}, {"rate": 9, "net": 5_550, "tax": 500}],
        [{"rate": 9, "net": 1_000, "tax": 91}, {"rate": 21, "net": 9_098, "tax": 1_911}],  # a cent more by the line
        [{"rate": 0, "net": 12_100, "tax": 0}],
        [{"rate": 5.5, "net": 11_469, "tax": 631}],
        [],
    ],
)
def test_vat_that_adds_up(till: Api, lines: list[dict[str, Any]]) -> None:
    assert till.post("/v1/payments", BODY | {"vat": lines}).json()["vat"] == lines


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ([HIGH | {"net": 9_000, "tax": 1_890}], "vat"),
        ([HIGH, HIGH], "vat"),
        ([{"rate": 21, "net": 10_010, "tax": 2_090}], "vat[0].tax"),
        ([{"rate": 9, "net": 0, "tax": 0}, {"rate": 9, "net": 10_000, "tax": 2_100}], "vat[1].tax"),
        ([{"rate": 0, "net": 12_000, "tax": 100}], "vat[0].tax"),
    ],
)
def test_vat_that_differs(till: Api, lines: list[dict[str, Any]], place: str) -> None:
    answer = till.post("/v1/payments", BODY | {"vat": lines})
    assert refusal(answer, 422, "vat_differs")["param"] == place
    assert till.get("/v1/payments").json()["data"] == []


def test_cash_and_terminals_need_a_counter(shop: Shop) -> None:
    web = shop.api(channel=shop.webshop)
    refused = refusal(web.post("/v1/payments", BODY), 422, "channel_kind")
    assert refused["param"] == "channel"
    refusal(web.post("/v1/terminals", {"label": "Till 1"}), 422, "channel_kind")
    api = shop.api()
    market = api.post("/v1/channels", {"name": "Market", "kind": "remote"})
    for channel in [shop.store.id, *([market.json()["id"]] if market.status_code == 201 else [])]:
        paid = api.post("/v1/payments", BODY | {"channel": channel, "order_reference": channel})
        assert paid.json()["status"] == "captured"
        assert api.post("/v1/terminals", {"label": "Till 1", "channel": channel}).status_code == 201


def test_cash_is_rounded_and_the_change_is_told(shop: Shop, till: Api) -> None:
    paid = till.post("/v1/payments", BODY | {"amount": 1_002, "received": 2_000}).json()
    assert (paid["change"], paid["amount_captured"]) == (1_000, 1_002)
    refused = refusal(till.post("/v1/payments", BODY | {"received": 12_099}), 422, "received_too_little")
    assert "121.00" in refused["detail"]


@pytest.mark.parametrize(("currency", "amount", "written"), FOREIGN)
def test_cash_of_another_currency_is_not_rounded_as_our_coins_are(
    till: Api, currency: str, amount: int, written: str
) -> None:
    """5 cents is the euro's smallest coin; of yen it would be nothing, of dinars a thousandth."""
    body = BODY | {"currency": currency, "amount": amount + 2}
    paid = till.post("/v1/payments", body | {"received": amount + 10}).json()
    assert (paid["change"], paid["amount_captured"]) == (8, amount + 2)
    back = till.post("/v1/refunds", {"payment": paid["id"], "amount": amount, "reason": "x", "route": "cash"}).json()
    assert back["amount_succeeded"] == amount
    over = {"payment": paid["id"], "amount": amount, "reason": "x", "route": "cash"}
    assert refusal(till.post("/v1/refunds", over), 422, "amount_exceeds_refundable")["amount_refundable"] == 2


@pytest.mark.parametrize(("currency", "amount", "written"), FOREIGN)
def test_an_order_in_another_currency_through_every_door(
    shop: Shop, till: Api, simulator: RunningSimulator, currency: str, amount: int, written: str
) -> None:
    web = shop.api(channel=shop.webshop)
    half = amount // 2
    body = {"order_reference": "7", "currency": currency, "method": "card", "order_total": amount, "amount": half}
    held = web.post("/v1/payments", body | {"capture": "manual"}).json()
    path = f"/v1/payments/{held['id']}"
    refused = refusal(web.post(f"{path}/capture", {"amount": amount}), 422, "amount_exceeds_capturable")
    assert refused["amount_capturable"] == half
    taken = web.post(f"{path}/capture", {"amount": 1_000, "final": False}).json()
    assert (taken["amount_captured"], taken["amount_capturable"]) == (1_000, half - 1_000)
    assert web.post(f"{path}/cancel").json()["amount_capturable"] == 0
    order = {"order": held["order"]["id"], "currency": currency}
    refused = refusal(
        till.post("/v1/payments", order | {"method": "cash", "amount": amount}), 422, "amount_exceeds_due"
    )
    assert refused["due"] == amount - 1_000
    gift = web.post("/v1/vouchers", {"amount": amount, "currency": currency, "purpose": "multi"}).json()["code"]
    spend = order | {"method": "voucher", "voucher_code": gift, "amount": 1_000}
    assert till.post("/v1/payments", spend).json()["status"] == "captured"
    link = web.post("/v1/payment_links", order | {"description": "The rest"}).json()
    page = web.http.get("/pay/" + link["url"].rpartition("/pay/")[2]).content.decode().replace("\xa0", " ")
    assert f"{currency} {_in_major_units(currency, amount - 2_000)}" in page
    assert till.post("/v1/payments", order | {"method": "cash", "amount": amount - 2_000}).status_code == 201
    story = web.get(f"/v1/orders/{held['order']['id']}").json()
    assert (story["paid"], story["due"], story["refundable"]) == (amount, 0, amount)
    assert web.get(f"/v1/payment_links/{link['id']}").json()["status"] == "paid"


def _in_major_units(currency: str, amount: int) -> str:
    return f"{amount:,}" if currency in ("JPY", "CLP") else f"{amount / 1000:,.3f}"
