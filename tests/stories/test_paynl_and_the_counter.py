"""Bought at Pay.nl, brought back to a counter: with another provider's terminal, and with Pay.nl's own."""

from typing import Any

import pytest
from django.utils import timezone

from payments.models import Discrepancy, Order, RefundPart
from terminals.models import TerminalAction
from terminals.services.actions import drive, refunds
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.fake_adyen.server import FakeAdyen
from tests.fake_paynl import afterwards
from tests.paynl.conftest import PayNlShop
from tests.paynl.conftest import paynl as paynl
from tests.terminals.conftest import books

pytestmark = pytest.mark.django_db(transaction=True)


def till_of(paynl: PayNlShop, driver: str, device: str, **more: Any) -> str:
    """A terminal in the store."""
    about = {"channel": paynl.shop.store.id, "label": f"Till of {driver}", "driver": driver, "device_id": device}
    made: str = paynl.ask("/v1/terminals", **about, **more)["id"]
    return made


def charge(paynl: PayNlShop, till: str, amount: int, **more: Any) -> dict[str, Any]:
    """A customer pays at a terminal; what came of it is asked of its maker."""
    asked = paynl.ask(f"/v1/terminals/{till}/actions", type="sale", amount=amount, currency="EUR", **more)
    drive.drive(till)
    return asked


def some_seconds_later() -> None:
    TerminalAction.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
    drive.drive_all()


def test_bought_with_ideal_at_paynl_and_brought_back_where_pin_runs_with_adyen(
    paynl: PayNlShop, fake_adyen: FakeAdyen
) -> None:
    terminal = fake_adyen.terminal("bloem")
    terminal.card = "tap"
    secrets = {"provider": "adyen", "name": "Adyen", "currency": "EUR", "credentials": terminal.books.secrets}
    adyen = paynl.ask("/v1/provider_accounts", **secrets)["id"]
    till = till_of(paynl, "adyen", terminal.device, provider_account=adyen)

    # Anna orders a coat and pays by iDEAL; in the store she buys a scarf besides, by PIN, on the same order.
    coat = paynl.pay(75_00, order_reference="W-1", order_total=85_00)
    afterwards.pay(paynl.books, paynl.order_of(coat))
    paynl.deliver()
    scarf = charge(paynl, till, 10_00, order=coat["order"]["id"])
    some_seconds_later()
    assert paynl.payment({"id": scarf["payment"]})["status"] == "captured"
    assert Order.objects.get(id=coat["order"]["id"]).refundable == 85_00

    # She brings the coat back to that counter. Its money is at Pay.nl, whatever terminal stands there.
    body = {"payment": coat["id"], "channel": paynl.shop.store.id, "reason": "Too small", "operator": "Sanne"}
    refund = paynl.ask("/v1/refunds", **body)
    assert [part["route"] for part in refund["parts"]] == ["original"]
    paynl.work()
    [row] = paynl.books.refunded[paynl.order_of(coat)]
    afterwards.receive_refund(paynl.books, row["id"])
    paynl.deliver()
    assert paynl.refunded(refund)["status"] == "succeeded"
    assert paynl.effects() == [("charge", 75_00), ("refund", 75_00)]
    assert [effect.verb for effect in terminal.books.effects] == ["sale"]
    assert paynl.payment({"id": scarf["payment"]})["amount_refunded"] == 0
    assert books(paynl.shop.merchant) == {"receivable": 10_00, "takings": -85_00, "returns": 75_00}
    assert not Discrepancy.objects.exclude(status="resolved").exists()


def test_a_sale_by_pin_at_paynl_goes_back_on_the_card_as_an_order_of_its_own(paynl: PayNlShop) -> None:
    afterwards.add_terminal(paynl.books, "TH-1234-5678")["_card"] = "nothing"
    till = till_of(paynl, "paynl", "TH-1234-5678")
    sale = charge(paynl, till, 40_00)
    [sold] = paynl.books.orders
    afterwards.pay(paynl.books, sold)
    some_seconds_later()

    # A week later the customer is back with the card, and the store's back office asks for the refund.
    body = {"payment": sale["payment"], "amount": 15_00, "channel": paynl.shop.store.id, "reason": "A moth"}
    refund = paynl.ask("/v1/refunds", **body, terminal=till, operator="Bram")
    assert [part["route"] for part in refund["parts"]] == ["terminal"]
    assert TerminalAction.objects.filter(type="refund").count() == 0
    refunds.offer_refunds()
    drive.drive(till)
    [back] = set(paynl.books.orders) - {sold}
    afterwards.pay(paynl.books, back)
    some_seconds_later()
    assert paynl.refunded(refund)["status"] == "succeeded"
    assert RefundPart.objects.get().card_match == {"verdict": "same", "by": "fingerprint"}
    assert paynl.effects() == [("charge", 40_00), ("retourpin", 15_00)]
    assert books(paynl.shop.merchant) == {"receivable": 25_00, "takings": -40_00, "returns": 15_00}
