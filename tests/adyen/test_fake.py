"""The fake Adyen refuses, forgets and surprises as the real one is said to."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fake_adyen import afterwards
from tests.fake_adyen.books import Books, Object
from tests.fake_adyen.schemas import PUBLISHED, SPECIFICATION
from tests.fake_adyen.server import FakeAdyen
from tests.fake_adyen.traps import Trap
from tests.fakes.faults import Fault
from tests.fakes.specification import SHARED
from tests.simulator import Receiver, eventually


class Asking:
    """Whoever knows an account's key."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.http = httpx.Client(base_url=books.base, trust_env=False, timeout=10, verify=False)

    def __call__(self, path: str, body: Any, *, key: str | None = None, api_key: str | None = None) -> httpx.Response:
        headers = {"X-API-Key": api_key or self.books.api_key} | ({"Idempotency-Key": key} if key else {})
        full = {"merchantAccount": self.books.merchant_account, **body}
        return self.http.post(f"/v72/{path}", json=full, headers=headers)

    def pay(self, value: int = 10_00, key: str | None = None, **more: Any) -> httpx.Response:
        body = {
            "amount": {"currency": "EUR", "value": value},
            "reference": "op_1",
            "returnUrl": "https://shop.example/back",
            "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "8415"},
            "shopperReference": "shopper-1",
            "shopperInteraction": "ContAuth",
            "recurringProcessingModel": "CardOnFile",
            "captureDelayHours": 0,
        }
        return self("payments", body | more, key=key)

    def refund(self, psp: str, value: int, key: str | None = None) -> Object:
        body = {"amount": {"currency": "EUR", "value": value}, "reference": "op_2"}
        answer = self(f"payments/{psp}/refunds", body, key=key)
        assert answer.status_code == 201, answer.text
        shown: Object = answer.json()
        return shown


@pytest.fixture
def ask(fake_adyen: FakeAdyen) -> Iterator[Asking]:
    asking = Asking(fake_adyen.account("bloem"))
    yield asking
    asking.http.close()


@pytest.mark.skipif(not SHARED.joinpath("providers").exists(), reason="the published specification is not at hand")
def test_every_request_is_held_against_the_published_specification() -> None:
    assert [endpoint for endpoint in PUBLISHED if not SPECIFICATION.is_published(endpoint)] == []


def test_a_key_is_one_payment(ask: Asking) -> None:
    first = ask.pay(key="k1").json()
    assert ask.pay(key="k1").json() == first
    assert ask.pay(key="k2").json()["pspReference"] != first["pspReference"]
    assert [effect.verb for effect in ask.books.effects] == ["sale", "sale"]
    assert ask.pay(key="k1", reference="op_9").status_code == 422


def test_a_key_is_forgotten_after_a_week(ask: Asking) -> None:
    first = ask.pay(key="k1").json()["pspReference"]
    ask.books.later(days=8)
    assert ask.pay(key="k1").json()["pspReference"] != first


@pytest.mark.parametrize("api_key", ["AQE_", "AQE_revoked", "sk_test_1"])
def test_a_wrong_key(ask: Asking, api_key: str) -> None:
    assert ask("paymentMethods", {}, api_key=api_key).status_code == 401


def test_another_merchant_account(ask: Asking) -> None:
    assert ask("paymentMethods", {"merchantAccount": "Another"}).status_code == 403


def test_what_is_not_specified_is_refused(ask: Asking) -> None:
    assert ask.pay(colour="red").status_code == 422
    assert ask("sessions", {"amount": {"currency": "EUR", "value": 1}}).status_code == 422


def test_what_is_received_is_carried_out_a_moment_later(ask: Asking) -> None:
    psp = ask.pay().json()["pspReference"]
    assert ask.refund(psp, 4_00)["status"] == "received"
    assert eventually(lambda: [effect.verb for effect in ask.books.effects] == ["sale", "refund"])


def test_more_than_what_is_left_is_received_and_refused_afterwards(ask: Asking, receiver: Receiver) -> None:
    ask.books.webhook_url = receiver.url
    psp = ask.pay().json()["pspReference"]
    assert ask.refund(psp, 40_00)["status"] == "received"
    eventually(lambda: any(b'"REFUND"' in row.body and b'"false"' in row.body for row in receiver.landed))
    assert [effect.verb for effect in ask.books.effects] == ["sale"]


def test_a_payment_that_is_not_there(ask: Asking) -> None:
    body = {"amount": {"currency": "EUR", "value": 1}, "reference": "op_2"}
    assert ask("payments/NOBODY/refunds", body).json()["errorCode"] == "167"


@pytest.mark.parametrize("trap", [Trap.CAPTURE_REFUSED, Trap.REFUND_REFUSED, Trap.CANCEL_REFUSED])
def test_each_change_can_be_refused_afterwards(ask: Asking, fake_adyen: FakeAdyen, trap: Trap) -> None:
    told: list[Object] = []
    verb = trap.value.partition("_")[0]
    held: dict[str, Any] = {"additionalData": {"manualCapture": "true"}} if verb != "refund" else {}
    psp = ask.pay(**held).json()["pspReference"]
    ask.books.listen = lambda _, items: told.extend(items)
    fake_adyen.traps.set(trap)
    amount = {"amount": {"currency": "EUR", "value": 10_00}} if verb != "cancel" else {}
    assert ask(f"payments/{psp}/{verb}s", {"reference": "op_2", **amount}).status_code == 201
    assert eventually(lambda: [item["success"] for item in told] == ["false"])


def test_a_change_may_bear_the_payments_reference(ask: Asking, fake_adyen: FakeAdyen) -> None:
    told: list[Object] = []
    psp = ask.pay().json()["pspReference"]
    ask.books.listen = lambda _, items: told.extend(items)
    fake_adyen.traps.set(Trap.ORIGINAL_REFERENCE)
    ask.refund(psp, 4_00)
    assert eventually(lambda: [item["merchantReference"] for item in told] == ["op_1"])


def test_faults_strike_and_are_remembered(ask: Asking, fake_adyen: FakeAdyen) -> None:
    fake_adyen.faults.plan(Fault.DROPPED_DONE)
    with pytest.raises(httpx.HTTPError):
        ask.pay(key="k1")
    assert [row.status for row in fake_adyen.received] == [0]
    assert len(ask.books.effects) == 1
    assert ask.pay(key="k1").json()["resultCode"] == "Authorised"
    assert len(ask.books.effects) == 1


def test_a_page_is_paid_once(ask: Asking) -> None:
    body = {
        "amount": {"currency": "EUR", "value": 10_00},
        "reference": "op_1",
        "returnUrl": "https://shop.example/back",
        "mode": "hosted",
        "expiresAt": "2030-01-01T00:00:00+01:00",
    }
    session = ask("sessions", body).json()
    for _ in range(2):
        assert ask.http.post(session["url"], data={"action": "pay"}).headers["Location"] == body["returnUrl"]
    assert len(ask.books.effects) == 1
    assert afterwards.pay(ask.books, session["id"]) is None


def test_forged_items_are_sent_beside_genuine_ones(ask: Asking, fake_adyen: FakeAdyen, receiver: Receiver) -> None:
    ask.books.webhook_url = receiver.url
    fake_adyen.post.mischief.forged = 1.0
    ask.pay()
    eventually(lambda: len(receiver.landed) >= 2)
    assert any(b"FORGED" in row.body for row in receiver.landed)
